"""What posting rules may be `on`: canonical tables, and derivations with the columns that each gives."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.books.posting.truth import Domain
from gateway.model import MAPPABLE
from gateway.model.settlement import SHARES

SHIPMENT_AMOUNTS = ("list_amount", "discount_amount", "shipping_amount", "tax_amount")
"""What a shipped line of an order is worth, in the order's currency."""

_MONEY = "DECIMAL(18,4)"
DERIVED: dict[str, dict[str, str]] = {
    "shipment_value": {
        "order_id": "VARCHAR",
        "sku": "VARCHAR",
        "shipped_at": "TIMESTAMPTZ",
        "qty": _MONEY,
        **dict.fromkeys(SHIPMENT_AMOUNTS, _MONEY),
    },
    "settlement_share": {
        "kind": "VARCHAR",
        "day": "DATE",
        "settlement_id": "VARCHAR",
        "order_id": "VARCHAR",
        "amount": _MONEY,
    },
    "payout_match": {"settlement_id": "VARCHAR", "booking_date": "DATE", "amount": _MONEY},
    "payout_exchange": {"settlement_id": "VARCHAR", "booking_date": "DATE", "side": "VARCHAR", "amount": _MONEY},
}
"""Derivation → its columns with their SQL types. What it gives is the difference to what was posted before."""

COMMON = {"channel": "VARCHAR", "currency": "VARCHAR", "revenue": "VARCHAR"}
"""Columns that every rule may use: `revenue` is the channel's trigger, shipment or settlement. Entries need a
currency."""
TRIGGERS = ("shipment", "settlement")
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL")

_RECORDS = {
    "shipment_value": ("shipment_line",),
    "settlement_share": ("settlement_line",),
    "payout_match": ("settlement", "bank_line"),
    "payout_exchange": ("settlement", "bank_line"),
}
"""Derivation → tables whose records stand behind its lines."""
_STOCK = "inventory_movement"
_VALUES = {("settlement_share", "kind"): SHARES, ("payout_exchange", "side"): ("BANK", "PAYOUT")}
"""What columns of derivations hold, where that is known."""


def tables_of(ons: Iterable[str]) -> list[str]:
    """The canonical tables whose records are posted by rules on these, and by those of stock."""
    found = (table for on in ons for table in _RECORDS.get(on, (on,)))
    return list(dict.fromkeys([_STOCK, *found]))


def columns_of(on: str) -> dict[str, str] | None:
    """Column → SQL type of what a rule is on, None where there is nothing of that name."""
    if on in DERIVED:
        return DERIVED[on] | COMMON
    table = MAPPABLE.get(on)
    if table is None:
        return None
    common = {name: kind for name, kind in COMMON.items() if name != "currency"}
    return {column.name: column.type for column in table.columns} | common


def domains_of(on: str) -> dict[str, Domain]:
    """Column → what it may hold, of something that `columns_of` knows."""
    table = MAPPABLE.get(on)
    no_channel = table is not None and table.column("channel") is None
    found = {}
    for name, kind in (columns_of(on) or {}).items():
        column = table.column(name) if table else None
        values = TRIGGERS if name == "revenue" else column.values if column else _VALUES.get((on, name), ())
        found[name] = Domain(_kind(kind), values, no_channel and name in ("channel", "revenue"))
    return found


def _kind(sql_type: str) -> str:
    if sql_type.startswith(NUMBERS):
        return "number"
    return {"VARCHAR": "text", "BOOLEAN": "flag"}.get(sql_type, "other")


def known() -> list[str]:
    """Everything that a rule may be on: what has a currency."""
    return sorted(name for name in [*MAPPABLE, *DERIVED] if "currency" in (columns_of(name) or {}))
