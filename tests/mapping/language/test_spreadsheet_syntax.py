"""What people know from spreadsheets and SQL, in expressions that cannot be read."""

from __future__ import annotations

import pytest

from gateway.mapping.language import spreadsheet_syntax


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("WENN(qty > 0; 1; 2)", "WENN is if() here"),
        ('cast("Price" as decimal(18,4)) +', None),
        ("amount * 0,19", "0,19 has a decimal comma"),
        ("round(amount * 0.19, 2", "1 bracket ( not closed"),
        ('substr("Ref", 1,3', "1 bracket ( not closed"),  # 1,3 are two values, and no number.
        ('substr("Ref", 1,3) ||', None),
    ],
)
def test_what_is_wrong_is_named(text: str, what: str | None) -> None:
    found = spreadsheet_syntax.found(text)
    assert (found and found[0]) == what
