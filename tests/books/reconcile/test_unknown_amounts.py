"""What a document leaves out is an exception where the books first miss it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from gateway.home import open_home
from gateway.once import run_once
from gateway.synthetic.edi import interchange
from tests.conftest import NOW

DAY = date(2026, 11, 20)
ORDER = "114-0000001-0000001"
BUYER = 'feed = "buyer.{0}"\npartner = "buyer"\nbased_on = "standard/x12/{0}"\n'


def test_a_shipped_order_without_a_price_and_an_invoice_without_an_amount(
    home: Path, drop: Callable[[str, str, bytes | str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])
    mappings = home / "mappings" / "buyer"
    mappings.mkdir()
    (mappings / "850.toml").write_text(BUYER.format("850"))
    (mappings / "810.toml").write_text(BUYER.format("810"))
    config = home / "config.toml"
    channel = '[channels.wholesale]\nentity = "US"\nrevenue = "shipment"\n'
    config.write_text(f'{config.read_text()}\n{channel}[partners.buyer]\nentity = "US"\ncurrency = "USD"\n')
    lines = [f"BEG*00*SA*{ORDER}**20261101", "PO1**3*EA***VN*SKU-1", "PO1**1*EA*2**VN*SKU-2", "CTT*2"]
    drop("buyer", "order.edi", interchange("850", "PO", DAY, 1, [lines]))
    drop(
        "buyer", "invoice.edi", interchange("810", "IN", DAY, 2, [["BIG*20261101*I-1", "IT1**6*EA***UP*1", "TDS*100"]])
    )
    with open_home(home, now=NOW) as gateway:
        run_once(gateway)
        query = "select code, business_key from exception where status = 'OPEN' and code like '%_UNKNOWN' order by 1"
        found = [row for row in gateway.lake.con.execute(query).fetchall() if row[0] != "SKU_UNKNOWN"]
        assert found == [("AMOUNT_UNKNOWN", "buyer|I-1")]
        shipped = [
            f"W06*F*{ORDER}*20261105*S00000001",
            "N1*SF*3PL East*92*3PL-E",
            "LX*1",
            "W12*CC*3*3*0*EA**VN*SKU-1",
            "W03*3*1*LB",
        ]
        drop("3pl-east", "945.edi", interchange("945", "SW", DAY, 3, [shipped]))
        run_once(gateway)
        found = [row for row in gateway.lake.con.execute(query).fetchall() if row[0] != "SKU_UNKNOWN"]
        assert [code for code, _ in found] == ["AMOUNT_UNKNOWN", "PRICE_UNKNOWN"]
        assert ORDER in found[1][1]
