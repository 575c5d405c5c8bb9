"""Check digits of identifiers: which are wrong, and that a wrong one is reported and stops nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.home import Home
from gateway.mapping.language.identifiers import wrong
from gateway.once import run_once
from gateway.sql import rows_of
from tests.test_books import Drop, one

ITEMS = "sku,gtin,name\nA,4006381333931,Pen\nB,4006381333932,Pencil\nC,,Rubber\nD,4006381333932,Twin\n"


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            "gtin",
            ["4006381333931", "036000291452", "96385074", "00012345678905"],
            ["4006381333932", "1", "40063813339X1"],
        ),
        ("gln", ["5412345000013"], ["5412345000014", "96385074"]),
        ("sscc", ["106141412345678908"], ["106141412345678907", "4006381333931"]),
        ("iban", ["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "0012345678"], ["DE88370400440532013000"]),
        ("bic", ["DEUTDEFF", "DEUTDEFF500"], ["DEUTDEF", "DEUT1EFF"]),
        ("isin", ["US0378331005"], ["US0378331006"]),
        ("lei", ["213800KUD8LAJWSQ9D15"], ["213800KUD8LAJWSQ9D14"]),
    ],
)
def test_identifiers(check: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if wrong(check, text)] == []  # type: ignore[arg-type]
    assert [text for text in bad if not wrong(check, text)] == []  # type: ignore[arg-type]


@given(st.text(alphabet="0123456789", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(body: str, place: int, more: int) -> None:
    digit = next(str(n) for n in range(10) if not wrong("gtin", body + str(n)))
    other = body[:place] + str((int(body[place]) + more) % 10) + body[place + 1 :]
    assert wrong("gtin", other + digit)


@given(st.text(max_size=30))
def test_any_text_has_an_answer(text: str) -> None:
    for check in ("gtin", "gln", "sscc", "iban", "bic", "isin", "lei"):
        assert wrong(check, text) in ("", f"is not a valid {check.upper()}: its length or check digit is wrong")  # type: ignore[arg-type]


@pytest.mark.usefixtures("without_workbooks")
def test_a_wrong_identifier_is_reported_once_and_its_rows_count(gateway: Home, drop: Drop) -> None:
    drop("master-data", "items.csv", ITEMS)
    (file,) = run_once(gateway).files
    assert (file.state, file.accepted, file.rejected) == ("ACCEPTED", 4, 0)
    (fault,) = rows_of(gateway.lake.con, "select position, column_name, value, message from fault")
    assert fault == {
        "position": "line 3",
        "column_name": "gtin",
        "value": "4006381333932",
        "message": '"4006381333932" is not a valid GTIN: its length or check digit is wrong (2 rows)',
    }
    assert one(gateway, "select business_key from exception where code = 'CHECK_DIGIT' and status = 'OPEN'") == (
        "master-data|4006381333932"
    )
    drop("master-data", "items.csv", ITEMS.replace("333932", "333931"))
    run_once(gateway)
    assert one(gateway, "select status from exception where code = 'CHECK_DIGIT'") == "CLOSED"
