"""Exceptions of two entities that are equal but for the entity are two."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.books.memory import Books, Row, books


@pytest.fixture
def ledger() -> Iterator[Books]:
    with books() as made:
        yield made


def counted(entity: str, qty: str, **more: str) -> Row:
    return {
        "record_id": f"{entity}.1",
        "entity": entity,
        "sku": "CUP",
        "qty": qty,
        "status": "AVAILABLE",
        "scope": "FULL",
        "as_of": "2026-11-02T00:00:00Z",
    } | more


def opened(ledger: Books) -> list[tuple[str, str]]:
    return ledger.rows("select entity, event from exception where code = 'QTY_OVER' and status = 'OPEN' order by 1")


def test_each_of_two_entities_has_its_exception_and_one_closes_alone(ledger: Books) -> None:
    """Both count 90 CUP at DC, and no book has any."""
    ledger.put("inventory_snapshot", [counted("US", "90"), counted("JP", "90")])
    ledger.run_all()
    assert opened(ledger) == [("JP", "OPENED"), ("US", "OPENED")]
    ledger.put("inventory_snapshot", [counted("US", "0", record_id="US.2", supersedes="US.1")])
    ledger.run_all()
    assert opened(ledger) == [("JP", "OPENED")]


def test_an_exception_of_an_older_program_keeps_its_id(ledger: Books) -> None:
    """Its id left out the entity: the other entity's exception opens beside it, and none is doubled."""
    ledger.put("inventory_snapshot", [counted("US", "90"), counted("JP", "90")])
    ledger.run_all()
    ledger.con.execute("delete from exception_event where entity = 'US'")
    ledger.con.execute(
        "update exception_event set exception_id = left(md5(concat_ws('|', reconciliation, code, business_key)), 16)"
    )
    before = ledger.rows("select exception_id from exception where entity = 'JP'")
    ledger.run_all()
    assert opened(ledger) == [("JP", "OPENED"), ("US", "OPENED")]
    assert ledger.rows("select exception_id from exception where entity = 'JP'") == before
