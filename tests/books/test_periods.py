"""Periods: what is closed takes no entries, and what comes late posts behind it; by hand."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from gateway.books import periods
from gateway.books.periods import Act, Point
from gateway.books.posting import posting_days
from gateway.errors import HouseError
from gateway.model.periods import CLOSED, REOPENED, SOFT_CLOSED
from tests.books.memory import Books, Row


def test_the_month_after() -> None:
    assert [posting_days.following(period) for period in ("2026-10", "2026-12")] == ["2026-11", "2027-01"]
    for wrong in ("2026-13", "2026-1", "26-10", "2026-10-01", ""):
        with pytest.raises(ValueError):
            posting_days.first_day(wrong)


TODAY = date(2026, 12, 1)


def act(ledger: Books, period: str, event: str, comment: str = "month end", checklist: tuple[Point, ...] = ()) -> None:
    periods.act(ledger.commit(), ledger.con, Act("US", period, event, "Ada", comment), 7, TODAY, checklist)


def order(number: int, amount: str, **more: Any) -> Row:
    own = {"record_id": f"o{number}.{amount}", "order_id": f"O{number}", "sku": "A", "qty": 1, "list_amount": amount}
    return own | more


def shipped(number: int, day: str, entity: str = "US") -> Row:
    own = {"record_id": f"s{number}.1", "order_id": f"O{number}", "sku": "A", "shipped_qty": 1, "entity": entity}
    return own | {"shipped_at": f"{day}T12:00:00Z"}


def sales(ledger: Books) -> list[tuple[str, date, str, date, Decimal]]:
    return ledger.rows(
        """select entity, date, period, event_day, sum(credit - debit) from journal_line where role = 'sales'
        group by all order by all"""
    )


OCTOBER, NOVEMBER = date(2026, 10, 30), date(2026, 11, 1)


def test_what_comes_late_posts_on_the_first_open_day_with_its_own_day_beside_it(ledger: Books) -> None:
    """Order 1 of October is 10.00 when October closes and 12.50 afterwards: 2.50 is November's. Order 2 of October is
    shipped late, order 3 of November on its own day. Japan's October is open."""
    ledger.put_all({"order_line": [order(1, "10.00")], "shipment_line": [shipped(1, "2026-10-30")]})
    ledger.run()
    act(ledger, "2026-10", CLOSED)
    ledger.put_all(
        {
            "order_line": [
                order(1, "12.50", supersedes="o1.10.00"),
                order(2, "4.00"),
                order(3, "7.00"),
                order(4, "900", entity="JP", currency="JPY"),
            ],
            "shipment_line": [shipped(2, "2026-10-30"), shipped(3, "2026-11-03"), shipped(4, "2026-10-30", "JP")],
        }
    )
    ledger.run()
    assert sales(ledger) == [
        ("JP", OCTOBER, "2026-10", OCTOBER, Decimal(900)),
        ("US", OCTOBER, "2026-10", OCTOBER, Decimal("10.00")),
        ("US", NOVEMBER, "2026-11", OCTOBER, Decimal("6.50")),
        ("US", date(2026, 11, 3), "2026-11", date(2026, 11, 3), Decimal("7.00")),
    ]
    assert ledger.faults() == []
    states = [(row["entity"], row["period"], row["state"], row["late"]) for row in periods.of_entity(ledger.con)]
    assert states == [("JP", "2026-10", "OPEN", 0), ("US", "2026-10", "CLOSED", 0), ("US", "2026-11", "OPEN", 2)]

    act(ledger, "2026-10", REOPENED)
    ledger.put_all({"order_line": [order(5, "1.00")], "shipment_line": [shipped(5, "2026-10-30")]})
    ledger.run()
    assert ("US", OCTOBER, "2026-10", OCTOBER, Decimal("11.00")) in sales(ledger), "what is open takes entries again"


def test_a_soft_closed_period_takes_entries_of_people_alone(ledger: Books) -> None:
    act(ledger, "2026-10", SOFT_CLOSED)
    entry = {"entry_no": "JE-1", "day": "2026-10-31", "reason": "why", "person": "anna", "approved_by": "bob"}
    ledger.put_all(
        {
            "order_line": [order(1, "10.00")],
            "shipment_line": [shipped(1, "2026-10-30")],
            "manual_entry": [
                {**entry, "record_id": "m.1", "line_no": "1", "account": "6100", "debit": "5.00"},
                {**entry, "record_id": "m.2", "line_no": "2", "account": "2000", "credit": "5.00"},
            ],
        }
    )
    ledger.run()
    assert dict(ledger.rows("select distinct rule, period from journal_line")) == {
        "shipment": "2026-11",
        "manual-entry": "2026-10",
    }
    act(ledger, "2026-10", CLOSED, checklist=(Point("bank", "?", "5 missing", accepted=True),))
    [(found,)] = ledger.rows("select checklist from period_state")
    assert json.loads(found)[0]["accepted"], "what was accepted stands in the ledger"


def test_periods_are_closed_in_their_order_and_opened_again_from_the_last(ledger: Books) -> None:
    rows = [(order(n, "1.00"), shipped(n, f"2026-{month}-05")) for n, month in enumerate(("08", "10", "11"))]
    ledger.put_all({"order_line": [o for o, _ in rows], "shipment_line": [s for _, s in rows]})
    ledger.run()

    def refused(period: str, event: str, comment: str = "x") -> str:
        with pytest.raises(HouseError) as error:
            act(ledger, period, event, comment)
        return str(error.value)

    assert "2026-08 before it has entries and is not closed. Fix: `gateway close US 2026-08` first" in refused(
        "2026-10", CLOSED
    )
    act(ledger, "2026-08", CLOSED)
    act(ledger, "2026-10", SOFT_CLOSED)  # September has no entries.
    assert "2026-10 before it has entries and is not closed" in refused("2026-11", CLOSED)
    act(ledger, "2026-11", SOFT_CLOSED)
    assert "it is soft-closed already" in refused("2026-11", SOFT_CLOSED)
    act(ledger, "2026-10", CLOSED)
    assert "it is closed already" in refused("2026-10", SOFT_CLOSED)
    assert "2026-10, 2026-11 behind it is not open. Fix: Open 2026-11 first" in refused("2026-08", REOPENED)
    assert "it is open" in refused("2026-09", REOPENED)
    assert "it has not begun: today is 2026-12-01" in refused("2062-10", SOFT_CLOSED), "a slip of a finger"
    assert "--comment must not be empty" in refused("2026-11", REOPENED, " ")
    act(ledger, "2026-11", REOPENED)
    act(ledger, "2026-10", REOPENED)
    assert [(row["period"], row["state"]) for row in periods.of_entity(ledger.con, "US")] == [
        ("2026-08", "CLOSED"),
        ("2026-10", "OPEN"),
        ("2026-11", "OPEN"),
    ]


def test_a_late_line_has_the_rate_of_the_day_on_which_it_posts_and_a_late_rate_posts_behind_what_is_closed(
    ledger: Books,
) -> None:
    """10 EUR of October have no rate when October closes, and become 12 afterwards. Rates of 30 October (1.25) and
    1 November (1.30) come last: 10 × 1.25 = 12.50, posted in November, and 2 × 1.30 = 2.60."""
    euro = {"currency": "EUR"}
    ledger.put_all({"order_line": [order(1, "10.00", **euro)], "shipment_line": [shipped(1, "2026-10-30")]})
    ledger.run()
    act(ledger, "2026-10", CLOSED)
    ledger.put("order_line", [order(1, "12.00", supersedes="o1.10.00", **euro)])
    ledger.run()
    rates = [("2026-10-30", "1.25"), ("2026-11-01", "1.30")]
    own = {"base": "EUR", "quote": "USD", "source": "ECB"}
    ledger.put("fx_rate", [{**own, "record_id": day, "day": day, "rate": rate} for day, rate in rates])
    ledger.run()
    worth = "select period, event_day, sum(functional_amount) from journal_line where role = 'sales' group by all"
    assert sorted(row for row in ledger.rows(worth) if row[2] is not None) == [
        ("2026-11", OCTOBER, Decimal("-12.50")),
        ("2026-11", NOVEMBER, Decimal("-2.60")),
    ]
    assert ledger.rows("select sum(functional_amount) from journal_line") == [(Decimal(0),)]
    assert ledger.faults() == []
