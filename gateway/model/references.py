"""The model in short tables, for people who write mappings and ask the ledger."""

from __future__ import annotations

from collections.abc import Collection

from gateway.model import SUBJECTS, TABLES
from gateway.model.table import PROVENANCE, Column, Table

Row = dict[str, str]

STOCK = (
    "units of each entity, location, SKU and status: the sum of `inventory_movement`, with `held` (why units may not "
    "be sold) and `available`"
)
"""What the view `stock` shows."""
_STOCK_COLUMNS = {
    "location": "Where the units are",
    "sku": "SKU, or the unmapped name behind '?'",
    "status": "Status of the units",
    "qty": "Units, in the item's base unit",
    "last_moved_at": "When units last came or went",
    "held": "Why the units may not be sold for a time, empty if they may",
    "available": "Units that may be sold: AVAILABLE and not held",
}


def tables() -> list[Row]:
    """A row for each table and for the view `stock`, in the order in which people meet them."""
    rows = [
        {"table": table.name, "filled by": _filled_by(table), "what holds now": table.present, "a row is": table.doc}
        for module in SUBJECTS.values()
        for table in module.TABLES
    ]
    return [*rows, {"table": "stock", "filled by": "a view", "what holds now": "stock", "a row is": STOCK}]


def fields(table: Table) -> list[Row]:
    """A row for each field that a mapping may fill in a table."""
    return [
        {
            "field": column.name,
            "required": "yes" if column.required else "",
            "type": column.kind,
            "meaning": meaning(column),
        }
        for column in table.columns
        if not column.retired
    ]


def meaning(column: Column) -> str:
    """What a column holds, with the values that it may take."""
    return f"{column.doc}: {', '.join(column.values)}" if column.values else column.doc


def together(table: Table) -> list[str]:
    """A sentence for each table that the books need as well."""
    return [f"{name}, which {why}." for name, why in table.together]


def described(name: str, columns: Collection[tuple[str, str]]) -> list[Row]:
    """What each (column, SQL type) of a table or view means; "" where the model does not say."""
    table = TABLES.get(name) or next((one for one in TABLES.values() if one.present == name), None)
    known = {column.name: meaning(column) for column in (*PROVENANCE, *(table.columns if table else ()))}
    known |= _STOCK_COLUMNS if name == "stock" else {}
    return [{"column": column, "type": kind, "meaning": known.get(column, "")} for column, kind in columns]


def _filled_by(table: Table) -> str:
    return "mappings" if table.provenance else "the gateway"
