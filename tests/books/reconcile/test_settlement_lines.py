"""Settlements against their lines: what each says of the other, in one file or in several."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.home import open_home
from gateway.once import run_once
from tests.conftest import NOW, case, reconcile_only

pytestmark = pytest.mark.usefixtures("without_workbooks")

SHOP = {
    "payouts.toml": 'feed = "shop.payouts"\npartner = "shop"\nbased_on = "standard/shopify/payouts"\n',
    "transactions.toml": 'feed = "shop.transactions"\npartner = "shop"\nbased_on = "standard/shopify/transactions"\n',
    "etsy.toml": 'feed = "shop.deposits"\npartner = "shop"\nbased_on = "standard/etsy/deposits"\n',
    "statement.toml": 'feed = "shop.statement"\npartner = "shop"\nbased_on = "standard/etsy/statement"\n',
}
PAYOUTS = "Payout Date,Status,Charges,Fees,Total,Currency,{named}\n"
TRANSACTIONS = "Transaction Date,Type,Order,Payout Date,Amount,Fee,Net,Checkout,Currency,{named}\n"
ETSY = 'Date,Amount,Currency,Status\n"November 2, 2026",$70.00,USD,Paid\n'
STATEMENT = (
    "Date,Type,Title,Info,Currency,Amount,Fees & Taxes,Net,Tax Details\n"
    '"November 1, 2026",Sale,Payment for Order #1,,USD,$60.00,--,$60.00,--\n'
)


@pytest.fixture
def shop(home: Path) -> Path:
    reconcile_only(home, "c2")
    folder = home / "mappings" / "shop"
    folder.mkdir()
    for name, text in SHOP.items():
        (folder / name).write_text(text)
    with (home / "config.toml").open("a") as config:
        config.write('\n[partners.shop]\nentity = "US"\n')
        config.writelines(f'[channels.{name}]\nentity = "US"\nrevenue = "settlement"\n' for name in ("shopify", "etsy"))
    (home / "inbound" / "shop").mkdir(parents=True)
    return home


def found(home: Path, **files: str) -> dict[str, tuple[str, Decimal | None, Decimal | None]]:
    """The document of each open exception → (code, what the lines make, what the settlement states)."""
    for name, text in files.items():
        (home / "inbound" / "shop" / f"{name}.csv").write_text(text)
    with open_home(home, now=NOW) as gateway:
        run_once(gateway)
        rows = gateway.lake.con.execute(
            """select document, code, external_amount, book_amount from exception
            where status = 'OPEN' and reconciliation = 'c2'"""
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_a_payout_that_its_transactions_do_not_make(shop: Path) -> None:
    files = {path.stem: path.read_text() for path in case("table-53-payout-not-made-by-transactions").glob("*.csv")}
    expected = {
        "148150000001": ("SETTLE_LINES_DIFFER", Decimal("77.55"), Decimal("60.28")),
        "148150000002": ("SETTLE_NO_LINES", None, Decimal("50.00")),
    }
    assert found(shop, payouts_export=files["payouts_export"])["148150000001"][0] == "SETTLE_NO_LINES"
    assert found(shop, payment_transactions=files["payment_transactions"]) == expected
    refund = (
        ",refund,#3426,visa,online,paid,2026-10-03,148150000001,2026-10-03,-17.27,0.00,-17.27,#3,card,17,USD,USD,0\n"
    )
    head = files["payment_transactions"].splitlines()[0]
    rest = f"{head}\n2026-10-02 10:00:00 -0400{refund}"
    assert found(shop, payment_transactions_2=rest) == {"148150000002": expected["148150000002"]}


def test_exports_that_name_a_payout_differently_and_what_is_still_in_time(shop: Path) -> None:
    payouts = PAYOUTS.format(named="Bank Reference") + (
        "2026-11-03,paid,50.00,0.00,50.00,USD,BANK-1\n"  # the only one with this amount
        "2026-11-04,paid,30.00,0.00,30.00,USD,\n"  # named by its day, as the transaction without a number
        "2026-11-05,paid,7.00,0.00,7.00,USD,BANK-3\n"
        "2026-11-05,paid,7.00,0.00,7.00,EUR,BANK-4\n"
        "2026-11-13,paid,9.00,0.00,9.00,USD,BANK-5\n"  # seven days ago: its lines may still come
        "2026-11-12,paid,8.00,0.00,8.00,USD,BANK-6\n"
    )
    transactions = TRANSACTIONS.format(named="Payout ID") + "".join(
        f"2026-10-{day} 10:00:00 -0400,charge,#{day},{paid},{amount},0.00,{amount},#{day},USD,{number}\n"
        for day, paid, amount, number in (
            (25, "2026-11-03", "50.00", "1481"),
            (26, "2026-11-04", "30.00", ""),
            (27, "", "3.00", ""),
            (28, "2026-11-05", "7.00", "1483"),
            (29, "2026-11-05", "7.00", "1484"),
        )
    )
    assert found(shop, payouts=payouts, payment_transactions=transactions) == {
        "BANK-3": ("SETTLE_NO_LINES", None, Decimal(7)),  # two groups of 7.00: which of them is a guess
        "BANK-4": ("SETTLE_NO_LINES", None, Decimal(7)),
        "BANK-6": ("SETTLE_NO_LINES", None, Decimal(8)),
        "1483": ("SETTLE_NO_HEAD", Decimal(7), None),
        "1484": ("SETTLE_NO_HEAD", Decimal(7), None),
        "pending": ("SETTLE_NO_HEAD", Decimal(3), None),
    }


def test_a_balance_pays_no_more_than_its_lines_make(shop: Path) -> None:
    (shop / "inbound" / "shop" / "etsy_deposits.csv").write_text(ETSY)
    over = {"balance": ("SETTLE_OVER_BALANCE", Decimal(60), Decimal(70))}
    assert found(shop, etsy_statement=STATEMENT) == over
    more = STATEMENT.replace("#1", "#2").replace("60.00", "10.00")
    assert found(shop, etsy_statement_2=more) == {}
