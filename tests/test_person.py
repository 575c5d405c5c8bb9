"""What a person says in an option becomes a text that every table and screen takes."""

from __future__ import annotations

import pytest

from gateway.person import one_line


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("as agreed\nin  May", "as agreed in May"),
        ("\u200b \u202e", ""),
        ("bad \udcff byte", "bad ? byte"),
        ("x" * 5000, "x" * 1000),
    ],
)
def test_words_of_a_person(said: str, kept: str) -> None:
    assert one_line(said) == kept
