"""The day of an entry is that of its event where the entity is, never that of UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from gateway.books.posting import reference
from gateway.books.posting.entries import Entries
from gateway.books.posting.sources import columns_of
from gateway.intake.translate import filled
from gateway.mapping.language.spec import Mapping
from gateway.settings import Config
from tests.books.memory import RULES, books

ZONED = Config.model_validate(
    {
        "entities": {
            "US": {"currency": "USD", "timezone": "America/Los_Angeles"},
            "EU": {"currency": "EUR", "timezone": "Europe/Berlin"},
            "UK": {"currency": "GBP"},
        },
        "channels": {"web": {"entity": "US", "revenue": "shipment"}},
    }
)
MAPPING = {
    "feed": "web.orders",
    "partner": "web",
    "file": {"match": ["*.csv"], "format": "delimited"},
    "record": [
        {
            "type": "shipment_line",
            "key": ["order_id"],
            "fields": {
                "shipped_at": "shipped",
                "order_id": "order",
                "_made": {"from": "made", "type": "datetime", "timezone": "UTC"},
            },
        }
    ],
}


def test_the_day_of_an_instant_is_that_of_the_entity() -> None:
    """19:30 of 31 October in Los Angeles (UTC−7 until 1 November) is 02:30 of 1 November in UTC, 03:30 in Berlin."""
    with books() as ledger:
        reference.prepare(ledger.con, ZONED, RULES)
        ledger.con.execute(
            """create temp table shipped as
            select 'r' || e as record_id, 1 as sign, e as entity, 'web' as channel, 'USD' as currency, 'f' as file_id,
                   'f' as salt, e as order_id, null::varchar as sku, timestamptz '2026-11-01T02:30:00Z' as shipped_at,
                   1 as qty, 10 as list_amount, 0 as shipping_amount, 0 as tax_amount, 0 as discount_amount,
                   'p' as posting
            from unnest(['US', 'EU', 'UK']) t(e)"""
        )
        entries = Entries(ledger.con, RULES, "_t")
        entries.post("shipment_value", "shipped", [*(columns_of("shipment_value") or {})])
        found = ledger.rows(f"select distinct entity, date, period from {entries.lines} order by all")
        assert found == [
            ("EU", date(2026, 11, 1), "2026-11"),
            ("UK", date(2026, 11, 1), "2026-11"),
            ("US", date(2026, 10, 31), "2026-10"),
        ]
        ledger.con.execute(
            """create temp table charged as
            select 'b' as record_id, 1 as sign, 'US' as entity, '' as channel, 'f' as file_id, 'f' as salt, *
            from (select 'S' as statement_id, date '2026-10-31' as booking_date, -3 as amount, 'USD' as currency,
                         'BOOK' as status, 'CHRG' as family, null::varchar as subfamily)"""
        )
        entries.post("bank_line", "charged", [*(columns_of("bank_line") or {})])
        assert ledger.rows(f"select distinct date from {entries.lines} where rule = 'bank-fee'") == [
            (date(2026, 10, 31),)
        ], "a day is the same everywhere"
        entries.drop()


def test_times_without_a_zone_are_those_of_the_entity() -> None:
    """So that a day without a time stays the day that it is; what states a zone keeps it."""
    mapping = Mapping.model_validate(MAPPING)
    there = filled(mapping, {}, "America/Los_Angeles").record[0].fields
    assert {name: spec.timezone for name, spec in there.items()} == {
        "shipped_at": "America/Los_Angeles",
        "order_id": None,
        "_made": "UTC",
    }
    assert filled(mapping, {}) == mapping


def test_the_rule_of_the_accounting_day_posts_and_takes_back() -> None:
    """Until 31 December bank charges are bank fees, from 1 January on other fees."""
    [fee] = [rule for rule in RULES.posting.rule if rule.name == "bank-fee"]
    ended = fee.model_copy(update={"valid_to": date(2026, 12, 31)})
    begun = fee.model_copy(update={"valid_from": date(2027, 1, 1), "credit": "other_fees"})
    posting = RULES.posting.model_copy(update={"rule": (begun, ended)})
    charge = {"status": "BOOK", "subfamily": "CHRG", "account": "A", "statement_id": "S", "direction": "DBIT"}
    with books(replace(RULES, posting=posting)) as ledger:
        old = {**charge, "record_id": "a.1", "booking_date": "2026-12-31", "amount": "-3.00"}
        new = {**charge, "record_id": "a.2", "booking_date": "2027-01-01", "amount": "-5.00"}
        ledger.post("bank_line", [old, new])
        assert ledger.balances() == {"bank": -8, "bank_fees": 3, "other_fees": 5}
        # The charge of December was 4.00: what was posted of it is taken back from where it stands.
        right = {**old, "record_id": "b.1", "file_id": "g", "amount": "-4.00", "supersedes": "a.1"}
        ledger.post("bank_line", [right], ["a.1"])
        assert ledger.balances() == {"bank": -9, "bank_fees": 4, "other_fees": 5}
        # It was of January: bank fees have nothing left of it.
        moved = {**right, "record_id": "c.1", "file_id": "h", "booking_date": "2027-01-02", "supersedes": "b.1"}
        ledger.post("bank_line", [moved], ["b.1"])
        assert ledger.balances() == {"bank": -9, "other_fees": 9}
        assert ledger.faults() == []
