"""Functional amounts: the rate of the day or the last one before it, in whatever order rates and documents come."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from gateway.books.posting import reference
from gateway.books.posting.rates import lay_rates
from gateway.settings import Config
from gateway.settings.rates import Rates
from tests.books.memory import CONFIG, RULES, Books, Row


def rate(day: str, base: str, quote: str, value: str, source: str = "ECB", **more: Any) -> Row:
    name = f"{source}.{day}.{base}{quote}.{value}"
    return {"record_id": name, "file_id": name, "day": day, "base": base, "quote": quote, "rate": value} | {
        "source": source,
        **more,
    }


def found(ledger: Books, *asked: tuple[str, str, str], config: Config = CONFIG) -> list[str | None]:
    """The rate of each (currency, functional, day)."""
    reference.prepare(ledger.con, config, RULES)
    values = ", ".join(f"('{c}', '{f}', date '{d}')" for c, f, d in asked)
    lay_rates(ledger.con, f"select * from (values {values}) t(currency, functional, day)", "_found")
    rows = {(c, f, str(d)): str(r) for c, f, d, r in ledger.rows("select * from _found")}
    return [rows.get(one) for one in asked]


def test_a_rate_is_direct_inverse_or_crossed_over_the_base_of_its_source(ledger: Books) -> None:
    """ECB of Friday 30 October: 1 EUR = 1.25 USD = 0.8 GBP = 175 JPY."""
    friday = "2026-10-30"
    ledger.put(
        "fx_rate",
        [
            rate(friday, "EUR", "USD", "1.25"),
            rate(friday, "EUR", "GBP", "0.8"),
            rate(friday, "EUR", "JPY", "175"),
            rate("2026-11-02", "EUR", "USD", "1.3"),
            rate("2026-11-02", "GBP", "USD", "1.5", source="Bank"),
        ],
    )
    assert found(
        ledger,
        ("EUR", "USD", friday),  # 1.25
        ("USD", "EUR", friday),  # 1 ÷ 1.25 = 0.8
        ("GBP", "USD", friday),  # 1.25 ÷ 0.8 = 1.5625
        ("JPY", "USD", friday),  # 1.25 ÷ 175 = 0.007142857142857…
        ("EUR", "USD", "2026-11-01"),  # Sunday: Friday's
        ("EUR", "USD", "2026-11-02"),  # Monday's own
        ("EUR", "USD", "2026-10-29"),  # there is none before Friday
        ("JPY", "USD", "2026-11-06"),  # the 7th day after Friday
        ("JPY", "USD", "2026-11-07"),  # the 8th
        ("GBP", "USD", "2026-11-02"),  # the bank's, which is of the day; the ECB's cross rate is Friday's
    ) == [
        "1.250000000000",
        "0.800000000000",
        "1.562500000000",
        "0.007142857143",
        "1.250000000000",
        "1.300000000000",
        None,
        "0.007142857143",
        None,
        "1.500000000000",
    ]
    ledger.put("fx_rate", [rate("2026-11-02", "EUR", "USD", "1.4", source="Bank")])
    monday = ("EUR", "USD", "2026-11-02")
    assert found(ledger, monday) == ["1.400000000000"], "of two sources the first by name"
    preferred = CONFIG.model_copy(update={"rates": Rates(days=8, sources=("ECB",))})
    assert found(ledger, monday, ("JPY", "USD", "2026-11-07"), config=preferred) == ["1.300000000000", "0.007142857143"]
    reference.prepare(ledger.con, CONFIG, RULES)


def shipped(number: int) -> Row:
    own = {"record_id": f"s{number}.1", "order_id": "O-1", "sku": "CUP", "shipped_qty": number, "line_no": str(number)}
    return own | {"file_id": f"s{number}", "shipped_at": f"2026-11-03T0{number}:00:00Z"}


ORDERED = {"record_id": "o.1", "order_id": "O-1", "sku": "CUP", "qty": 3, "list_amount": "10.01", "tax_amount": "1.91"}
EUROS: dict[str, tuple[str, Row]] = {
    "order": ("order_line", ORDERED | {"currency": "EUR"}),
    "one": ("shipment_line", shipped(1)),
    "two": ("shipment_line", shipped(2)),
    "friday's": ("fx_rate", rate("2026-10-30", "EUR", "USD", "1.1111")),
    "the day's": ("fx_rate", rate("2026-11-03", "EUR", "USD", "1.2345")),
}
ORDERS = (
    ("friday's", "the day's", "order", "one", "two"),
    ("order", "one", "two", "the day's", "friday's"),
    ("two", "friday's", "order", "the day's", "one"),
    ("one", "order", "friday's", "two", "the day's"),
)


def test_documents_and_rates_in_any_order_end_in_the_same_functional_balances(ledger: Books) -> None:
    """10.01 EUR of sales and 1.91 of tax on 3 November, at 1.2345: 12.357… is 12.36, 2.357… is 2.36, and 11.92 EUR of
    the receivable are 14.715…, 14.72. Nothing is left for rounding: 14.72 − 12.36 − 2.36 = 0. By shipments it would be
    another: 3.34 EUR of sales are 4.12, 6.67 are 8.23, together 12.35."""
    for names in ORDERS:
        ledger.clear()
        for table, row in (EUROS[name] for name in names):
            ledger.put(table, [row])
            ledger.run()
        assert ledger.rows(
            "select role, sum(functional_amount) from journal_line group by role having sum(functional_amount) <> 0 "
            "order by role"
        ) == [
            ("channel_receivable", Decimal("14.72")),
            ("sales", Decimal("-12.36")),
            ("tax", Decimal("-2.36")),
        ], names
        broken = "select entry_id from journal_line group by entry_id having sum(functional_amount) <> 0"
        assert ledger.rows(broken) == [], names
        assert ledger.faults() == [], names
        assert ledger.run() == 0, names


def test_what_rounding_leaves_goes_to_its_account_in_the_smallest_coin(ledger: Books) -> None:
    """Into yen: 0.60 EUR and twice 0.30 at 165 are 99, 49.5 → 50 and 50: one yen too many is credited.

    Into dinars of Kuwait, three decimals, at 0.3333: 0.19998 → 0.200 and twice 0.09999 → 0.100."""
    ledger.put(
        "fx_rate",
        [rate("2026-10-01", "EUR", "JPY", "165"), rate("2026-10-01", "EUR", "KWD", "0.3333")],
    )
    for entity in ("JP", "KW"):
        lines = [("5", "0.60", None), ("6", None, "0.30"), ("7", None, "0.30")]
        own = {"entry_no": "JE", "day": "2026-10-01", "reason": "r", "person": "anna", "approved_by": "bela"}
        ledger.put(
            "manual_entry",
            [
                own
                | {"record_id": f"{entity}.{n}", "entity": entity, "line_no": n, "currency": "EUR", "sku": f"S{n}"}
                | {"account": "6100" if debit else "4200", "debit": debit, "credit": credit}
                for n, debit, credit in lines
            ],
        )
    ledger.run()
    rows = ledger.rows(
        "select entity, role, debit, credit, functional_amount from journal_line order by entity, line_no"
    )
    none = Decimal(0)
    assert rows == [
        ("JP", "bank_fees", Decimal("0.6"), none, Decimal(99)),
        ("JP", "other_income", none, Decimal("0.3"), Decimal(-50)),
        ("JP", "other_income", none, Decimal("0.3"), Decimal(-50)),
        ("JP", "rounding", none, none, Decimal(1)),
        ("KW", "bank_fees", Decimal("0.6"), none, Decimal("0.2")),
        ("KW", "other_income", none, Decimal("0.3"), Decimal("-0.1")),
        ("KW", "other_income", none, Decimal("0.3"), Decimal("-0.1")),
    ]
    assert ledger.faults() == []


def test_a_missing_rate_is_an_exception_until_it_comes_and_a_restated_one_posts_the_difference(ledger: Books) -> None:
    ledger.put(
        "opening_balance",
        [
            {"record_id": "a.1", "account": "1000", "amount": "100.00", "day": "2026-10-01", "currency": "EUR"},
            {"record_id": "a.2", "account": "2000", "amount": "-40.00", "day": "2026-10-01", "currency": "EUR"},
        ],
    )
    ledger.run_all()
    assert ledger.rows("select business_key, message from exception where code = 'RATE_MISSING'") == [
        (
            "US|EUR",
            "No rate from EUR into USD for 1 days, from 2026-10-01 to 2026-10-01, nor in the 7 days before each. "
            "Fix: send rates of these days; the next run posts the amounts",
        )
    ]
    ledger.put("fx_rate", [rate("2026-09-24", "EUR", "USD", "1.1")])
    ledger.run_all()
    assert ledger.rows("select status from exception where code = 'RATE_MISSING'") == [("CLOSED",)]
    asked = "select role, sum(functional_amount) from journal_line group by role order by role"
    assert ledger.rows(asked) == [
        ("bank", Decimal(110)),
        ("opening_equity", Decimal(-66)),
        ("payables", Decimal(-44)),
    ]
    old = "ECB.2026-09-24.EURUSD.1.1"
    ledger.put("fx_rate", [rate("2026-09-24", "EUR", "USD", "1.2", supersedes=old)])
    ledger.run_all()
    assert ledger.rows(asked) == [
        ("bank", Decimal(120)),
        ("opening_equity", Decimal(-72)),
        ("payables", Decimal(-48)),
    ]
    assert ledger.rows("select date, rate from journal_line where rule = 'functional-amount' and role = 'bank'") == [
        (date(2026, 10, 1), Decimal("1.1")),
        (date(2026, 10, 1), Decimal("1.2")),
    ]
    assert ledger.faults() == []


def test_what_posts_on_two_days_has_the_rate_of_each(ledger: Books) -> None:
    """A correction of a closed month posts in the next: 10.00 EUR at 1.2 are 12.00, 1.00 EUR less at 1.5 are 1.50."""
    lines = [("E1", 1, "2026-10-31", "sales", "10"), ("E1", 2, "2026-10-31", "tax", "-10")]
    lines += [("E2", 1, "2026-11-01", "sales", "-1"), ("E2", 2, "2026-11-01", "tax", "1")]
    for entry, number, day, role, amount in lines:
        debit, credit = max(Decimal(amount), Decimal(0)), max(-Decimal(amount), Decimal(0))
        ledger.con.execute(
            f"""insert into journal_line by name select '{entry}' as entry_id, {number} as line_no, 'US' as entity,
                date '{day}' as date, 'D' as document, 'r' as rule, '{role}' as role, {debit} as debit,
                {credit} as credit, 'EUR' as currency, 'U' as unit_id, timestamptz '2026-11-01' as recorded_at"""
        )
        ledger.con.execute(
            f"insert into journal_source by name select '{entry}' as entry_id, {number} as line_no, 'f.1' as record_id"
        )
    ledger.put("fx_rate", [rate("2026-10-31", "EUR", "USD", "1.2"), rate("2026-11-01", "EUR", "USD", "1.5")])
    ledger.run()
    assert ledger.run() == 0
    asked = "select date, role, sum(functional_amount) from journal_line group by all order by all"
    assert ledger.rows(asked) == [
        (date(2026, 10, 31), "sales", Decimal(12)),
        (date(2026, 10, 31), "tax", Decimal(-12)),
        (date(2026, 11, 1), "sales", Decimal("-1.5")),
        (date(2026, 11, 1), "tax", Decimal("1.5")),
    ]
    assert ledger.faults() == [], "an entry for each day"
