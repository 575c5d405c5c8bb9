"""Untrusted names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transports import names
from gateway.transports.remote import local_name

anything = st.text(st.characters(), max_size=400)  # Lone surrogates too: names need not be UTF-8.


@given(anything)
def test_a_local_name_is_one_plain_part_of_a_path(name: str) -> None:
    local = local_name(name)
    assert local.isascii() and Path(local).name == local and len(local) < 150
    assert not local.startswith(".") and "\\" not in local


@given(anything, anything)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (local_name(one) == local_name(other)) == (one == other)


@given(anything)
def test_a_name_that_passes_can_be_stored_and_printed(name: str) -> None:
    if not names.refusal(name, 255):
        assert name.encode().decode() == name
        assert "/" not in name and "\n" not in name and "\x1b" not in name and len(name) <= 255
    names.shown(name).encode("ascii" if name.isascii() else "utf-8")
    assert names.shown(name).isprintable()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("../x", "path"),
        ("a/b", "path"),
        ("..", "path"),
        ("", "path"),
        ("a\x00", "control"),
        ("a\x7f", "control"),
        ("a\x9b", "control"),
        ("a\udcff", "UTF-8"),
        ("x" * 256, "255"),
    ],
)
def test_a_refusal_says_why(name: str, wrong: str) -> None:
    assert wrong in names.refusal(name, 255)
