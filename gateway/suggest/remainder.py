"""What a table needs beside the columns of a file: what a draft makes of others, and what a person must write."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.model import MAPPABLE
from gateway.model.table import Column
from gateway.suggest.assign import SAME_FOR_ALL
from gateway.suggest.draft import Line, inline, quoted

Made = tuple[str, str]
"""(value as TOML, why)."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "item": ("sku",),
    "item_alias": ("alias_partner", "id_type", "external_id"),
    "location": ("location",),
    "inventory_movement": (
        "document_no",
        "document_line",
        "order_id",
        "occurred_at",
        "to_location",
        "to_status",
        "sku",
    ),
    "inventory_snapshot": ("location", "as_of", "sku", "status"),
    "order_line": ("order_id", "line_no"),
    "shipment_line": ("shipment_no", "order_id", "line_no", "sku", "lot", "serial"),
    "receipt_line": ("receipt_no", "po", "line_no", "sku", "lot"),
    "purchase_order_line": ("po", "line_no", "stage"),
    "asn_line": ("asn", "po", "line_no", "sku", "lot", "serial"),
    "return_event": ("rma", "order_id", "line_no", "sku", "serial", "lpn", "stage"),
    "settlement": ("settlement_id",),
    "settlement_line": (
        "settlement_id",
        "txn_type",
        "amount_type",
        "amount_description",
        "order_id",
        "item_code",
        "adjustment_id",
        "posted_at",
    ),
    "bank_line": ("account", "booking_date", "amount", "currency", "bank_ref", "remittance"),
    "bank_balance": ("account", "statement_id", "balance_type", "date"),
}
"""What makes a row of a table the same event, as far as a file states it."""


def key_of(table: str, fields: list[str]) -> tuple[str, ...]:
    """The key of a record with these fields."""
    required = tuple(column.name for column in MAPPABLE[table].columns if column.required and column.name in fields)
    return tuple(name for name in KEYS.get(table, ()) if name in fields) or required


def lines(table: str, fields: Mapping[str, str]) -> list[Line]:
    """The required fields that no column states; `fields` are those that one does, with it."""
    found = []
    for column in MAPPABLE[table].columns:
        if not column.required or column.name in fields:
            continue
        made = _MADE.get((table, column.name)) or _MADE.get(("", column.name))
        value, why = made(fields) if made else ("", "")
        if value:
            found.append(Line(column.name, value, "guess", why))
        else:
            found.append(_todo(column))
    return found


def _todo(column: Column) -> Line:
    """The line of a field that only a person can write: the same value for all rows, or the name of a column."""
    if column.values or column.name in SAME_FOR_ALL:
        example = f'{{ constant = "{column.values[0] if column.values else "…"}" }}'
        allowed = f"; one of {', '.join(column.values)}" if 0 < len(column.values) < 12 else ""
        return Line(column.name, example, None, f"no column states it: {column.doc}{allowed}", todo=True)
    why = f"no column is named so; write that which holds it: {column.doc}"
    return Line(column.name, quoted("…"), None, why, todo=True)


def _constant(value: str, why: str) -> Callable[[Mapping[str, str]], Made]:
    return lambda fields: (inline({"constant": value}), why)


def _expr(expression: str, why: str) -> Callable[[Mapping[str, str]], Made]:
    return lambda fields: (inline({"expr": expression}), why)


def _as(other: str, why: str) -> Callable[[Mapping[str, str]], Made]:
    return lambda fields: (quoted(fields[other]), why) if other in fields else ("", "")


def _priced(fields: Mapping[str, str]) -> Made:
    if "unit_price" not in fields or "qty" not in fields:
        return "", ""
    return inline({"expr": "round(qty * _price, 4)"}), "units times the price of one"


_MADE: Mapping[tuple[str, str], Callable[[Mapping[str, str]], Made]] = {
    ("", "currency"): lambda fields: (
        inline({"constant": "", "default": "{currency}"}),
        "no column states it: that of the partner or its entity",
    ),
    ("", "sku"): _as("supplier_item", "no column states ours: the supplier's number, which `alias` turns into ours"),
    ("order_line", "line_no"): _as("sku", "no column numbers the lines: the item is the line"),
    ("order_line", "list_amount"): _priced,
    ("shipment_line", "shipment_no"): _as("order_id", "no column states it: the order is the shipment"),
    ("inventory_snapshot", "scope"): _constant("FULL", "a count of everything; DELTA for changes only"),
    ("inventory_snapshot", "status"): _constant("AVAILABLE", "no column states it"),
    ("return_event", "stage"): _constant("RECEIVED", "no column states it"),
    ("settlement_line", "canonical_class"): _constant(
        "suspense", "classes come from a lookup of the types: see Lookups in docs/mapping.md"
    ),
    ("bank_line", "statement_id"): _expr(
        "strftime(booking_date, '%Y-%m')", "no column states it: a month is a statement"
    ),
    ("bank_line", "direction"): _expr("case when amount < 0 then 'DBIT' else 'CRDT' end", "the sign of the amount"),
    ("bank_line", "status"): _constant("BOOK", "no column states it: all lines are booked"),
    ("purchase_order_line", "stage"): _constant("ORDERED", "our order; CONFIRMED for the supplier's answer"),
    ("purchase_order_line", "line_status"): _constant("OPEN", "no column states it"),
    ("item_alias", "alias_partner"): _constant("*", "no column states it: the name holds for all partners"),
    ("inventory_movement", "from_location"): _constant("ADJUST", "units come from outside of the books"),
    ("inventory_movement", "from_status"): _constant("ADJUST", "units come from outside of the books"),
    ("inventory_movement", "to_status"): _constant("AVAILABLE", "no column states it"),
}
"""(table, field) → what a draft writes where no column states it; "" as the table stands for all."""
