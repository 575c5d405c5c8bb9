"""Whole cycles of processors and channels, from their files to the bank: what is left on each account, by hand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.home import open_home
from gateway.ledger import verify
from gateway.once import run_once
from tests.conftest import MAPPINGS, NOW, reconcile_only
from tests.mapping_texts import write_delimited

pytestmark = pytest.mark.usefixtures("without_workbooks")

CHANNELS = """
[partners.shop]
entity = "US"
[channels.web]
entity = "US"
revenue = "shipment"
[channels.paypal]
entity = "US"
revenue = "shipment"
[channels.shopify]
entity = "US"
revenue = "shipment"
"""
ORDERED = {
    "order_id": "order",
    "line_no": "=1",
    "channel": "=web",
    "sku": "=SKU-1",
    "qty": "=1",
    "list_amount": "goods",
    "tax_amount": "tax",
    "currency": "currency",
    "ordered_at": "=2026-11-01T00:00:00Z",
}
SENT = {
    "shipment_no": "order",
    "order_id": "order",
    "sku": "=SKU-1",
    "shipped_qty": "=1",
    "shipped_at": "=2026-11-01T00:00:00Z",
    "location": "=DC1",
}
ORDERS = """order,goods,tax,currency
W-1,100.00,10.00,USD
W-2,50.00,0,USD
W-3,40.00,0,USD
E-1,100.00,0,EUR
S-1,60.00,0,USD
"""

# (transaction, invoice, reference, event, CR or DR, cents, currency, CR or DR and cents of the fee)
PAYPAL = [
    ("P1", "W-1", "", "T0006", "CR", 11000, "USD", "DR", 300),
    ("P2", "W-2", "", "T0006", "CR", 5000, "USD", "DR", 150),
    ("P3", "W-3", "", "T0006", "CR", 4000, "USD", "DR", 100),
    ("P4", "E-1", "", "T0006", "CR", 10000, "EUR", "", ""),
    ("D2", "", "P2", "T1201", "DR", 5000, "USD", "DR", 2000),  # charged back, and won
    ("D4", "", "P2", "T1202", "CR", 5000, "USD", "", ""),
    ("D3", "", "P3", "T1201", "DR", 4000, "USD", "DR", 2000),  # charged back, and lost
    ("D5", "", "P3", "T1207", "DR", 0, "USD", "", ""),
    ("R1", "", "P1", "T1107", "DR", 5500, "USD", "CR", 50),  # half of W-1
    ("C1", "", "", "T0200", "DR", 10000, "EUR", "", ""),
    ("C2", "", "C1", "T0200", "CR", 10800, "USD", "", ""),
    ("H1", "", "", "T2103", "DR", 1000, "USD", "", ""),
    ("H2", "", "H1", "T2104", "CR", 1000, "USD", "", ""),
    ("F1", "", "", "T0300", "CR", 2000, "USD", "", ""),  # from the bank
    ("W1", "", "", "T0400", "DR", 3000, "USD", "", ""),  # to the bank, which sends it back
    ("W3", "", "W1", "T1101", "CR", 3000, "USD", "", ""),
    ("W2", "", "", "T0400", "DR", 18800, "USD", "", ""),
]
STATEMENT = (
    ":20:S1\n:25:US-MAIN\n:28C:1/1\n:60F:C261105USD100,00\n"
    ":61:2611061106D20,00NMSCREF-1\n:86:PAYPAL F1\n"
    ":61:2611061106C188,00NMSCREF-2\n:86:PAYPAL W2\n"
    ":61:2611061106C12,65NMSCREF-3\n:86:SHOPIFY SP-1\n"
    ":61:2611061106D21,50NMSCREF-4\n:86:CARD BILL NOVEMBER\n"
    ":62F:C261106USD259,15\n-\n"
)
SHOPIFY = """Transaction Date,Type,Order,Payout Date,Payout ID,Amount,Fee,Net,Checkout,Currency
2026-11-03 09:00:00 -0500,charge,S-1,2026-11-05,SP-1,35.00,1.35,33.65,C-1,USD
2026-11-03 10:00:00 -0500,chargeback_fee,S-1,2026-11-05,SP-1,-15.00,0.00,-15.00,C-1,USD
2026-11-04 09:00:00 -0500,lending_capital_remittance,,2026-11-05,SP-1,-6.00,0.00,-6.00,,USD
"""
PAYOUTS = """Payout Date,Status,Charges,Refunds,Adjustments,Advances,Reserved Funds,Fees,Total,Currency,Payout ID
2026-11-05,paid,35.00,0.00,-15.00,-6.00,0.00,-1.35,12.65,USD,SP-1
"""
# 25.00 of S-1 were paid with a gift card, and 10.00 given back to it.
TENDERS = """Order,Name,Kind,Gateway,Created At,Status,Amount,Currency,Card Type
1,S-1,sale,gift_card,2026-11-03 09:00:00 -0500,success,25.00,USD,
1,S-1,sale,shopify_payments,2026-11-03 09:00:01 -0500,success,35.00,USD,visa
1,S-1,refund,gift_card,2026-11-04 09:00:00 -0500,success,10.00,USD,
"""
ADS = "invoice,date,channel,for,amount,currency\nADS-1,2026-11-03,shopify,advertising,21.50,USD\n"
LEFT = {
    # Sales of W-1 to W-3 and S-1, half of the tax, and E-1.
    ("sales", "USD"): "-250.00",
    ("sales", "EUR"): "-100.00",
    ("tax", "USD"): "-5.00",
    # Half of W-1 without its tax, W-3, and what went back to the gift card.
    ("returns", "USD"): "100.00",
    ("commission", "USD"): "6.35",
    ("dispute_fees", "USD"): "55.00",
    # 25.00 redeemed less 10.00 given back; the sale of the card came before.
    ("gift_cards", "USD"): "15.00",
    ("loans", "USD"): "6.00",
    # On a card, whose bill the bank has paid.
    ("advertising", "USD"): "21.50",
    # 100.00 EUR became 108.00 USD.
    ("fx", "EUR"): "100.00",
    ("fx", "USD"): "-108.00",
    ("bank", "USD"): "159.15",
}
"""Everything else is zero: what the channels owe, payouts on their way, reserves, disputes, payables and suspense."""


def paypal() -> str:
    sample = MAPPINGS / "standard" / "paypal" / "samples" / "STL-20261101.R.01.009.CSV"
    header = sample.read_text(encoding="utf-8").split("\n")[3]
    rest = "," * (header.count(",") - 13)
    at = "2026/11/05 09:00:00 -0800"
    rows = [
        f'"SB","{number}","{invoice}","{reference}","","{event}",{at},{at},"{sign}",{cents},"{currency}",'
        f'"{fee_sign}",{fee},"{currency if fee else ""}"{rest}'
        for number, invoice, reference, event, sign, cents, currency, fee_sign, fee in PAYPAL
    ]

    def sums(currency: str, sign: str) -> tuple[int, int]:
        """Cents of the amounts and of the fees of that sign."""
        own = [row for row in PAYPAL if row[6] == currency]
        return sum(row[5] for row in own if row[4] == sign), sum(int(row[8]) for row in own if row[7] == sign)

    for currency in ("USD", "EUR"):
        (credit, back), (debit, fees) = sums(currency, "CR"), sums(currency, "DR")
        rows.append(f'"SF","{currency}",{credit},{debit},{back},{fees}')
    return "\n".join([header, *rows, f'"SC",{len(PAYPAL)}']) + "\n"


@pytest.fixture
def shop(bare_home: Path) -> Path:
    (bare_home / "inbound" / "shop").mkdir(parents=True)
    reconcile_only(bare_home, "d", "g")
    write_delimited(bare_home, "shop.orders", "order_line", ["order_id", "line_no"], ORDERED)
    write_delimited(bare_home, "shop.shipped", "shipment_line", ["shipment_no", "order_id", "sku"], SENT)
    for feed, pack in (
        ("paypal", "paypal/settlement"),
        ("bank", "swift/mt940"),
        ("charges", "shopify/transactions"),
        ("payouts", "shopify/payouts"),
        ("tenders", "shopify/order-transactions"),
        ("ads", "csv/channel-invoices"),
    ):
        (bare_home / "mappings" / "shop" / f"{feed}.toml").write_text(
            f'feed = "shop.{feed}"\npartner = "shop"\nbased_on = "standard/{pack}"\n[file]\nmatch = ["{feed}*"]\n'
        )
    return bare_home


def test_what_processors_hold_and_take_ends_at_the_bank(shop: Path) -> None:
    config = shop / "config.toml"
    config.write_text(config.read_text() + CHANNELS)
    files = {
        "orders.csv": ORDERS,
        "shipped.csv": "\n".join(["order", *(row.split(",")[0] for row in ORDERS.split("\n")[1:-1])]) + "\n",
        "paypal.csv": paypal(),
        "bank.sta": STATEMENT,
        "charges.csv": SHOPIFY,
        "payouts.csv": PAYOUTS,
        "tenders.csv": TENDERS,
        "ads.csv": ADS,
    }
    for name, content in files.items():
        (shop / "inbound" / "shop" / name).write_text(content)
    with open_home(shop, now=NOW) as gateway:
        done = run_once(gateway)
        assert {file.name: file.state for file in done.files} == dict.fromkeys(files, "ACCEPTED"), done.files
        con = gateway.lake.con
        left = con.execute(
            "select role, currency, sum(debit - credit) from journal_line group by all having sum(debit - credit) <> 0"
        ).fetchall()
        assert {(role, currency): net for role, currency, net in left} == {
            key: Decimal(net) for key, net in LEFT.items()
        }
        assert (
            con.execute(
                "select code, document from exception where reconciliation = 'd' and status = 'OPEN'"
            ).fetchall()
            == []
        )
        assert verify.verify(gateway.lake) == []
