"""The canonical tables: a module a subject, every column documented once. No I/O.

docs/ledger.md is this in print: `make pages` writes it.
"""

from __future__ import annotations

from types import ModuleType

from gateway.model import (
    acknowledgements,
    audit,
    bank,
    entered,
    exceptions,
    files,
    inventory,
    journal,
    matches,
    orders,
    periods,
    purchasing,
    rates,
    returns,
    sent,
    settlement,
    transport,
)
from gateway.model.table import Column, Table

SUBJECTS: dict[str, ModuleType] = {
    "Items, places and stock": inventory,
    "Orders and shipments": orders,
    "Purchasing": purchasing,
    "Transport": transport,
    "Returns": returns,
    "Settlements": settlement,
    "Bank": bank,
    "Acknowledgements from partners": acknowledgements,
    "Opening balances and manual entries": entered,
    "Rates of exchange": rates,
    "The journal": journal,
    "Periods": periods,
    "Files": files,
    "Exceptions": exceptions,
    "Matches": matches,
    "What partners got": sent,
    "The audit trail": audit,
}
"""Every subject of the ledger with the module of its tables, in the order in which people meet them."""

TABLES: dict[str, Table] = {table.name: table for module in SUBJECTS.values() for table in module.TABLES}

MAPPABLE: dict[str, Table] = {name: table for name, table in TABLES.items() if table.provenance}
"""Tables that a mapping may fill: those whose rows come from files."""

SCHEMA_VERSION = 3
"""Version of all tables together; the lake stores it and refuses to be opened by older code."""

__all__ = ["MAPPABLE", "SCHEMA_VERSION", "SUBJECTS", "TABLES", "Column", "Table"]
