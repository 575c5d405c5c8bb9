"""Whatever order files come in, and whichever share a pass: the same balances, and no entry's id comes twice."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.home import Home, open_home
from gateway.once import run_once
from tests.conftest import NOW

HEAD = (
    "order-id,order-item-id,purchase-date,promise-date,order-status,fulfillment-channel,sku,quantity,item-price,"
    "item-promotion-discount,shipping-price,item-tax,currency,ship-date\n"
)
FILES = {
    "orders-cup.csv": "O-1,1,2026-11-02T09:00:00Z,,Shipped,AFN,CUP,2,30.00,0,5.00,2.80,USD,2026-11-03T09:00:00Z\n",
    "orders-pot.csv": "O-1,2,2026-11-02T09:00:00Z,,Shipped,AFN,POT,1,25.00,5.00,0,1.60,USD,2026-11-03T15:00:00Z\n",
    "orders-late.csv": "O-1,3,2026-11-02T09:00:00Z,,Shipped,AFN,LID,1,4.00,0,0,0.32,USD,2026-11-03T16:00:00Z\n",
}
ITEMS = "sku,gtin,name,uom,category,abc,tracking,standard-cost\n" + "".join(
    f"{sku},,{sku},EA,home,B,NONE,{cost}\n" for sku, cost in (("CUP", "4.00"), ("POT", "9.00"), ("LID", "1.50"))
)
REVENUE = {
    "channel_receivable": Decimal("63.72"),  # 30 + 5 + 2.80 + 25 − 5 + 1.60 + 4 + 0.32
    "promotions": Decimal("5.00"),
    "sales": Decimal("-59.00"),
    "shipping_income": Decimal("-5.00"),
    "tax": Decimal("-4.72"),
}
COST = Decimal("18.50")  # 2 × 4.00 + 9.00 + 1.50 at standard cost: nothing was ever received
PASSES = [
    [["orders-cup.csv", "orders-pot.csv", "orders-late.csv"]],
    [["orders-cup.csv"], ["orders-pot.csv"], ["orders-late.csv"]],
    [["orders-late.csv", "orders-cup.csv"], ["orders-pot.csv"]],
]


def balances(home: Home) -> dict[str, Decimal]:
    found = home.lake.con.execute("select role, sum(debit - credit) from journal_line group by role").fetchall()
    return {role: net for role, net in found if net}


@pytest.mark.parametrize("passes", PASSES, ids=["together", "one by one", "last first"])
def test_lines_of_an_order_and_a_day_post_the_same_in_whatever_files_they_come(
    laid_down: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: list[list[str]]
) -> None:
    folder = Path(shutil.copytree(laid_down, tmp_path / "home"))
    monkeypatch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])
    inbound = folder / "inbound"
    with open_home(folder, now=NOW) as home:
        (inbound / "master-data").mkdir(parents=True, exist_ok=True)
        (inbound / "master-data" / "items.csv").write_text(ITEMS)
        for files in passes:
            (inbound / "amazon-us").mkdir(parents=True, exist_ok=True)
            for name in files:
                (inbound / "amazon-us" / name).write_text(HEAD + FILES[name])
            assert {file.state for file in run_once(home).files} == {"ACCEPTED"}
        found = balances(home)
        assert {role: found[role] for role in REVENUE} == REVENUE
        assert found["cogs"] == COST
        doubled = home.lake.con.execute(
            "select entry_id, line_no from journal_line group by all having count(*) > 1"
        ).fetchall()
        assert doubled == []
        unbalanced = home.lake.con.execute(
            "select entry_id from journal_line group by entry_id having sum(debit) <> sum(credit)"
        ).fetchall()
        assert unbalanced == []
