"""A full count with rows that could not be read: what they name is not taken as counted with nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.home import open_home
from gateway.once import run_once
from gateway.reports.trace import trace
from tests.conftest import NOW, case, reconcile_only
from tests.mapping_texts import write_delimited

Put = Callable[[str, str, bytes | str], Path]

ITEMS = "sku,gtin,name,uom,category,abc,tracking,standard-cost\n" + "".join(
    f"{sku},,{sku},EA,home,B,NONE,4.00\n" for sku in ("MUG-BLUE", "LAMP-01", "VASE-3")
)
STOCK = (("MUG-BLUE", 5), ("LAMP-01", 7), ("VASE-3", 2))
MOVED = {
    "type": "=OPENING",
    "sku": "sku",
    "qty": "qty",
    "from_location": "=ADJUST",
    "from_status": "=ADJUST",
    "to_location": "=DC1",
    "to_status": "=AVAILABLE",
    "occurred_at": "=2026-08-01T00:00:00Z",
}
COUNTED = {
    "location": "=DC1",
    "as_of": '{ from = "Date", formats = ["%Y-%m-%d"], timezone = "UTC" }',
    "scope": "=FULL",
    "sku": "SKU",
    "status": "=AVAILABLE",
    "qty": '{ from = "Qty", type = "decimal" }',
    "basis": "=NET",
}


def test_an_item_whose_row_was_rejected_is_not_counted_until_a_row_counts_it(
    home: Path, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])
    reconcile_only(home, "a")
    write_delimited(home, "own-warehouse.begin", "inventory_movement", ["sku"], MOVED)
    write_delimited(home, "own-warehouse.stock", "inventory_snapshot", ["location", "sku", "as_of"], COUNTED)
    drop("master-data", "items.csv", ITEMS)
    drop("own-warehouse", "begin.csv", "sku,qty\n" + "".join(f"{sku},{qty}\n" for sku, qty in STOCK))
    count = (case("table-52-full-count-with-rejected-row") / "stock-0805.csv").read_text()
    with open_home(home, now=NOW) as gateway:

        def found(name: str, content: str) -> list[tuple[str, str, Decimal, str]]:
            drop("own-warehouse", name, content)
            run_once(gateway)
            return gateway.lake.con.execute(
                """select code, sku, book_qty, message from exception
                where status = 'OPEN' and reconciliation = 'a' order by all"""
            ).fetchall()

        short = "At DC1 VASE-3 AVAILABLE: counted 0.0000, book 2.0000 at the cut-off"
        # The vase stands in no row: it was counted with nothing. The mug stands in the rejected row.
        assert found("stock-0805.csv", count) == [
            (
                "NOT_COUNTED",
                "MUG-BLUE",
                5,
                "At DC1 MUG-BLUE: not counted: its row was rejected; book 5.0000 at the cut-off",
            ),
            ("QTY_SHORT", "VASE-3", 2, short),
        ]
        row = gateway.lake.con.execute("select \"position\" from exception where code = 'NOT_COUNTED'").fetchone()
        assert row == ("line 2",)
        [(vase,)] = gateway.lake.con.execute("select exception_id from exception where code = 'QTY_SHORT'").fetchall()
        [_, moved] = trace(gateway.lake.con, vase)
        assert (moved["kind"], moved["amount"], moved["file"], moved["position"]) == (
            "movement",
            "2.0000",
            "begin.csv",
            "line 4",
        )
        assert found("stock-0805-mug.csv", "SKU,Qty,Date\nMUG-BLUE,5,2026-08-05\n") == [
            ("QTY_SHORT", "VASE-3", 2, short)
        ]
        # A rejected row that names no item leaves in doubt what was not counted.
        [lost] = found(
            "stock-0806.csv",
            count.replace("08-05", "08-06").replace("MUG-BLUE,5 pcs", "VAS,2 pcs") + "MUG-BLUE,5,2026-08-06\n",
        )
        assert lost[1] == "VASE-3" and lost[3].endswith(
            "rows of the count that name no item were rejected: it may be one of them"
        )
