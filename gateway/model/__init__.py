"""The canonical tables: one module a ledger, every column documented once. No I/O."""

from __future__ import annotations

from gateway.model import (
    acknowledgements,
    bank,
    control,
    inventory,
    journal,
    orders,
    purchasing,
    returns,
    settlement,
    transport,
)
from gateway.model.table import Column, Table

TABLES: dict[str, Table] = {
    table.name: table
    for module in (
        inventory, orders, purchasing, transport, returns, settlement, bank, acknowledgements, journal, control,
    )
    for table in module.TABLES
}  # fmt: skip

MAPPABLE: dict[str, Table] = {name: table for name, table in TABLES.items() if table.provenance}
"""Tables that a mapping may fill: those whose rows come from files."""

SCHEMA_VERSION = 1
"""Version of all tables together; the lake stores it and refuses to be opened by older code."""

__all__ = ["MAPPABLE", "SCHEMA_VERSION", "TABLES", "Column", "Table"]
