"""A posting is one block in posting.toml: chargebacks go to an account of their own."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from gateway.home import open_home
from gateway.ledger import verify
from gateway.once import run_once
from tests.conftest import NOW

Put = Callable[[str, str, bytes | str], Path]

RULE = """
[[rule]]
name        = "dispute-fee"
on          = "bank_line"
when        = "status = 'BOOK' and remittance like '%CHARGEBACK%'"
document    = "statement_id"
date        = "booking_date"
granularity = "record"
amount      = "-amount"
debit       = "disputes"
credit      = "suspense"
memo        = "Charged back by the processor"
"""


def test_a_posting_touches_one_file(home: Path, drop: Put) -> None:
    rules = home / "mappings" / "posting.toml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("# Revenue of a shipment: posted", RULE + "\n# Revenue of a shipment: posted"))
    statement = (
        ":20:S1\n:25:US-MAIN\n:28C:1/1\n:60F:C261105USD100,00\n"
        ":61:2611061106D25,00NMSCREF-1\n:86:CHARGEBACK CASE 7\n:62F:C261106USD75,00\n-\n"
    )
    mapping = home / "mappings" / "main-bank" / "mt940.toml"
    mapping.write_text(
        'feed = "main-bank.mt940"\npartner = "main-bank"\nbased_on = "standard/swift/mt940"\n'
        '[file]\nmatch = ["*.sta"]\n'
    )
    drop("main-bank", "one.sta", statement)
    with open_home(home, now=NOW) as gateway:
        [file] = run_once(gateway).files
        assert (file.state, file.accepted) == ("ACCEPTED", 3), file.reason
        lines = gateway.lake.con.execute(
            "select role, debit, credit, memo from journal_line where rule = 'dispute-fee' order by line_no"
        ).fetchall()
        assert lines == [
            ("disputes", Decimal(25), Decimal(0), "Charged back by the processor"),
            ("suspense", Decimal(0), Decimal(25), "Charged back by the processor"),
        ]
        [(position,)] = gateway.lake.con.execute(
            """select distinct b.position from journal_source s join bank_line b using (record_id)
            join journal_line j using (entry_id, line_no) where j.rule = 'dispute-fee'"""
        ).fetchall()
        assert position == "line 5"
        assert verify.verify(gateway.lake) == []
