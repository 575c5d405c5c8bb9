"""What the values of a column look like."""

from __future__ import annotations

import pytest

from gateway.suggest import shapes
from gateway.suggest.fields import Habits, format_of, number_of


@pytest.mark.parametrize(
    ("values", "kind", "decimal"),
    [
        (["12", "7", "1200"], "integer", ""),
        (["1.034,50", "4,50"], "decimal", "comma"),
        (["1,034.50", "4.5"], "decimal", "point"),
        (["1.234.567", "12"], "decimal", "comma"),  # two points can only be thousands
        (["1.234", "2.500"], "decimal", "both"),
        (["12.50-", "(3.00)", "−1.00"], "decimal", "point"),
        (["EUR 12,50", "9,90 EUR"], "decimal", "comma"),
        (["SUP-1", "SUP-2"], "text", ""),  # SUP is no currency
        (["00123", "00124"], "text", ""),
        (["4006381333931", "8711000000017"], "text", ""),
        (["USD", "EUR"], "currency", ""),
        (["", " "], "blank", ""),
    ],
)
def test_numbers_and_what_only_looks_like_some(values: list[str], kind: str, decimal: str) -> None:
    found = shapes.of(values)
    assert (found.kind, found.decimal) == (kind, decimal)


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["2026-11-03", "2026-11-04"], ("iso",)),
        (["2026-11-03T10:00:00+01:00"], ("iso",)),
        (["18.11.2026", "03.11.2026"], ("%d.%m.%Y",)),
        (["3.11.2026", "18.11.2026"], ("%d.%m.%Y",)),
        (["11/18/2026", "11/03/2026"], ("%m/%d/%Y",)),
        (["18/11/2026", "03/11/2026"], ("%d/%m/%Y",)),
        (["03/04/2026", "05/06/2026"], ("%d/%m/%Y", "%m/%d/%Y")),  # nothing says which
        (["November 21, 2026"], ("%B %-d, %Y",)),
        (["20261103", "20261118"], ("ymd",)),
        (["18.11.2026 09:30"], ("%d.%m.%Y %H:%M",)),
        (["31.02.20", "blue"], ()),
    ],
)
def test_formats_of_days(values: list[str], formats: tuple[str, ...]) -> None:
    assert shapes.date_formats(values) == formats


def test_check_digits() -> None:
    assert shapes.of(["DE89370400440532013000"]).check == "iban"
    assert shapes.of(["DE89370400440532013001"]).check == ""
    assert shapes.of(["4006381333931", "4012345678901", "96385074"]).check == "gtin"
    assert shapes.of(["4006381333931", "4012345678902", "96385074"]).check == ""


def test_words_for_nothing_are_no_values() -> None:
    found = shapes.of(["--", "12.50", "--", "3.00"])
    assert (found.kind, found.decimal, found.filled, found.blanks) == ("decimal", "point", 0.5, ("--",))


def test_day_and_month_follow_the_other_dates_of_the_file_and_numbers_the_other_numbers() -> None:
    open_ = shapes.of(["03/04/2026", "05/06/2026"])
    assert format_of(open_, Habits(order="md")) == ("%m/%d/%Y", "")
    form, doubt = format_of(open_, Habits(decimal="comma"))
    assert form == "%d/%m/%Y" and "day or month first" in doubt
    assert number_of(shapes.of(["1.234"]), Habits(decimal="comma")) == ("comma", "")
    assert number_of(shapes.of(["12"]), Habits(decimal="comma")) == ("comma", "")  # the next file may say 1.200
    assert number_of(shapes.of(["1.234"]), Habits()) == ("auto", "1.234 can be read both ways")
