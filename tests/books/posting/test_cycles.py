"""Whole cycles of processors and channels, from their files to the bank: what is left on each account, by hand."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
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


# --- marketplaces and processors whose settlements make the revenue ---------------------------------------------------

MARKETS = "".join(
    f'\n[channels.{name}]\nentity = "US"\nrevenue = "settlement"\n' for name in ("walmart", "ebay", "stripe", "adyen")
)


def table(sample: str, rows: Sequence[Mapping[str, str]], separator: str = ",", start: str = "") -> str:
    """A file with the header of a sample, the line that begins so."""
    text = (MAPPINGS / "standard" / sample).read_text(encoding="utf-8")
    header = next(line for line in text.splitlines() if line.startswith(start))
    [names] = csv.reader([header], delimiter=separator)
    assert {name for row in rows for name in row} <= {*names}
    written = io.StringIO()
    writer = csv.DictWriter(written, names, restval="", delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def amazon() -> str:
    """A settlement of 36.00 and one of 11.00 that we owe."""

    def line(settlement: str, order: str, kind: str, amount_type: str, what: str, amount: str) -> dict[str, str]:
        at = {"posted-date": "2026-11-03", "posted-date-time": "2026-11-03 08:00:00 UTC", "currency": ""}
        named = {"settlement-id": settlement, "order-id": order, "transaction-type": kind, "sku": "SKU-1"}
        return at | named | {"amount-type": amount_type, "amount-description": what, "amount": amount}

    def head(settlement: str, total: str) -> dict[str, str]:
        period = {"settlement-start-date": "2026-10-20 00:00:00 UTC", "settlement-end-date": "2026-11-03 00:00:00 UTC"}
        paid = {"deposit-date": "2026-11-05 00:00:00 UTC", "total-amount": total, "currency": "USD"}
        return {"settlement-id": settlement} | period | paid

    other = "other-transaction"
    lines = [
        line("A1", "A-1", "Order", "ItemPrice", "Principal", "100.00"),
        line("A1", "A-1", "Order", "ItemPrice", "Tax", "8.00"),
        line("A1", "A-1", "Order", "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", "-8.00"),
        line("A1", "A-1", "Order", "ItemFees", "Commission", "-15.00"),
        line("A1", "A-1", "Refund", "ItemPrice", "Principal", "-40.00"),
        line("A1", "A-1", "Refund", "ItemFees", "Commission", "6.00"),
        line("A1", "A-1", "Refund", "ItemFees", "FBACustomerReturnPerUnitFee", "-2.00"),
        line("A1", "A-2", "A-to-z Guarantee Refund", "ItemPrice", "Principal", "-30.00"),
        line("A1", "A-2", "A-to-z Guarantee Refund", "ItemPrice", "Tax", "-2.40"),
        line("A1", "A-2", "A-to-z Guarantee Refund", "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", "2.40"),
        line("A1", "", other, other, "WAREHOUSE_LOST", "12.00"),
        line("A1", "", other, other, "CS_ERROR_ITEMS", "5.00"),
        line("A1", "", other, other, "Previous Reserve Amount Balance", "20.00"),
        line("A1", "", other, other, "Current Reserve Amount", "-20.00"),
    ]
    owed = [line("A9", "", "ServiceFee", "Cost of Advertising", "TransactionTotalAmount", "-11.00")]
    rows = [head("A1", "36.00"), *lines, head("A9", "-11.00"), *owed]
    return table("amazon/samples/settlement-v2.txt", rows, "\t")


def walmart() -> str:
    period = {"Period Start Date": "10/31/2026", "Period End Date": "11/13/2026", "Currency": "USD"}
    at = period | {"Transaction Posted Timestamp": "11/13/2026", "Purchase Order #": "W-9"}

    def line(kind: str, amount_type: str, amount: str, what: str = "") -> dict[str, str]:
        return (
            at
            | {"Transaction Type": kind, "Amount Type": amount_type, "Amount": amount}
            | ({"Transaction Description": what} if what else {})
        )

    lines = [
        line("Sale", "Product Price", "50.00"),
        line("Sale", "Commission on Product", "-7.50"),
        line("Refund", "Fee/Reimbursement", "-4.00", "Walmart Return Shipping Charge"),
        line("Reserve", "Reserve", "-5.00"),
        line("Release Reserve", "Reserve", "5.00"),
    ]
    summary = at | {"Transaction Type": "PaymentSummary", "Total Payable": "38.50", "Purchase Order #": ""}
    return table("walmart/samples/reconciliation.csv", [summary, *lines])


def ebay() -> str:
    at = {"Transaction creation date": "Nov 3, 2026", "Payout currency": "USD", "Payout ID": "777"}
    paid = at | {"Payout date": "Nov 5, 2026", "Transaction currency": "USD"}

    def line(kind: str, order: str, gross: str, net: str, **more: str) -> dict[str, str]:
        money = {"Net amount": net, "Gross transaction amount": gross}
        return paid | {"Type": kind, "Order number": order} | money | more

    rows = [
        line(
            "Order", "E-7", "60.00", "54.00", **{"Item ID": "1", "Quantity": "1", "Final Value Fee - variable": "-6.00"}
        ),
        line("Payment dispute", "E-7", "-60.00", "-60.00", **{"Reference ID": "R1"}),
        line("Payment dispute", "E-7", "60.00", "60.00", **{"Reference ID": "R2"}),
        line("Other fee", "E-7", "-20.00", "-20.00", Description="Payment dispute fee"),
        line("Loan repayment", "--", "-10.00", "-10.00"),
        line("Payout", "--", "--", "-24.00"),
    ]
    return table("ebay/samples/Transaction_report_20261101_20261130.csv", rows, start="Transaction creation date")


def stripe() -> str:
    """A payout that fails, and is paid again."""

    def line(number: str, category: str, gross: str, fee: str, net: str, source: str) -> dict[str, str]:
        at = {"created_utc": "2026-11-04 10:00:00", "available_on_utc": "2026-11-05 00:00:00", "currency": "usd"}
        named = {"balance_transaction_id": number, "reporting_category": category, "source_id": source}
        return at | named | {"gross": gross, "fee": fee, "net": net, "automatic_payout_id": "po_2"}

    rows = [
        line("txn_1", "charge", "80.00", "2.62", "77.38", "ch_1"),
        line("txn_2", "payout", "-77.38", "0.00", "-77.38", "po_1"),
        line("txn_3", "payout_failure", "77.38", "0.00", "77.38", "po_1"),
        line("txn_4", "payout", "-77.38", "0.00", "-77.38", "po_2"),
    ]
    return table("stripe/samples/itemised.csv", rows)


def adyen() -> str:
    """A dispute that is charged back, defended, and lost in the end."""

    def line(kind: str, reference: str, number: str, **money: str) -> dict[str, str]:
        at = {"Creation Date": "2026-11-04 10:00:00", "TimeZone": "CET", "Net Currency": "USD", "Batch Number": "1"}
        named = {"Merchant Account": "ShopUS", "Merchant Reference": reference, "Psp Reference": number, "Type": kind}
        return at | named | {"Modification Reference": f"{number}-{kind}"} | money

    debit, credit = "Net Debit (NC)", "Net Credit (NC)"
    rows = [
        line("Settled", "AD-1", "1", **{credit: "97.50", "Commission (NC)": "2.00", "Markup (NC)": "0.50"}),
        line("Chargeback", "AD-1", "1", **{debit: "115.00", "Markup (NC)": "15.00"}),
        line("ChargebackReversed", "AD-1", "1", **{credit: "100.00"}),
        line("SecondChargeback", "AD-1", "1", **{debit: "100.00"}),
        line("Settled", "AD-2", "2", **{credit: "200.00"}),
        line("MerchantPayout", "", "", **{debit: "182.50"}),
    ]
    return table("adyen/samples/settlement_detail_report_batch_41.csv", rows)


DEPOSITS = [
    ("C36,00", "A1"),
    ("D11,00", "A9"),
    ("C38,50", "WM-2026-11-13"),
    ("C24,00", "EBAY 777"),
    ("C77,38", "STRIPE"),
]
MARKET_STATEMENT = "".join(
    [
        ":20:S1\n:25:US-MAIN\n:28C:1/1\n:60F:C261105USD0,00\n",
        *(f":61:2611061106{amount}NMSCREF-{n}\n:86:{text}\n" for n, (amount, text) in enumerate(DEPOSITS)),
        ":61:2611061106C182,50NMSCREF-9\n:86:ADYEN\n:62F:C261106USD347,38\n-\n",
    ]
)
MARKETS_LEFT = {
    # Amazon 100.00, Walmart 50.00, eBay 60.00, Stripe 80.00, Adyen 300.00.
    "sales": "-590.00",
    # 15.00 less 6.00, 7.50, 6.00, 2.62, 2.50.
    "commission": "27.62",
    # Amazon: 40.00 and the claim of a buyer, 30.00. Adyen: the second chargeback of 100.00; the first was given back.
    "returns": "170.00",
    # FBA's return fee, Walmart's return shipping.
    "fulfilment": "6.00",
    "shrink": "-12.00",
    "other_income": "-5.00",
    "advertising": "11.00",
    # eBay 20.00, Adyen 15.00.
    "dispute_fees": "35.00",
    "loans": "10.00",
    "bank": "347.38",
}
"""Everything else is zero: receivables, payouts, reserves, claims, disputes, suspense, and tax that Amazon remits."""


@pytest.fixture
def shop(bare_home: Path) -> Path:
    """A home with the orders, processors and bank of a shop."""
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
        ("amazon", "amazon/settlement-v2"),
        ("walmart", "walmart/reconciliation"),
        ("ebay", "ebay/transactions"),
        ("stripe", "stripe/itemised"),
        ("adyen", "adyen/settlement-detail"),
    ):
        (bare_home / "mappings" / "shop" / f"{feed}.toml").write_text(
            f'feed = "shop.{feed}"\npartner = "shop"\nbased_on = "standard/{pack}"\n[file]\nmatch = ["{feed}*"]\n'
        )
    return bare_home


def left_after(home: Path, settings: str, files: Mapping[str, str]) -> dict[tuple[str, str], Decimal]:
    """Role and currency → what one pass over the files leaves on the account."""
    config = home / "config.toml"
    config.write_text(config.read_text() + settings)
    for name, content in files.items():
        (home / "inbound" / "shop" / name).write_text(content)
    with open_home(home, now=NOW) as gateway:
        done = run_once(gateway)
        assert {file.name: file.state for file in done.files} == dict.fromkeys(files, "ACCEPTED"), done.files
        con = gateway.lake.con
        assert con.execute("from exception where reconciliation = 'd' and status = 'OPEN'").fetchall() == []
        assert verify.verify(gateway.lake) == []
        left = con.execute(
            "select role, currency, sum(debit - credit) from journal_line group by all having sum(debit - credit) <> 0"
        ).fetchall()
        return {(role, currency): net for role, currency, net in left}


def test_what_processors_hold_and_take_ends_at_the_bank(shop: Path) -> None:
    shipped = ["order", *(row.split(",")[0] for row in ORDERS.split("\n")[1:-1])]
    files = {
        "orders.csv": ORDERS,
        "shipped.csv": "\n".join(shipped) + "\n",
        "paypal.csv": paypal(),
        "bank.sta": STATEMENT,
        "charges.csv": SHOPIFY,
        "payouts.csv": PAYOUTS,
        "tenders.csv": TENDERS,
        "ads.csv": ADS,
    }
    assert left_after(shop, CHANNELS, files) == {key: Decimal(net) for key, net in LEFT.items()}


def test_what_marketplaces_settle_ends_at_the_bank(shop: Path) -> None:
    files = {
        "amazon.txt": amazon(),
        "walmart.csv": walmart(),
        "ebay.csv": ebay(),
        "stripe.csv": stripe(),
        "adyen.csv": adyen(),
        "bank.sta": MARKET_STATEMENT,
    }
    config = shop / "config.toml"
    config.write_text(config.read_text().replace('revenue = "shipment"', 'revenue = "settlement"'))
    left = left_after(shop, '\n[partners.shop]\nentity = "US"\n' + MARKETS, files)
    assert left == {(role, "USD"): Decimal(net) for role, net in MARKETS_LEFT.items()}
