"""What the ledger says of the cost of a movement: standard costs, orders of returns, the order of a day."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

from gateway.books.posting.reference import ENTITIES
from tests.books.memory import Books, Row


def move(record: str, source: str, target: str, qty: int, day: str, **more: object) -> Row:
    kind = {"SUPPLIER": "RECEIPT", "CUSTOMER": "RETURN"}.get(source, "SHIP" if target == "CUSTOMER" else "STATUS")
    return {
        "record_id": record,
        "sku": "CUP",
        "from_status": source,
        "to_status": target,
        "qty": qty,
        "type": kind,
        "occurred_at": f"{day}T00:00:00Z",
    } | more


def values(ledger: Books) -> dict[str, Decimal]:
    return dict(ledger.rows("select record_id, sum(value) from stock_value group by 1"))


def test_a_standard_cost_holds_from_its_day_and_restates_nothing_before(ledger: Books) -> None:
    """Two units a month: 2 × 4.00 in October, 2 × 5.00 in November, in whatever order the costs come."""
    months = [
        move("oct", "SUPPLIER", "AVAILABLE", 2, "2026-10-20"),
        move("nov", "SUPPLIER", "AVAILABLE", 2, "2026-11-20"),
    ]
    first: Row = {"record_id": "i1", "sku": "CUP", "std_unit_cost": "4.00"}
    second: Row = {"record_id": "i2", "sku": "CUP", "std_unit_cost": "5.00", "valid_from": "2026-11-01"}
    ledger.put_all({"item": [first], "inventory_movement": months})
    ledger.run()
    assert values(ledger) == {"oct": Decimal(8), "nov": Decimal(8)}
    ledger.put("item", [second | {"supersedes": "i1"}])
    ledger.run()
    assert values(ledger) == {"oct": Decimal(8), "nov": Decimal(10)}
    # A version that came today without a day of its own says nothing about what was before.
    ledger.put("item", [{"record_id": "i3", "sku": "CUP", "std_unit_cost": "9.00", "supersedes": "i2"}])
    ledger.run()
    assert values(ledger) == {"oct": Decimal(8), "nov": Decimal(10)}
    ledger.clear()
    ledger.put_all({"item": [second, first | {"valid_from": "2026-10-01"}], "inventory_movement": months})
    ledger.run()
    assert values(ledger) == {"oct": Decimal(8), "nov": Decimal(10)}
    # Midnight in London is an afternoon of October in Los Angeles.
    ledger.put("inventory_movement", [move("eve", "SUPPLIER", "AVAILABLE", 2, "2026-11-01")])
    ledger.con.execute(f"update {ENTITIES} set timezone = 'America/Los_Angeles' where entity = 'US'")
    try:
        ledger.run()
    finally:
        ledger.con.execute(f"update {ENTITIES} set timezone = 'UTC' where entity = 'US'")
    assert values(ledger) == {"oct": Decimal(8), "eve": Decimal(8), "nov": Decimal(10)}
    assert ledger.faults() == []


def test_movements_of_one_instant_have_one_order_whatever_their_records_are_called(ledger: Books) -> None:
    """Bought at 6.00, moved out and in, sold, returned and restocked, all stated as of one midnight: each is worth
    6.00, and no account keeps value without units."""
    day: list[tuple[str, str, int]] = [
        ("SUPPLIER", "AVAILABLE", 4),
        ("AVAILABLE", "XFER_TRANSIT", 3),
        ("XFER_TRANSIT", "AVAILABLE", 3),
        ("AVAILABLE", "CUSTOMER", 4),
        ("CUSTOMER", "RETURN_PENDING_INSPECTION", 2),
        ("RETURN_PENDING_INSPECTION", "RESALE_READY", 2),
    ]
    for names in ("abcdef", "fedcba", *map("".join, list(permutations("abcdef"))[100:700:200])):
        ledger.clear()
        rows = [
            move(name, *step, "2026-11-03", order_id="O-1", unit_cost="6.00" if step[0] == "SUPPLIER" else None)
            for name, step in zip(names, day, strict=True)
        ]
        ledger.put_all(
            {"item": [{"record_id": "i", "sku": "CUP", "std_unit_cost": "4.00"}], "inventory_movement": rows}
        )
        ledger.run()
        assert values(ledger) == {name: Decimal(6 * qty) for name, (_, _, qty) in zip(names, day, strict=True)}, names
        assert ledger.balances() == {"grni": Decimal(-24), "stock_sellable": Decimal(12), "cogs": Decimal(12)}
        assert ledger.rows("select 1 from stock_value group by record_id having count(*) > 1") == [], "valued at once"


def test_a_return_that_names_its_authorisation_comes_back_at_the_cost_of_its_order(ledger: Books) -> None:
    """Sold for O-1 at 6.00 and for O-2 at 10.00; the warehouse reports what is back under an authorisation. That it
    is one of O-2 is known when the authorisation comes: 10.00. Before, it was one of both: 8.00, never the standard."""
    moves = [
        move("b1", "SUPPLIER", "AVAILABLE", 1, "2026-11-01", unit_cost="6.00"),
        move("s1", "AVAILABLE", "CUSTOMER", 1, "2026-11-02", order_id="O-1"),
        move("b2", "SUPPLIER", "AVAILABLE", 1, "2026-11-03", unit_cost="10.00"),
        move("s2", "AVAILABLE", "CUSTOMER", 1, "2026-11-04", order_id="O-2"),
        move("r", "CUSTOMER", "RETURN_PENDING_INSPECTION", 1, "2026-11-09", order_id="RMA-7", document_no="WR-1"),
    ]
    ledger.put_all({"item": [{"record_id": "i", "sku": "CUP", "std_unit_cost": "4.00"}], "inventory_movement": moves})
    ledger.run()
    assert values(ledger)["r"] == Decimal(8)
    said = {"record_id": "e", "stage": "AUTHORISED", "rma": "RMA-7", "order_id": "O-2", "sku": "CUP", "qty": 1}
    ledger.put("return_event", [said | {"occurred_at": "2026-11-05T00:00:00Z"}])
    ledger.run()
    assert values(ledger)["r"] == Decimal(10)
    assert ledger.balances() == {"grni": Decimal(-16), "cogs": Decimal(6), "stock_inspection": Decimal(10)}
    assert ledger.faults() == []


def test_the_cost_method_is_that_of_the_item(ledger: Books) -> None:
    """One at 2.00 and one at 8.00; the first is sold: 2.00 first in, first out, 5.00 by moving average."""
    moves = [
        move("b1", "SUPPLIER", "AVAILABLE", 1, "2026-11-01", unit_cost="2.00"),
        move("b2", "SUPPLIER", "AVAILABLE", 1, "2026-11-02", unit_cost="8.00"),
        move("s", "AVAILABLE", "CUSTOMER", 1, "2026-11-03"),
    ]
    ledger.put_all({"item": [{"record_id": "i", "sku": "CUP"}], "inventory_movement": moves})
    ledger.run()
    assert values(ledger)["s"] == Decimal(5)
    ledger.put("item", [{"record_id": "i2", "sku": "CUP", "cost_method": "FIFO", "supersedes": "i"}])
    ledger.run()
    assert values(ledger)["s"] == Decimal(2)
    assert ledger.balances() == {"grni": Decimal(-10), "stock_sellable": Decimal(8), "cogs": Decimal(2)}
    assert ledger.rows("select arg_max(basis, recorded_at) from stock_value where record_id = 's'") == [("FIFO",)]
