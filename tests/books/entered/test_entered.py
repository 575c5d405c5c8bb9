"""Opening balances and manual entries post by number of the account, whole or not at all; a restatement reverses."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from gateway.books.posting import reference
from gateway.books.posting.chart import Account
from tests.books.memory import CONFIG, RULES, Books, Row

DAY = "2026-10-01"
WHOLE = (("1", ("6100", "10.00")), ("2", ("4200", None, "15.00")), ("3", ("6020", "5.00")))


def balance(record: str, account: str, amount: str, **more: Any) -> Row:
    file, _, _ = record.partition(".")
    row = {"record_id": record, "file_id": file, "account": account, "amount": amount, "day": DAY, "channel": None}
    return row | more


def line(record: str, account: str, debit: str | None, credit: str | None = None, **more: Any) -> Row:
    file, _, number = record.partition(".")
    own = {"entry_no": "JE-1", "line_no": number, "day": "2026-10-31", "reason": "why", "person": "anna"}
    return own | {"record_id": record, "file_id": file, "account": account, "debit": debit, "credit": credit} | more


def found(ledger: Books) -> dict[str, tuple[str, Decimal | None, str]]:
    """Code → key, amount and message of what is open."""
    rows = ledger.rows("select code, business_key, amount, message from exception where status = 'OPEN'")
    return {code: (key, amount, message) for code, key, amount, message in rows}


def test_opening_balances_post_against_opening_equity_and_a_restatement_reverses(ledger: Books) -> None:
    ledger.put(
        "opening_balance",
        [
            balance("a.1", "1000", "12500.00"),
            balance("a.2", "1100", "310.25", subledger_key="O-1", channel="web"),
            balance("a.3", "2000", "-4400.50", subledger_key="INV-7"),
            balance("a.4", "1000", "800.00", currency="EUR"),
        ],
    )
    assert ledger.run() == 4
    # USD: 12,500.00 + 310.25 − 4,400.50 = 8,409.75 is opening equity's; EUR: 800.00.
    assert ledger.balances("currency") == {
        ("bank", "USD"): Decimal("12500.00"),
        ("channel_receivable", "USD"): Decimal("310.25"),
        ("payables", "USD"): Decimal("-4400.50"),
        ("opening_equity", "USD"): Decimal("-8409.75"),
        ("bank", "EUR"): Decimal("800.00"),
        ("opening_equity", "EUR"): Decimal("-800.00"),
    }
    assert ledger.rows("select document, order_id, channel, date from journal_line where account = '1100'") == [
        ("O-1", "O-1", "web", date(2026, 10, 1))
    ]
    ledger.put("opening_balance", [balance("b.1", "1100", "300.25", subledger_key="O-1", supersedes="a.2")])
    assert ledger.run() == 2, "the old row and the new one"
    assert ledger.balances("currency")["channel_receivable", "USD"] == Decimal("300.25")
    assert ledger.balances("currency")["opening_equity", "USD"] == Decimal("-8399.75")
    assert ledger.rows("select sum(debit), sum(credit) from journal_line where account = '1100'") == [
        (Decimal("610.50"), Decimal("310.25"))
    ], "reversed and posted again"
    assert ledger.faults() == []
    assert ledger.run() == 0


def test_a_manual_entry_posts_whole_in_whatever_files_its_lines_come(ledger: Books) -> None:
    ledger.put("manual_entry", [line("a.1", "6100", "12.50")])
    assert ledger.run() == 0, "half of it does not balance"
    ledger.put("manual_entry", [line("b.2", "4200", None, "12.50", order_id="O-1")])
    assert ledger.run() == 2
    assert ledger.balances() == {"bank_fees": Decimal("12.50"), "other_income": Decimal("-12.50")}
    assert ledger.rows("select rule, document, memo, order_id from journal_line order by credit") == [
        ("manual-entry", "JE-1", "why", None),
        ("manual-entry", "JE-1", "why", "O-1"),
    ]
    # Restated on another day and account: the old day is reversed, the new one posted.
    other = {"day": "2026-11-01"}
    ledger.put(
        "manual_entry",
        [
            line("c.1", "6020", "12.50", supersedes="a.1", **other),
            line("c.2", "4200", None, "12.50", supersedes="b.2", **other),
        ],
    )
    ledger.run()
    assert ledger.balances("period") == {
        ("storage", "2026-11"): Decimal("12.50"),
        ("other_income", "2026-11"): Decimal("-12.50"),
    }
    ledger.put("manual_entry", [line("d.1", "6020", "13.00", supersedes="c.1", **other)])
    ledger.run()
    assert ledger.balances() == {}, "an entry that no longer balances is taken back"
    assert ledger.faults() == []


def test_what_does_not_post_is_named_with_the_reason(ledger: Books) -> None:
    stock = {
        "record_id": "s.1",
        "sku": "CUP",
        "qty": 10,
        "unit_cost": "4.00",
        "type": "OPENING",
        "occurred_at": "2026-10-01T00:00:00Z",
        "from_status": "ADJUST",
        "to_status": "AVAILABLE",
        "from_location": "ADJUST",
    }
    ledger.put_all(
        {
            "item": [{"record_id": "i.1", "sku": "CUP", "std_unit_cost": None}],
            "inventory_movement": [stock],
            "opening_balance": [
                balance("a.1", "1500", "90.00"),
                balance("a.2", "1200", "45.00"),
                balance("a.3", "1000", "5.00"),
                balance("a.4", "3000", "-150.00"),
            ],
            "manual_entry": [
                line("m.1", "6100", "10.00", entry_no="SHORT"),
                line("m.2", "4200", None, "7.50", entry_no="SHORT"),
                line("m.3", "6100", "1.00", entry_no="DAYS"),
                line("m.4", "4200", None, "1.00", entry_no="DAYS", day="2026-11-01"),
                line("m.5", "6100", "2.00", entry_no="BANK", approved_by=" Anna "),
                line("m.6", "1000", None, "2.00", entry_no="BANK", approved_by=" Anna "),
                line("m.7", "6100", "3.00", entry_no="GOOD", approved_by="bela"),
                line("m.8", "1000", None, "3.00", entry_no="GOOD", approved_by="bela"),
            ],
        }
    )
    ledger.run_all()
    open_now = found(ledger)
    key, amount, message = open_now["ENTRY_UNBALANCED"]
    assert (key, amount) == ("web|SHORT|USD", Decimal("2.50"))  # 10.00 − 7.50
    assert message.startswith("Entry SHORT does not balance: debits are 2.5000 USD more than credits. Nothing of it")
    assert open_now["ENTRY_DAYS_DIFFER"][2].startswith("Entry DAYS has lines of 2 days, from 2026-10-31 to 2026-11-01.")
    assert open_now["MANUAL_JE_CONTROL"][2].startswith(
        "Entry BANK of anna is on the control account 1000, and no other"
    )
    assert open_now["ACCOUNT_UNKNOWN"][2].startswith(
        'The chart has no account "1500", so these do not post: an opening'
    )
    rows = ledger.rows(
        "select business_key, external_amount, book_amount, amount from exception where code = 'OPENING_DIFFERS' "
        "order by 1"
    )
    # Stock of 10 at 4.00 is worth 40.00, the balance says 45.00. 90 + 45 + 5 − 150 = −10 is not zero.
    assert rows == [
        ("stock|1200", Decimal(45), Decimal(40), Decimal(5)),
        ("web|2026-10-01|USD", Decimal(-150), Decimal(-140), Decimal(-10)),
    ]
    # Posted: the bank's 5.00 and GOOD's 3.00 off it; equity has the stock's 40.00, the bank's 5.00 and nothing of 1500.
    assert ledger.balances() == {
        "bank": Decimal("2.00"),
        "bank_fees": Decimal("3.00"),
        "stock_sellable": Decimal("40.00"),
        "opening_equity": Decimal("-45.00"),
    }
    machines = {"machines": Account(number="1500", name="Machines")}
    chart = RULES.chart.model_copy(update={"accounts": RULES.chart.accounts | machines})
    ledger.rules = replace(RULES, chart=chart)
    reference.prepare(ledger.con, CONFIG, ledger.rules)
    ledger.put(
        "manual_entry",
        [line("n.1", "4200", None, "10.00", entry_no="SHORT", supersedes="m.2")],
    )
    ledger.run_all()
    assert ledger.balances()["machines"] == Decimal("90.00"), "the chart has the account now"
    assert ledger.balances()["other_income"] == Decimal("-10.00"), "the entry balances now"
    assert {"ACCOUNT_UNKNOWN", "ENTRY_UNBALANCED"} & found(ledger).keys() == set()
    assert ledger.faults() == []


def test_an_entry_of_which_rows_were_rejected_waits_for_the_whole_of_it(ledger: Books) -> None:
    """Of J9's four lines two were rejected, and the other two balance by chance: 10.00 and 10.00."""
    good = [line("x.1", "6100", "10.00", entry_no="J9"), line("x.2", "4200", None, "10.00", entry_no="J9")]
    ledger.put("manual_entry", [*good, line("x.5", "6100", "1.00"), line("x.6", "4200", None, "1.00")])
    ledger.con.execute(
        "insert into file by name select 'x' as file_id, 'ACCEPTED' as state, timestamptz '2026-11-01' as recorded_at"
    )
    ledger.con.execute(
        """insert into fault by name select 'x' as file_id, 'ROW_REJECT' as code, 'manual_entry' as record_type,
        '{"entry": "J9", "line": "3", "credit": "x"}' as source_row, timestamptz '2026-11-01' as recorded_at"""
    )
    ledger.run()
    assert ledger.balances() == {"bank_fees": Decimal("1.00"), "other_income": Decimal("-1.00")}, "JE-1 alone"
    # The whole entry comes again: what is unchanged of it stays a row of the first file.
    more = [line("w.3", "6020", "5.00", entry_no="J9"), line("w.4", "4200", None, "5.00", entry_no="J9")]
    ledger.put("manual_entry", more)
    ledger.run()
    assert ledger.balances()["storage"] == Decimal("5.00")
    before = {"1": "x.1", "2": "x.2", "3": "w.3"}
    gone = line("y.4", "4200", None, "5.00", entry_no="J9", supersedes="w.4", withdrawn=True)
    whole = [line(f"y.{n}", *rest, entry_no="J9", supersedes=before[n]) for n, rest in WHOLE]
    ledger.put("manual_entry", [*whole, gone])
    ledger.run()
    assert ledger.balances() == {
        "bank_fees": Decimal("11.00"),
        "storage": Decimal("5.00"),
        "other_income": Decimal("-16.00"),
    }
    for table in ("file", "fault"):
        ledger.con.execute(f"delete from {table}")
