"""A declared reconciliation over the same files in other orders, corrected, and under another tolerance: one state."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gateway.books.reconcile.registry import Registry
from gateway.books.reconcile.sides import items
from gateway.home import open_home
from gateway.ledger import verify
from gateway.once import run_once
from tests.books.reconcile.test_declared import BLOCK, TRANSFERS, declare
from tests.conftest import NOW, reconcile_only
from tests.mapping_texts import write_delimited

Put = Callable[[str, str, bytes | str], Path]
WITH_CODES = (
    BLOCK.replace('key = ["bank_ref"]', 'key = ["end_to_end_ref"], words = "remittance"')
    .replace('by = "group", days = 30', 'by = "words"')
    .replace("after_days = 10", 'ambiguous = "PAID_TWICE", unusable = "UNUSABLE", after_days = 0')
    .replace(
        "[reconciliation.tie]",
        'PAID_TWICE = { severity = 2, owner = "TR", days = 2, suggestion = "ESCALATE", title = "Paid several times" }\n'
        'UNUSABLE = { severity = 2, owner = "IN", days = 2, suggestion = "ESCALATE", title = "Not comparable" }\n'
        "[reconciliation.tie]",
    )
)
ORDERS = "order,line,sku,qty,amount,currency,at\n"
LINES = {"O-1": "20.00", "O-2": "30.00", "O-3": "40.00", "O-4": "50.00"}
BANK = """:20:S1
:25:US-MAIN
:28C:1/1
:60F:C261105USD100,00
:61:2611061106C20,00NTRFNONREF
:86:PAYMENT O-1 THANKS
:61:2611061106C70,00NTRFNONREF
:86:O-2, O-3
:61:2611061106C50,00NTRFNONREF
:86:O-4
:61:2611071107C50,00NTRFNONREF
:86:O-4 AGAIN
:62F:C261107USD290,00
-
"""


def orders(**changed: str) -> str:
    return ORDERS + "".join(
        f"{order},1,SKU-1,1,{changed.get(order.replace('-', ''), amount)},USD,2026-11-05\n"
        for order, amount in LINES.items()
    )


@contextmanager
def state(home: Path, **files: tuple[str, str]) -> Iterator[dict[str, Any]]:
    """A pass over further files (partner, text); the matches that hold and the open exceptions."""
    for name, (partner, text) in files.items():
        folder = home / "inbound" / partner
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.{'sta' if partner == 'main-bank' else 'csv'}").write_text(text)
    with open_home(home, now=NOW) as gateway:
        run_once(gateway)
        con = gateway.lake.con
        yield {
            "matches": con.execute(
                """select match_id, "pass", rule, side, record_id, amount, difference from match_state
                where reconciliation = 'z1' and status <> 'REVERSED' order by all"""
            ).fetchall(),
            "open": con.execute(
                "select code, document, message from exception where status = 'OPEN' and reconciliation = 'z1' "
                "order by all"
            ).fetchall(),
            "rows": con.execute("select count(*) from match_line where reconciliation = 'z1'").fetchone(),
        }


def test_the_same_matches_hold_whatever_came_first_and_what_no_longer_holds_is_taken_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])
    bank = (
        'feed = "main-bank.mt940"\npartner = "main-bank"\nbased_on = "standard/swift/mt940"\n'
        '[file]\nmatch = ["*.sta"]\n'
    )
    (home / "mappings" / "main-bank" / "mt940.toml").write_text(bank)
    write_delimited(home, "amazon-us.transfers", "order_line", ["order_id", "line_no"], TRANSFERS)
    reconcile_only(home, "g")
    declare(home, WITH_CODES)
    other = Path(shutil.copytree(home, home.with_name("other")))
    with state(home, transfers=("amazon-us", orders()), one=("main-bank", BANK)) as first:
        shown = [(by, rule, side, amount) for _, by, rule, side, _, amount, _ in first["matches"]]
        assert sorted(shown) == [
            ("P3", "orders-banked", "A", 20),
            ("P3", "orders-banked", "A", 70),
            ("P3", "orders-banked", "B", 20),
            ("P3", "orders-banked", "B", 30),
            ("P3", "orders-banked", "B", 40),
        ]
        assert [(code, message) for code, _, message in first["open"]] == [
            (
                "PAID_TWICE",
                (
                    "Paid several times: line 11, theirs 100.0000, ours 50.0000 USD (2 of theirs and 1 of ours are "
                    "equally good)"
                ),
            )
        ]
    with state(home) as again:
        assert again == first
    # O-3 is corrected: the text names 70 and its orders make 75.
    with state(home, transfers_2=("amazon-us", orders(O3="45.00"))) as corrected:
        assert sorted(row[3:6:2] for row in corrected["matches"]) == [("A", 20), ("B", 20)]
        assert [code for code, *_ in corrected["open"]] == ["ORDER_PAID_SHORT", "PAID_TWICE"]
    # 70 and 75 agree within a tolerance of 5, as long as the block has it.
    rules = home / "mappings" / "reconciliations.toml"
    strict = rules.read_text()
    rules.write_text(strict.replace('{ by = "words" }', '{ by = "words", absolute = 5, relative = 0.1 }'))
    with state(home) as tolerant:
        assert sum(row[5] for row in tolerant["matches"] if row[3] == "A") == 90
        assert [code for code, *_ in tolerant["open"]] == ["PAID_TWICE"]
    rules.write_text(strict)
    with state(home) as again:
        assert {key: again[key] for key in ("matches", "open")} == {key: corrected[key] for key in ("matches", "open")}
    with state(other, one=("main-bank", BANK)), state(other, transfers=("amazon-us", orders())):
        pass
    with state(other, transfers_2=("amazon-us", orders(O3="45.00"))) as late:
        assert {key: late[key] for key in ("matches", "open")} == {key: corrected[key] for key in ("matches", "open")}
    with state(other, transfers_3=("amazon-us", orders(O3="40.0"))) as back:
        assert sorted(row[3:6:2] for row in back["matches"]) == [("A", 20), ("A", 70), ("B", 20), ("B", 30), ("B", 40)]
    for ended in (home, other):
        with open_home(ended, read_only=True) as gateway:
            assert verify.verify(gateway.lake) == []


def test_rows_that_cannot_be_compared_are_kept_apart_with_the_reason() -> None:
    block = WITH_CODES.replace('amount = "list_amount"', 'amount = "list_amount / qty"')
    registry = Registry.model_validate({"owners": {}, "reconciliation": tomllib.loads(block)["reconciliation"]})
    [one] = registry.reconciliations
    with duckdb.connect() as con:
        con.execute(
            """create table order_line_current as select * from (values
                ('r1', 'O-1', 10.0, 1.0, 'USD'), ('r1', 'O-1', 10.0, 1.0, 'USD'), ('r2', 'O-2', null, 1.0, 'USD'),
                ('r3', 'O-3', 1.0, 3.0, 'USD'), ('r4', 'O-4', 5.0, 1.0, ' '), ('r5', ' ', 6.0, 1.0, 'USD'))
                t(record_id, order_id, list_amount, qty, currency),
                (select 'US' as entity, 'p' as partner, 'c' as channel, 'f' as file_id, 'line' as "position",
                        timestamptz '2026-11-01' as ordered_at)"""
        )
        assert one.book is not None
        side = items(con, one, one.book, "ours")
        assert con.execute(f"select record_id, k, amount from {side.usable} order by 1").fetchall() == [
            ("r1", "O-1", Decimal(10)),
            ("r5", None, Decimal(6)),
        ]
        assert con.execute(f"select record_id, fault from {side.unusable} order by 1").fetchall() == [
            ("r1", "it is there twice"),
            ("r2", "it has no amount"),
            ("r3", "its amount 0.3333333333 has more than 4 decimals"),
            ("r4", "it has no currency"),
        ]
