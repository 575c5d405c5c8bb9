"""What posting rules may be `on`: canonical tables, and derivations with the columns that each gives."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model import MAPPABLE

SHIPMENT_AMOUNTS = ("list_amount", "discount_amount", "shipping_amount", "tax_amount")
"""What a shipped line of an order is worth, in the order's currency."""

_MONEY = "DECIMAL(18,4)"
DERIVED: dict[str, dict[str, str]] = {
    "shipment_value": {
        "order_id": "VARCHAR", "sku": "VARCHAR", "shipped_at": "TIMESTAMPTZ", "qty": _MONEY,
        **dict.fromkeys(SHIPMENT_AMOUNTS, _MONEY),
    },
    "payout_match": {"settlement_id": "VARCHAR", "booking_date": "DATE", "amount": _MONEY},
}  # fmt: skip
"""Derivation → its columns with their SQL types. What it gives is the difference to what was posted before."""

COMMON = {"channel": "VARCHAR", "currency": "VARCHAR", "revenue": "VARCHAR"}
"""Columns that every rule may use: `revenue` is the channel's trigger, shipment or settlement."""


_RECORDS = {"shipment_value": ("shipment_line",), "payout_match": ("settlement", "bank_line")}
"""Derivation → tables whose records stand behind its lines."""
_STOCK = "inventory_movement"


def tables_of(ons: Iterable[str]) -> list[str]:
    """The canonical tables whose records are posted by rules on these, and by those of stock."""
    found = (table for on in ons for table in _RECORDS.get(on, (on,)))
    return list(dict.fromkeys([_STOCK, *found]))


def columns_of(on: str) -> dict[str, str] | None:
    """Column → SQL type of what a rule is on, None where there is nothing of that name."""
    if on in DERIVED:
        return DERIVED[on] | COMMON
    table = MAPPABLE.get(on)
    return None if table is None else {column.name: column.type for column in table.columns} | COMMON


def known() -> list[str]:
    """Everything that a rule may be on."""
    return sorted([*MAPPABLE, *DERIVED])
