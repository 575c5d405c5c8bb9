"""Text → typed value: what is read, what is not, and that nothing is ever rounded or guessed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.mapping.compiler import amounts, dates, values, written_currencies
from gateway.mapping.language.spec import FieldSpec
from gateway.model import MAPPABLE, Column

QTY = MAPPABLE["inventory_snapshot"].column("qty")
COST = MAPPABLE["item"].column("std_unit_cost")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def read(
    con: duckdb.DuckDBPyConnection,
    kind: str,
    *texts: str,
    column: Column | None = None,
    decided: str = "",
    **spec: Any,
) -> list[str | None]:
    """The values of texts, as text; None where one cannot be read."""
    sql = values.typed(kind, "text", FieldSpec.model_validate({"from": "text", **spec}), column, decided)
    rows = con.execute(
        f"select cast({sql} as varchar) from (select unnest($1) as text, generate_subscripts($1, 1) as n) order by n",
        [list(texts)],
    )
    return [value for (value,) in rows.fetchall()]


def numbers(con: duckdb.DuckDBPyConnection, decimal: str, *texts: str, **spec: Any) -> list[Decimal | None]:
    return [None if v is None else Decimal(v) for v in read(con, "decimal", *texts, decimal=decimal, **spec)]


def decimals(*texts: str) -> list[Decimal]:
    return list(map(Decimal, texts))


# --- numbers ------------------------------------------------------------------------------------------

NONE = (
    "",
    "-",
    "abc",
    "1e3",
    "1_000",
    "$5",
    "5 USD",
    "12,5O",
    "5%",
    "1.5E+3",
    "１２",
    "12.50 CR",
    "- ",
    "EUR",
    "0x1F",
    "NaN",
    "inf",
    "--5",
    "-5-",
    "(5",
    "(-5)",
    "1 2",
    "1.2.3",
    "1,2,3",
    "1,234.567,8",
    "٣",
)


@pytest.mark.parametrize("decimal", ["point", "comma", "auto"])
def test_what_is_no_number_is_not_read(con: duckdb.DuckDBPyConnection, decimal: str) -> None:
    assert numbers(con, decimal, *NONE) == [None] * len(NONE)


@pytest.mark.parametrize("decimal", ["point", "comma", "auto"])
def test_signs_in_front_behind_and_as_parentheses(con: duckdb.DuckDBPyConnection, decimal: str) -> None:
    assert numbers(con, decimal, "5", "+5", "-5", "5-", "5+", "(5)", "007") == [5, 5, -5, -5, 5, -5, 7]


MARKET = amounts.Writing(currency=True)
BANK = amounts.Writing(currency=True, letters=True)


def written(
    con: duckdb.DuckDBPyConnection, writing: amounts.Writing, *texts: str, decimal: str = "auto"
) -> list[Decimal | None]:
    spec = FieldSpec.model_validate({"from": "text", "decimal": decimal})
    sql = values.typed("decimal", "text", spec, None, writing=writing)
    found = con.execute(
        f"select {sql} from (select unnest($1) as text, generate_subscripts($1, 1) as n) order by n", [list(texts)]
    )
    return [value for (value,) in found.fetchall()]


def test_a_currency_beside_an_amount(con: duckdb.DuckDBPyConnection) -> None:
    texts = (
        "1.234,50 €",
        "1234,50€",
        "€1,234.50",
        "1234.50 EUR",
        "EUR 1,234.50",
        "$1,234.50",
        "US$1,234.50",
        "R$ 1.234,50",
        "US $1,234.50",
        "CAD $1,234.50",
        "1,234.50 eur",
        "1.234,50 TL",
        "'1234.50",
        "1`234.50",
    )
    assert written(con, MARKET, *texts) == [Decimal("1234.5")] * len(texts)
    negative = (
        "-$1,234.50",
        "$-1,234.50",
        "($1,234.50)",
        "(1.234,50 €)",
        "1,234.50 EUR-",
        "EUR -1.234,50",
        "-BRL 1.234,50",
        "€1,234.50-",
        "US $-1,234.50",
        "$( 1,234.50 )",
        "'-1234.50",
    )
    assert written(con, MARKET, *negative) == [Decimal("-1234.5")] * len(negative)
    assert written(con, MARKET, "5 XYZ", "5 €$", "€ 5 EURS", "1.000 €", "$ 1,000") == [None] * 5
    assert written(con, MARKET, "$1,000", "1.000 kr", decimal="point") == decimals("1000", "1")


def test_every_currency_beside_an_amount_must_be_that_of_the_row(con: duckdb.DuckDBPyConnection) -> None:
    sql = written_currencies.is_other(written_currencies.marks("text"), "'CAD'")
    others = ("$5.00 USD", "US $5.00", "USD $5.00", "us $5.00 cad", "5.00 eur")
    texts = ["$5.00 CAD", "CAD $5.00", "C $5.00", "cdn$5", "5.00", *others]
    found = con.execute(f"select {sql} from (select unnest($1) as text)", [texts]).fetchall()
    assert [text for text, (other,) in zip(texts, found, strict=True) if other] == list(others)


def test_a_sign_alone_is_a_currency_where_it_means_one(con: duckdb.DuckDBPyConnection) -> None:
    assert read(con, "currency", "€", "us $", "EUR", "$", "kr") == ["EUR", "USD", "EUR", None, None]


def test_debits_and_credits_in_letters(con: duckdb.DuckDBPyConnection) -> None:
    texts: tuple[str, ...] = ("1,234.50 CR", "1,234.50DR", "1.234,50 S", "1.234,50 H", "1,234.50 Dr.", "12.50 EUR D")
    texts += ("$12.50C", "12,50 DB", "Dr 12.50", "Cr. 12,50 €")
    assert written(con, BANK, *texts) == decimals(
        "1234.5", "-1234.5", "-1234.5", "1234.5", "-1234.5", "-12.5", "12.5", "-12.5", "-12.5", "12.5"
    )
    assert written(con, BANK, "-5 DR", "(5) CR", "5 CR-", "Dr -5", "Dr 5 CR", "D 5") == [None] * 6
    assert written(con, MARKET, *texts) == [None] * len(texts)


def test_typographic_signs_and_spaces(con: duckdb.DuckDBPyConnection) -> None:
    texts = (
        "\u22121,234.50",
        "\u20131234.50",
        "- 12.50",
        "\uff0d12.50",
        "12.50 -",
        "1\u2019234.50",
        "1\u2009234,50",
        "12.\u2013",
        "12,--",
        "12.-",
        "\u201412.50",
        "1.234,-",
        "1,234.--",
        "0E-8",
        "0.00E+00",
    )
    assert numbers(con, "auto", *texts) == decimals(
        "-1234.5",
        "-1234.5",
        "-12.5",
        "-12.5",
        "-12.5",
        "1234.5",
        "1234.5",
        "12",
        "12",
        "12",
        "-12.5",
        "1234",
        "1234",
        "0",
        "0",
    )


def test_indian_groups(con: duckdb.DuckDBPyConnection) -> None:
    for decimal in ("auto", "point"):
        assert numbers(con, decimal, "1,23,456.78", "12,34,567", "-1,00,000.5", "1,23,45.6") == [
            Decimal("123456.78"),
            Decimal(1234567),
            Decimal("-100000.5"),
            None,
        ]
    assert numbers(con, "comma", "1,23,456.78", "12,34,567") == [None, None]


def test_the_noise_of_binary_numbers_is_no_decimal(con: duckdb.DuckDBPyConnection) -> None:
    texts = (
        "0.30000000000000004",
        "1234.5000000000002",
        "0.28999999999999998",
        "-19.989999999999998",
        "123456789.12000001",
    )
    wanted = decimals("0.3", "1234.5", "0.29", "-19.99", "123456789.12")
    assert numbers(con, "auto", *texts) == numbers(con, "point", *texts) == wanted
    assert numbers(con, "comma", *(text.replace(".", ",") for text in texts)) == wanted
    assert numbers(con, "point", "1.23456", "1.2345000001", "0.12345678901234567", "1.00000001") == [None] * 4


def test_rates_keep_twelve_decimals(con: duckdb.DuckDBPyConnection) -> None:
    assert read(con, "rate", "0.134195", "1.123456789012", "1.1234567890123") == [
        "0.134195000000",
        "1.123456789012",
        None,
    ]


def test_decimal_point(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("12.50", ".5", "3.", "1,234.5", "1,234", "1 234.5", "1\u00a0234.5", "1'234", "1,234,567.25", "(1,234.50)")
    assert numbers(con, "point", *texts) == decimals(
        "12.5", "0.5", "3", "1234.5", "1234", "1234.5", "1234.5", "1234", "1234567.25", "-1234.5"
    )
    assert numbers(con, "point", "12,50", "1.234,56", "0,125", "12,34.5", ",5", "1,23") == [None] * 6


def test_decimal_comma(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("12,50", ",5", "3,", "1.234,5", "1.234", "1 234,5", "1\u202f234,5", "1'234,5", "1.234.567,25", "12,50-")
    assert numbers(con, "comma", *texts) == decimals(
        "12.5", "0.5", "3", "1234.5", "1234", "1234.5", "1234.5", "1234.5", "1234567.25", "-12.5"
    )
    assert numbers(con, "comma", "12.50", "1,234.56", "0.125", ".5", "1.23") == [None] * 5


def test_auto_reads_what_can_mean_one_thing_only(con: duckdb.DuckDBPyConnection) -> None:
    texts = (
        "12.50",
        "12,50",
        "1,234.56",
        "1.234,56",
        "1,234,567",
        "1.234.567",
        "0.125",
        "0,125",
        "1234.567",
        "1234,567",
        "1.2345",
        "1,2345",
        "1 234,5",
        "1'234.5",
        "1 234.567",
        "7",
        "-3,5",
        "(3,5)",
        ".5",
        ",5",
    )
    assert numbers(con, "auto", *texts) == decimals(
        "12.5",
        "12.5",
        "1234.56",
        "1234.56",
        "1234567",
        "1234567",
        "0.125",
        "0.125",
        "1234.567",
        "1234.567",
        "1.2345",
        "1.2345",
        "1234.5",
        "1234.5",
        "1234.567",
        "7",
        "-3.5",
        "-3.5",
        "0.5",
        "0.5",
    )


def test_auto_leaves_a_single_separator_before_three_digits_to_the_other_values(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("1,234", "1.234", "-999,000", "(1.234)", "1.234-")
    assert numbers(con, "auto", *texts) == [None] * 5
    assert numbers(con, "auto", *texts, decided="point") == decimals("1234", "1.234", "-999000", "-1.234", "-1.234")
    assert numbers(con, "auto", *texts, decided="comma") == decimals("1.234", "1234", "-999", "-1234", "-1234")


def test_evidence_on_the_decimal_sign(con: duckdb.DuckDBPyConnection) -> None:
    def seen(text: str) -> int:
        row = con.execute(
            f"select {amounts.evidence('text', values.room('decimal', QTY))} from (select ?::varchar as text)", [text]
        )
        found = row.fetchone()
        assert found is not None
        return int(found[0])

    point, comma, ambiguous = amounts.POINT_SEEN, amounts.COMMA_SEEN, amounts.AMBIGUOUS_SEEN
    assert [seen(t) for t in ("12.5", "1,234.5", "1,234,567", "0.125")] == [point] * 4
    assert [seen(t) for t in ("12,5", "1.234,5", "1.234.567", "(12,5)")] == [comma] * 4
    assert [seen(t) for t in ("1,234", "1.234", "(1,234)", "1.234-")] == [ambiguous] * 4
    assert [seen(t) for t in ("12", "1 234", "oops", "")] == [0] * 4


def test_more_decimals_than_the_column_holds_are_not_rounded(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("1.2345", "1.23450000", "1.23456", "0.00001", "-1.23456")
    for decimal in ("point", "auto"):
        assert numbers(con, decimal, *texts) == [Decimal("1.2345"), Decimal("1.2345"), None, None, None]
    assert numbers(con, "point", "1.123456", "1.1234567", column=COST) == [Decimal("1.123456"), None]


def test_more_digits_than_the_column_holds_are_not_read(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("99999999999999.9999", "100000000000000", "000000000000000000012", "1,000,000,000,000,000", "9" * 400)
    wanted = [Decimal("99999999999999.9999"), None, Decimal(12), None, None]
    for decimal in ("point", "auto"):
        assert numbers(con, decimal, *texts) == wanted
    assert numbers(con, "point", "999999999999", "1000000000000", column=COST) == [Decimal(999999999999), None]


def test_minor_units(con: duckdb.DuckDBPyConnection) -> None:
    assert numbers(con, "point", "12345", "-5", "0", "1.5", "1.555", "(100)", scale=2) == [
        Decimal("123.45"),
        Decimal("-0.05"),
        0,
        Decimal("0.015"),
        None,
        -1,
    ]
    assert numbers(con, "point", "9999999999999999", "99999999999999999", scale=2) == [
        Decimal("99999999999999.99"),
        None,
    ]
    assert numbers(con, "point", "123450", "123456", scale=5) == [Decimal("1.2345"), None]


MONEY = st.decimals(min_value=-(10**14) + 1, max_value=10**14 - 1, places=4)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers_=st.one_of(st.lists(MONEY, min_size=1, max_size=2), st.lists(MONEY, min_size=20, max_size=60)))
def test_decimals_round_trip_in_every_notation(con: duckdb.DuckDBPyConnection, numbers_: list[Decimal]) -> None:
    grouped = [f"{n:,.4f}" for n in numbers_]
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in grouped]
    brackets = [f"({text[1:]})" if text.startswith("-") else text for text in grouped]
    behind = [f"{text[1:]}-" if text.startswith("-") else text for text in swapped]
    for decimal, texts in (
        ("point", [f"{n:f}" for n in numbers_]),
        ("point", grouped),
        ("point", brackets),
        ("comma", swapped),
        ("comma", behind),
        ("auto", grouped),
        ("auto", swapped),
        ("auto", [f"{n:f}" for n in numbers_]),
    ):
        assert numbers(con, decimal, *texts) == numbers_


SIGNED = st.text("0123456789.,-+() '", min_size=1, max_size=12)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.one_of(st.lists(SIGNED, min_size=1, max_size=3), st.lists(SIGNED, min_size=20, max_size=60)))
def test_auto_never_contradicts_a_declared_sign(con: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    trimmed = [text.strip() for text in texts]
    auto, point, comma = (numbers(con, decimal, *trimmed) for decimal in ("auto", "point", "comma"))
    for text, found, pointed, commaed in zip(trimmed, auto, point, comma, strict=True):
        if found is not None:
            assert found in (pointed, commaed), text
            assert pointed is None or commaed is None or pointed == commaed, text


# --- dates and instants -------------------------------------------------------------------------------


def test_iso_instants(con: duckdb.DuckDBPyConnection) -> None:
    texts = (
        "2026-11-01T10:00:00Z",
        "2026-11-01 10:00:00 UTC",
        "2026-11-01 10:00",
        "2026-11-01",
        "2026-11-01T10:00:00.5Z",
        "2026-11-01T12:00:00+02:00",
        "2026-11-01T12:00+0200",
        "2026-11-01 04:30:00 -05:30",
        "2026-11-01T12:00:00+02",
        "2026-10-31 24:00",
        "2026-10-31T24:00:00Z",
    )
    ten, midnight = "2026-11-01 10:00:00+00", "2026-11-01 00:00:00+00"
    assert read(con, "datetime", *texts) == [
        ten,
        ten,
        ten,
        midnight,
        "2026-11-01 10:00:00.5+00",
        ten,
        ten,
        ten,
        ten,
        midnight,
        midnight,
    ]


def test_the_end_of_a_day_and_blanks_that_programs_write(con: duckdb.DuckDBPyConnection) -> None:
    forms = ["%m/%d/%Y %-H:%M PST", "%d.%m.%Y %H:%M:%S", "ymdhm", "%b %-d, %Y %-I:%M:%S %p", "iso"]
    texts = [
        "10/31/2026 24:00 PST",
        "31.10.2026 24:00:00",
        "202610312400",
        "Nov  1, 2026 10:00:00\u202fAM",
        "1\u00a0Nov 2026",
        "Nov 1, 2026 10:00:00 a.\u00a0m.",
        "10/31/2026 24:01 PST",
    ]
    shape = f"select {dates.tidied('text', forms)} from (select $1 as text)"
    tidied = [text for [(text,)] in (con.execute(shape, [text]).fetchall() for text in texts)]
    midnight, ten = "2026-11-01 00:00:00+00", "2026-11-01 10:00:00+00"
    assert read(con, "datetime", *tidied, formats=forms) == [
        "2026-11-01 08:00:00+00",
        midnight,
        midnight,
        ten,
        None,
        ten,
        None,
    ]


BROKEN = (
    "2026-02-30",
    "2026-2-3",
    "2026-13-01",
    "0000-01-01",
    "20261101",
    "2026-11-01x",
    "x2026-11-01",
    "2026-11-01 1:00",
    "2026-11-01 24:01",
    "2026-11-01 24:00:01",
    "2026-11-01 25:00:00",
    "2026-11-01 10:60",
    "2026-11-01 10:00:60",
    "2026-11-01 10:00 junk",
    "2026-11-01T10:00:00+25:00",
    "2026-11-01T10:00:00 IST",
    "01/02/2026",
    "",
)


@pytest.mark.parametrize("kind", ["date", "datetime"])
@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_what_is_no_date_is_not_read(con: duckdb.DuckDBPyConnection, kind: str, zone: str | None) -> None:
    assert read(con, kind, *BROKEN, timezone=zone) == [None] * len(BROKEN)


def test_a_zone_holds_for_texts_that_name_none(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("2026-07-01 10:00:00", "2026-12-01 10:00:00", "2026-07-01T10:00:00Z", "2026-07-01T10:00:00+02:00")
    assert read(con, "datetime", *texts, timezone="America/New_York") == [
        "2026-07-01 14:00:00+00",
        "2026-12-01 15:00:00+00",
        "2026-07-01 10:00:00+00",
        "2026-07-01 08:00:00+00",
    ]


def test_a_time_that_the_clocks_skip_is_not_read_and_one_that_comes_twice_is_the_later(
    con: duckdb.DuckDBPyConnection,
) -> None:
    texts = ("2026-03-08 01:59:59", "2026-03-08 02:30:00", "2026-03-08 03:00:00", "2026-11-01 01:30:00")
    assert read(con, "datetime", *texts, timezone="America/New_York") == [
        "2026-03-08 06:59:59+00",
        None,
        "2026-03-08 07:00:00+00",
        "2026-11-01 06:30:00+00",
    ]


def test_dates_are_the_day_as_written_or_in_the_declared_zone(con: duckdb.DuckDBPyConnection) -> None:
    texts = (
        "2026-11-01",
        "2026-11-01T02:00:00Z",
        "2026-11-01T02:00:00+05:00",
        "2026-11-01+01:00",
        "2026-10-31 24:00:00",
    )
    assert read(con, "date", *texts) == ["2026-11-01"] * 5
    zoned = read(con, "date", *texts, timezone="America/New_York")
    assert zoned == ["2026-11-01", "2026-10-31", "2026-10-31", "2026-11-01", "2026-11-01"]


def test_declared_formats(con: duckdb.DuckDBPyConnection) -> None:
    assert read(
        con,
        "datetime",
        "01.11.2026 10:00:00 UTC",
        "31.04.2026 10:00:00 UTC",
        "1.11.2026 10:00:00 UTC",
        formats=["%d.%m.%Y %H:%M:%S UTC"],
        timezone="America/New_York",
    ) == ["2026-11-01 10:00:00+00", None, "2026-11-01 10:00:00+00"]
    assert read(con, "date", "1/2/2026", "122026", "2JAN26", formats=["%m/%d/%Y", "%m%d%Y", "%d%b%y"]) == [
        "2026-01-02",
        None,
        None,
    ]
    assert read(con, "date", "20261101", "20260229", "2026110", formats=["ymd"]) == ["2026-11-01", None, None]
    assert read(con, "date", "11/1/2026", "2026-11-01", formats=["%-m/%-d/%Y", "iso"]) == ["2026-11-01"] * 2
    assert read(con, "datetime", "Nov 1, 2026 11:03:00 PM", formats=["%b %-d, %Y %I:%M:%S %p"]) == [
        "2026-11-01 23:03:00+00"
    ]
    assert read(con, "datetime", "2026/11/01 10:00 +02:00", formats=["%Y/%m/%d %H:%M %z"]) == ["2026-11-01 08:00:00+00"]
    assert read(con, "datetime", "202611011030", formats=["ymdhm"]) == ["2026-11-01 10:30:00+00"]


def test_an_unknown_token_of_a_format_is_named() -> None:
    with pytest.raises(ValueError, match="unknown token %Q"):
        dates.shape("%Y-%Q")


def test_the_session_time_zone_changes_nothing() -> None:
    found = set()
    for zone in ("UTC", "Asia/Tokyo"):
        with duckdb.connect() as con:
            con.execute(f"set timezone = '{zone}'")
            texts = ["2026-11-01", "2026-11-01T10:00:00+02:00", "2026-11-01 10:00:00 UTC"]
            sql = values.typed("datetime", "text", FieldSpec.model_validate("text"), None)
            found.add(
                tuple(con.execute(f"select epoch_us({sql}) from (select unnest($1) as text)", [texts]).fetchall())
            )
    assert len(found) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments_=st.lists(st.datetimes(), min_size=1, max_size=20))
def test_instants_round_trip(con: duckdb.DuckDBPyConnection, moments_: list[Any]) -> None:
    wanted = [m for m in moments_ if m.year >= 1000]
    for form in ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d %H:%M:%S.%f+00:00", "%Y-%m-%d %H:%M:%S.%f"):
        found = read(con, "datetime", *(m.strftime(form) for m in wanted)) if wanted else []
        assert found == [f"{m:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".") + "+00" for m in wanted]


# --- the rest -----------------------------------------------------------------------------------------


def test_whole_numbers(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("12", "-3", "+3", "5.0", "5.5", "1e2", "1,000", "9" * 18, "9" * 19, "")
    assert read(con, "integer", *texts) == ["12", "-3", "3", "5", None, None, None, "9" * 18, None, None]


def test_truth(con: duckdb.DuckDBPyConnection) -> None:
    assert read(con, "boolean", "TRUE", "y", "1", "No", "f", "2") == ["true", "true", "true", "false", None, None]


def test_currencies_are_those_of_iso_4217(con: duckdb.DuckDBPyConnection) -> None:
    assert read(con, "currency", "usd", "EUR", "XXQ", "US", "USDX", "") == ["USD", "EUR", None, None, None, None]


def test_codes_are_matched_in_any_case_and_written_as_the_column_has_them(con: duckdb.DuckDBPyConnection) -> None:
    status = MAPPABLE["inventory_snapshot"].column("status")
    klass = MAPPABLE["settlement_line"].column("canonical_class")
    assert read(con, "code", "available", "Gone", column=status) == ["AVAILABLE", None]
    assert read(con, "code", "TAX", "x", column=klass) == ["tax", None]
    assert read(con, "code", "two", "x", column=Column("c", "VARCHAR", "", values=("One", "Two"))) == ["Two", None]


def test_texts_stay_as_they_are(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("0012", "it's", '"', "ä", "1,5")
    assert read(con, "text", *texts) == list(texts)


def test_months_and_weekdays_in_the_languages_of_partners(con: duckdb.DuckDBPyConnection) -> None:
    texts = (
        "5 Sept 2026",
        "5 sept. 2026",
        "5 Mär. 2026",
        "5 März 2026",
        "5 févr. 2026",
        "5 août 2026",
        "5 AGOSTO 2026",
        "5 Mai 2026",
        "5 maj 2026",
        "5 Şubat 2026",
        "5 xyz 2026",
    )
    assert read(con, "date", *texts, formats=["%-d %b %Y"]) == [
        "2026-09-05",
        "2026-09-05",
        "2026-03-05",
        "2026-03-05",
        "2026-02-05",
        "2026-08-05",
        "2026-08-05",
        "2026-05-05",
        "2026-05-05",
        "2026-02-05",
        None,
    ]
    days = ("Sat, 01 Aug 2026", "Samstag, 01 August 2026", "sam., 01 août 2026", "Sun, 01 Aug 2026", "Xyz, 01 Aug 2026")
    assert read(con, "date", *days, formats=["%a, %d %b %Y"]) == ["2026-08-01"] * 3 + [None] * 2
    assert read(con, "datetime", "JUNE 5, 2026 3:44:19 pm", formats=["%B %-d, %Y %-I:%M:%S %p"]) == [
        "2026-06-05 15:44:19+00"
    ]


def test_zone_abbreviations_decide_the_instant(con: duckdb.DuckDBPyConnection) -> None:
    zone = "America/Los_Angeles"
    for form in ("%b %-d, %Y %-I:%M:%S %p %Z", "%b %-d, %Y %-I:%M:%S %p PDT"):
        assert read(con, "datetime", "Nov 1, 2026 1:30:00 AM PDT", formats=[form], timezone=zone) == [
            "2026-11-01 08:30:00+00"
        ]
    assert read(con, "datetime", "Nov 1, 2026 1:30:00 AM PST", formats=["%b %-d, %Y %-I:%M:%S %p %Z"]) == [
        "2026-11-01 09:30:00+00"
    ]
    for form in ("%Y/%m/%d %H:%M:%S%Z", "%Y/%m/%d %H:%M:%SJST"):
        assert read(con, "datetime", "2026/01/05 12:00:00JST", formats=[form], timezone=zone) == [
            "2026-01-05 03:00:00+00"
        ]
    texts = ("2026-08-01 10:00:00 CEST", "2026-08-01 10:00:00 MEZ", "2026-08-01T10:00 JST", "2026-08-01 10:00:00 XST")
    assert read(con, "datetime", *texts, timezone=zone) == [
        "2026-08-01 08:00:00+00",
        "2026-08-01 09:00:00+00",
        "2026-08-01 01:00:00+00",
        None,
    ]
    assert read(con, "date", "2026-08-01T10:00 JST", timezone=zone) == ["2026-07-31"]
    with pytest.raises(ValueError, match="several: IST"):
        dates.shape("%H:%M IST")


def test_days_as_spreadsheets_count_them(con: duckdb.DuckDBPyConnection) -> None:
    texts = ("46235", "46235.5", "46235.999988426", "123", "462350", "46235,5")
    assert read(con, "datetime", *texts, formats=["serial"]) == [
        "2026-08-01 00:00:00+00",
        "2026-08-01 12:00:00+00",
        "2026-08-01 23:59:59+00",
        None,
        None,
        None,
    ]
    assert read(con, "date", "46235.5", "46235", formats=["iso", "serial"]) == ["2026-08-01"] * 2
