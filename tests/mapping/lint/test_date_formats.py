"""Formats of dates as other programs write them."""

from __future__ import annotations

import pytest

from gateway.mapping.lint import date_formats


@pytest.mark.parametrize(
    ("form", "fix"),
    [
        ("TT.MM.JJJJ", 'write "%d.%m.%Y"'),
        ("yyyy-MM-dd'T'HH:mm:ss", 'write "%Y-%m-%dT%H:%M:%S"'),  # The quotes are Java's, and belong to no date.
        ("%Y-%M-%d", 'write "%Y-%m-%d"'),
        ("%d.%m.%Y %H:%m", 'write "%d.%m.%Y %H:%M"'),
    ],
)
def test_the_fix_is_a_format_that_can_be_used(form: str, fix: str) -> None:
    found = date_formats.fault(form)
    assert found is not None
    assert found[1] == fix
    assert date_formats.fault(fix.split('"')[1]) is None
