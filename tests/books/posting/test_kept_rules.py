"""What is taken back is taken back by the rules and the chart by which it was posted, whatever the files say today."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.home import open_home
from gateway.ledger import verify
from gateway.once import run_once
from tests.conftest import NOW, reconcile_only
from tests.mapping_texts import write_delimited

pytestmark = pytest.mark.usefixtures("without_workbooks")

CHARGE = {
    "bank_ref": "ref",
    "amount": "amount",
    "account": "=MAIN",
    "statement_id": "=S1",
    "booking_date": "=2026-11-06",
    "currency": "=USD",
    "direction": "=DBIT",
    "status": "=BOOK",
    "subfamily": "=CHRG",
}


def pass_over(home: Path, name: str, content: str) -> dict[tuple[str, str], Decimal]:
    (home / "inbound" / "bank" / name).write_text(content)
    with open_home(home, now=NOW) as gateway:
        assert [file.state for file in run_once(gateway).files] == ["ACCEPTED"]
        assert verify.verify(gateway.lake) == []
        left = gateway.lake.con.execute(
            "select account, role, sum(debit - credit) from journal_line group by all having sum(debit - credit) <> 0"
        ).fetchall()
        return {(account, role): net for account, role, net in left}


def test_a_restatement_takes_back_what_the_rules_of_then_have_posted(bare_home: Path) -> None:
    (bare_home / "inbound" / "bank").mkdir(parents=True)
    reconcile_only(bare_home, "j")
    config = bare_home / "config.toml"
    config.write_text(config.read_text() + '\n[partners.bank]\nentity = "US"\n')
    write_delimited(bare_home, "bank.lines", "bank_line", ["bank_ref"], CHARGE)
    assert pass_over(bare_home, "one.csv", "ref,amount\nA,-3.00\nB,-7.00\n") == {
        ("1000", "bank"): Decimal(-10),
        ("6100", "bank_fees"): Decimal(10),
    }
    # Charges are other fees from now on, of all days, and the bank has another number.
    for name, old, new in (
        ("posting.toml", 'credit      = "bank_fees"', 'credit      = "other_fees"'),
        ("chart.toml", 'number = "1000"', 'number = "1001"'),
    ):
        rules = bare_home / "mappings" / name
        assert rules.read_text().count(old) == 1
        rules.write_text(rules.read_text().replace(old, new))
    # A was 4.00, and stands wholly in the accounts of today; B stays where it was posted.
    left = {
        ("1000", "bank"): Decimal(-7),
        ("6100", "bank_fees"): Decimal(7),
        ("1001", "bank"): Decimal(-4),
        ("6050", "other_fees"): Decimal(4),
    }
    assert pass_over(bare_home, "two.csv", "ref,amount\nA,-4.00\n") == left
    # What the rules of today have posted, they take back: 5.00 in place of 4.00.
    left |= {("1001", "bank"): Decimal(-5), ("6050", "other_fees"): Decimal(5)}
    assert pass_over(bare_home, "three.csv", "ref,amount\nA,-5.00\n") == left
