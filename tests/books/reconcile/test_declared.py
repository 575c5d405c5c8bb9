"""A reconciliation is one block in reconciliations.toml: bank interest against what was expected, added by a user."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from gateway.errors import HouseError
from gateway.home import open_home
from gateway.ledger import verify
from gateway.once import run_once
from tests.conftest import NOW, reconcile_only
from tests.mapping_texts import write_delimited

Put = Callable[[str, str, bytes | str], Path]

BLOCK = """
[[reconciliation]]
letter  = "z1"
slug    = "orders-banked"
title   = "Orders paid by transfer against the bank"
sheet   = "Z1_TRANSFERS"
unit    = "money"
answers = "PAYOUT"
external = { from = "bank_line", when = "status = 'BOOK' and amount > 0", key = ["bank_ref"], amount = "amount", day = "booking_date", document = "bank_ref" }
book     = { from = "order_line", key = ["order_id"], amount = "list_amount", day = "ordered_at", document = "order_id" }
pass     = [{ by = "key" }, { by = "key", absolute = 0.5, relative = 0.01 }, { by = "group", days = 30 }]
open     = { external = "MONEY_UNKNOWN", book = "ORDER_UNPAID", differs = "ORDER_PAID_SHORT", after_days = 10 }
[reconciliation.codes]
MONEY_UNKNOWN    = { severity = 2, owner = "TR", days = 2, suggestion = "UNKNOWN_HOLD", title = "Money that no order explains" }
ORDER_UNPAID     = { severity = 3, owner = "FS", days = 5, suggestion = "ESCALATE", title = "Order that nobody paid" }
ORDER_PAID_SHORT = { severity = 2, owner = "FS", days = 3, suggestion = "ESCALATE", title = "Order paid with another amount" }
[reconciliation.tie]
basis = "BOOK"
lines = "role = 'sales'"
"""  # noqa: E501 - an inline table of TOML has no second line
STATEMENT = """:20:S1
:25:US-MAIN
:28C:1/1
:60F:C261105USD100,00
:61:2611061106C20,00NMSCREF//O-1
:61:2611061106C29,80NMSCREF//O-2
:61:2611061106C31,00NMSCREF//O-3
:61:2611061106C7,00NMSCREF//O-9
:62F:C261106USD187,80
-
"""
ORDERS = "order,line,sku,qty,amount,currency,at\n" + "".join(
    f"{order},1,SKU-1,1,{amount},USD,2026-11-0{day}\n"
    for order, amount, day in (("O-1", "20.00", 5), ("O-2", "30.00", 5), ("O-3", "50.00", 5), ("O-4", "9.00", 1))
)
TRANSFERS = {
    "order_id": "order",
    "line_no": "line",
    "channel": "=amazon-us",
    "sku": "sku",
    "qty": "qty",
    "list_amount": "amount",
    "currency": "currency",
    "ordered_at": '{ from = "at", formats = ["%Y-%m-%d"], timezone = "UTC" }',
}


def declare(home: Path, block: str = BLOCK) -> int:
    """Add the block; the line on which it begins."""
    path = home / "mappings" / "reconciliations.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + block, encoding="utf-8")
    return text.count("\n") + 1


@pytest.fixture
def mapped(home: Path) -> Path:
    reconcile_only(home, "j")
    (home / "mappings" / "main-bank" / "mt940.toml").write_text(
        'feed = "main-bank.mt940"\npartner = "main-bank"\nbased_on = "standard/swift/mt940"\n'
        '[file]\nmatch = ["*.sta"]\n'
    )
    write_delimited(home, "amazon-us.transfers", "order_line", ["order_id", "line_no"], TRANSFERS)
    return home


@pytest.mark.parametrize("first", ["orders", "bank"])
def test_a_reconciliation_touches_one_file(mapped: Path, drop: Put, first: str) -> None:
    declare(mapped)
    drops = {"orders": ("amazon-us", "transfers-1.csv", ORDERS), "bank": ("main-bank", "one.sta", STATEMENT)}
    with open_home(mapped, now=NOW) as gateway:
        for name in sorted(drops, key=lambda name: name != first):
            drop(*drops[name])
            done = run_once(gateway)
            assert [file.state for file in done.files] == ["ACCEPTED"], done.files
        [line] = [line for line in done.books.lines if line.reconciliation == "z1"]
        assert (line.title, line.matched, line.timing, line.open) == (
            "Orders paid by transfer against the bank",
            2,
            0,
            3,
        )
        found = gateway.lake.con.execute(
            """select code, document, external_amount, book_amount, amount, severity, owner, "position"
            from exception where reconciliation = 'z1' and status = 'OPEN' order by code"""
        ).fetchall()
        assert found == [
            ("MONEY_UNKNOWN", "O-9", Decimal(7), None, Decimal(7), 2, "TR", "line 8"),
            ("ORDER_PAID_SHORT", "O-3", Decimal(31), Decimal(50), Decimal(-19), 2, "FS", "line 7"),
            ("ORDER_UNPAID", "O-4", None, Decimal(9), Decimal(-9), 3, "FS", "line 5"),
        ]
        assert verify.verify(gateway.lake) == []
    book = openpyxl.load_workbook(done.workbooks[1])
    assert "Z1_TRANSFERS" in book.sheetnames
    states = [cell.value for row in book["Z1_TRANSFERS"].iter_rows() for cell in row]
    assert states.count("MATCHED") == 1 and states.count("WITHIN_TOLERANCE") == 1 and states.count("OPEN") == 3
    summary = [[cell.value for cell in row] for row in book["SUMMARY"].iter_rows()]
    assert any(row[:2] == ["z1", "Orders paid by transfer against the bank"] for row in summary)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('from = "bank_line"', 'from = "bank_lines"', 'there is no table "bank_lines"'),
        ('amount = "list_amount"', 'amount = "order_id"', "the expression gives VARCHAR"),
        ('key = ["order_id"]', 'key = ["order_ids"]', "order_ids"),
        ('by = "group"', 'by = "luck"', "luck"),
        ("absolute = 0.5, ", "", "needs two bounds"),
        ('book = "ORDER_UNPAID"', 'book = "ORDER_LOST"', "ORDER_LOST"),
        ('letter  = "z1"', 'letter  = "a"', "letter a is used by several"),
        ("lines = \"role = 'sales'\"", "lines = \"rolle = 'sales'\"", "rolle"),
        ('suggestion = "UNKNOWN_HOLD", ', "", "suggestion"),
    ],
)
def test_a_mistake_in_a_reconciliation_is_refused_with_its_line(home: Path, old: str, new: str, said: str) -> None:
    assert old in BLOCK
    begin = declare(home, BLOCK.replace(old, new, 1))
    with pytest.raises(HouseError) as refused, open_home(home):
        pass
    message = str(refused.value)
    assert said in message and "mappings/reconciliations.toml:" in message and "Fix:" in message
    if "several" not in said:
        assert int(message.split("reconciliations.toml:")[1].split(":", maxsplit=1)[0]) >= begin


def test_the_file_of_before_is_refused_with_what_to_write_instead(home: Path) -> None:
    (home / "mappings" / "exception-codes.toml").write_text("[a]\n")
    with (
        pytest.raises(HouseError, match=r"Run `gateway init`, which writes mappings/rec"),
        open_home(home),
    ):
        pass
