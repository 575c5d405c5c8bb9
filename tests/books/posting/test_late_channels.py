"""Records of a channel that the settings do not name: reported, and posted once it is there, in whichever order."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.home import open_home
from gateway.ledger import verify
from gateway.once import run_once
from tests.conftest import NOW, case, reconcile_only
from tests.mapping_texts import write_delimited

pytestmark = pytest.mark.usefixtures("without_workbooks")

PARTNER = '\n[partners.shop]\nentity = "US"\n'
CHANNEL = '\n[channels.ebay]\nentity = "US"\nrevenue = "settlement"\n'
OWN = '[channels.web]\nentity = "US"\nrevenue = "shipment"\n'
ORDERS = "order,line,sku,qty,amount\nW-1,1,SKU-1,2,20.00\n"
SHIPPED = "order,sku,qty,number\nW-1,SKU-1,2,D-1\n"
SALES = 'feed = "shop.ebay"\npartner = "shop"\nbased_on = "standard/ebay/transactions"\n'
ORDERED = {
    "order_id": "order",
    "line_no": "line",
    "channel": "=web",
    "sku": "sku",
    "qty": "qty",
    "list_amount": "amount",
    "currency": "=USD",
    "ordered_at": "=2026-11-01T00:00:00Z",
}
SENT = {
    "shipment_no": "number",
    "order_id": "order",
    "sku": "sku",
    "shipped_qty": "qty",
    "shipped_at": "=2026-11-02T00:00:00Z",
    "location": "=DC1",
}


@pytest.fixture
def shop(home: Path) -> Path:
    (home / "inbound" / "shop").mkdir(parents=True)
    reconcile_only(home, "d", "g")
    write_delimited(home, "shop.orders", "order_line", ["order_id", "line_no"], ORDERED)
    write_delimited(home, "shop.shipped", "shipment_line", ["shipment_no", "order_id", "sku"], SENT)
    (home / "mappings" / "shop" / "ebay.toml").write_text(SALES)
    return home


def run(home: Path, settings: str, *, last: bool = False, **files: bytes) -> dict[str, list[Any]]:
    """One pass with further settings: balances by rule and role, open exceptions of channels, and the entries' ids."""
    config = home / "config.toml"
    config.write_text(config.read_text() + settings)
    for name, content in files.items():
        (home / "inbound" / "shop" / f"{name}.csv").write_bytes(content)
    with open_home(home, now=NOW) as gateway:
        run_once(gateway)
        con = gateway.lake.con
        assert not last or verify.verify(gateway.lake) == []
        return {
            "balances": con.execute(
                """select rule, role, sum(debit - credit) from journal_line where channel in ('ebay', 'web')
                group by all having sum(debit - credit) <> 0 order by all"""
            ).fetchall(),
            "channels": con.execute(
                "select channel from exception where code = 'CHANNEL_UNKNOWN' and status = 'OPEN' order by 1"
            ).fetchall(),
            "ids": con.execute(
                "select distinct entry_id from journal_line where channel = 'ebay' order by 1"
            ).fetchall(),
        }


def test_what_waited_for_its_channel_posts_once_as_it_would_have_at_once(shop: Path) -> None:
    [report] = case("table-63-channel-not-in-config").glob("*.csv")
    files = {report.stem: report.read_bytes(), "orders": ORDERS.encode(), "shipped": SHIPPED.encode()}
    before = run(shop, PARTNER, **files)
    assert before["channels"] == [("ebay",), ("web",)]
    # Neither lines nor payouts of a channel that nobody knows post: one without the other would be owed for ever.
    assert before["balances"] == []
    half = run(shop, CHANNEL)
    assert half["channels"] == [("web",)]
    assert [row for row in half["balances"] if row[0] == "payout"] == [
        ("payout", "channel_receivable", Decimal("-24.73")),
        ("payout", "payouts_in_transit", Decimal("24.73")),
    ]
    # 24.00 goods and 5.00 shipping, less the fees 0.40 and 3.87: the payout of 24.73 clears the receivable.
    assert [row for row in half["balances"] if row[0] == "settlement-line-settlement"] == [
        ("settlement-line-settlement", "channel_receivable", Decimal("24.73")),
        ("settlement-line-settlement", "commission", Decimal("4.27")),
        ("settlement-line-settlement", "sales", Decimal("-24")),
        ("settlement-line-settlement", "shipping_income", Decimal("-5")),
    ]
    whole = run(shop, OWN)
    assert whole["channels"] == []
    assert [row for row in whole["balances"] if row[0] == "shipment"] == [
        ("shipment", "channel_receivable", Decimal(20)),
        ("shipment", "sales", Decimal(-20)),
    ]
    assert run(shop, "", last=True) == whole


def test_the_entries_are_those_of_a_channel_that_was_there_first(shop: Path) -> None:
    [report] = case("table-63-channel-not-in-config").glob("*.csv")
    other = Path(shutil.copytree(shop, shop.with_name("other")))
    run(other, PARTNER, **{report.stem: report.read_bytes()})
    late = run(other, CHANNEL, last=True)
    assert run(shop, PARTNER + CHANNEL, last=True, **{report.stem: report.read_bytes()}) == late
