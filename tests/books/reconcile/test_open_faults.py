"""Faults of one cause, and equal faults of a column, are one exception; every rejected row stays in the list of
faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway.home import Home
from gateway.once import run_books
from gateway.synthetic.edi import interchange
from gateway.transports.folder import Folder
from tests.conftest import NOW, taken
from tests.test_books import one

Put = Callable[[str, str, bytes | str], Path]


def found(gateway: Home) -> dict[tuple[str, str], tuple[int, str]]:
    """(code, business key) → severity and message of each open exception."""
    taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    run_books(gateway)
    rows = gateway.lake.con.execute(
        "select code, business_key, severity, message from exception where status = 'OPEN' and code <> 'SKU_UNKNOWN'"
    ).fetchall()
    return {(code, key): (severity, message) for code, key, severity, message in rows}


def test_a_cut_off_interchange_is_one_exception(gateway: Home, drop: Put) -> None:
    body = ["W06*F*1*20261105*S1", "N1*SF*3PL East*92*3PL-E", "LX*1", "W12*CC*3*3*0*EA**VN*SKU-1", "W03*3*1*LB"]
    whole = interchange("945", "SW", NOW.date(), 7, [body, body])
    drop("3pl-east", "cut.edi", whole[: whole.rindex(b"W03*") + 5])
    # The group alone lost its end: SE and GE are missing, IEA is there.
    start, end = whole.rindex(b"SE*"), whole.rindex(b"IEA*")
    drop("3pl-east", "torn.edi", (whole[:start] + whole[end:]).replace(b"000000007", b"000000008"))
    exceptions = found(gateway)
    assert {key: severity for key, (severity, _) in exceptions.items()} == {
        ("CONTROL_TOTAL", "3pl-east|cut.edi|segment 1"): 1,
        ("CONTROL_TOTAL", "3pl-east|torn.edi|segment 2"): 1,
    }
    message = exceptions["CONTROL_TOTAL", "3pl-east|cut.edi|segment 1"][1]
    for said in ("in the middle of a segment", "SE is missing", "GE is missing", "IEA is missing"):
        assert said in message
    assert one(gateway, "select count(*) from fault where code = 'CONTROL_TOTAL'") == 6


def test_equal_faults_of_a_column_are_one_exception_with_count_and_places(gateway: Home, drop: Put) -> None:
    rows = [f"2026-09-01,MAIN,SKU-{n},AVAILABLE,{'x' if n % 2 else 'y'},2.00" for n in range(12)]
    rows.append("2026-09-31,MAIN,SKU-1,AVAILABLE,1,2.00")
    head = "date,location,sku,status,quantity,unit-cost"
    drop("own-warehouse", "opening-1.csv", "\n".join([head, *rows, ""]))
    exceptions = found(gateway)
    assert set(exceptions) == {
        ("ROW_REJECT", "own-warehouse|opening-1.csv|quantity"),
        ("ROW_REJECT", "own-warehouse|opening-1.csv|date"),
    }
    message = exceptions["ROW_REJECT", "own-warehouse|opening-1.csv|quantity"][1]
    assert 'quantity: "x" is not a number' in message and 'quantity: "y" is not a number' in message
    assert message.endswith(" (12 rows: line 2, line 3, line 4, line 5, line 6, …)")
    assert one(gateway, "select count(*) from fault where code = 'ROW_REJECT'") == 13
