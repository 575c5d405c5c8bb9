"""The columns of every sheet that shows the ledger: name, kind, order, width, what is locked, and where each comes
from.

A column is declared here and nowhere else. What is asked of the ledger (`queried`), its types (`schema_of`), what a
sheet shows (`shown`) and what must come back unchanged from a person all follow from these lists.
Differences are always external − book; an empty cell is no zero.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from gateway.workbooks.cells import Column, Kind

T, W, Q, M, R = Kind.TEXT, Kind.WHOLE, Kind.QUANTITY, Kind.MONEY, Kind.RATIO
TYPES: dict[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.LINK: pa.string(),
    Kind.WHOLE: pa.int64(),
    Kind.QUANTITY: pa.decimal128(30, 4),
    Kind.MONEY: pa.decimal128(30, 4),
    Kind.RATIO: pa.decimal128(30, 6),
    Kind.DAY: pa.date32(),
    Kind.INSTANT: pa.timestamp("us", tz="UTC"),
}
"""Kind → type of its values: any decimal or whole number fits a decimal column; instants are UTC."""

EXCEPTIONS = (
    Column("exception_id", T),
    Column("version", W),
    Column("severity", W),
    Column("code", T),
    Column("message", T, width=44),
    Column("reconciliation", T),
    Column("entity", T),
    Column("partner", T),
    Column("channel", T),
    Column("location", T),
    Column("sku", T),
    Column("document", T),
    Column("event_date", Kind.DAY),
    Column("opened_at", Kind.INSTANT, shown=False),
    Column("age", W, made=True),
    Column("bucket", T, made=True),
    Column("external_qty", Q, total=True),
    Column("book_qty", Q, total=True),
    Column("difference_qty", Q, total=True, source="qty"),
    Column("external_amount", M, total=True),
    Column("book_amount", M, total=True),
    Column("difference_amount", M, total=True, source="amount"),
    Column("currency", T),
    Column("functional_difference", M, source="functional_amount"),
    Column("owner", T),
    Column("due", Kind.INSTANT, source="due_at"),
    Column("suggestion", T),
    Column("score", W),
    Column("source_file", T),
    Column("position", T),
    Column("file_id", T),
    Column("resolution_kind", T, made=True),
    Column("link", Kind.LINK, made=True),
    Column("resolution", T, editable=True, width=20),
    Column("target_ref", T, editable=True, width=18),
    Column("corrected_value", T, editable=True, width=16),
    Column("reason_code", T, editable=True, width=14),
    Column("comment", T, editable=True, width=36),
    Column("decision", T, editable=True, width=12),
)
"""Each open exception. The editable columns are a person's; age and bucket are made of opened_at."""

DETAIL = (
    Column("reconciliation", T),
    Column("entity", T),
    Column("partner", T),
    Column("channel", T),
    Column("location", T),
    Column("sku", T),
    Column("bucket", T),
    Column("document", T),
    Column("event_date", Kind.DAY),
    Column("state", T),
    Column("external_qty", Q, total=True),
    Column("book_qty", Q, total=True),
    Column("difference_qty", Q, total=True, made=True, formula="N({external_qty})-N({book_qty})"),
    Column("currency", T),
    Column("external_amount", M, total=True),
    Column("book_amount", M, total=True),
    Column("difference_amount", M, total=True, made=True, formula="ROUND(N({external_amount})-N({book_amount}),4)"),
    Column("code", T),
    Column("exception_id", T),
    Column("source_file", T),
    Column("position", T),
    Column("book_reference", T),
)
"""A line of a reconciliation; `bucket` is a status of stock."""

SUMMARY = (
    Column("reconciliation", T),
    Column("title", T),
    Column("entity", T),
    Column("unit", T),
    Column("external", M),
    Column("book", M),
    Column("matched", M),
    Column("open", M),
    # Rounded to the digits of money: the floats of a spreadsheet never sum to exactly zero.
    Column("check", M, formula="ROUND({external}-{book}-{open},4)"),
    Column("ledger_account", T),
    Column("ledger_amount", M),
    Column("tie", M, formula='ROUND(IF({tie_basis}="BALANCE",-{open},{book})-{ledger_amount},4)'),
    Column("tie_basis", T),
    Column("result", T, made=True, formula='IF(AND({check}=0,N({tie})=0),"ties","DOES NOT TIE")', width=14),
)
"""Both sides of a reconciliation, entity and unit. check and tie are verified against their parts."""

MATCHES = (
    Column("match_id", T),
    Column("reconciliation", T),
    Column("pass", T),
    Column("rule", T),
    Column("status", T),
    Column("side", T),
    Column("record_id", T),
    Column("entity", T),
    Column("document", T),
    Column("event_date", Kind.DAY),
    Column("amount", M),
    Column("currency", T),
    Column("difference", M),
    Column("explanation", T),
    Column("source_file", T),
    Column("position", T),
)
"""A side of a match, A external and B book; `difference` is that of the whole match."""

JOURNAL = (
    Column("entry_id", T),
    Column("line_no", W),
    Column("date", Kind.DAY),
    Column("period", T),
    Column("entity", T),
    Column("document", T),
    Column("rule", T),
    Column("account", T),
    Column("account_name", T),
    Column("role", T),
    Column("debit", M, total=True, dash=True),
    Column("credit", M, total=True, dash=True),
    Column("currency", T),
    Column("functional_amount", M, total=True),
    Column("sku", T),
    Column("location", T),
    Column("order_id", T),
    Column("settlement_id", T),
    Column("memo", T),
    Column("source_file", T),
    Column("position", T),
    Column("records", W),
)
"""A line of the journal; `position` is empty where it sums several records, `records` says how many."""

TRIAL_BALANCE = (
    Column("entity", T),
    Column("currency", T),
    Column("account", T),
    Column("account_name", T),
    Column("debit", M, total=True, dash=True),
    Column("credit", M, total=True, dash=True),
    Column("balance", M, total=True, formula="ROUND({debit}-{credit},4)"),
)
"""An account of an entity in a currency, made of the journal."""

TRIAL_BALANCE_CHECK = (
    *TRIAL_BALANCE[:4],
    Column("debit", M),
    Column("credit", M),
    Column("check", M, formula="ROUND({debit}-{credit},4)"),
)
"""All accounts of an entity in a currency: zero, or an entry is not balanced."""

KPI = (
    Column("metric", T),
    Column("value", R),
    Column("numerator", R),
    Column("denominator", R),
    Column("unit", T),
    Column("source", T),
    Column("target", R),
    Column("direction", T),
    Column("owner", T),
    Column("definition", T, width=60),
)
"""A metric; `unit` "ratio" is shown as a percentage, days, units, count or a currency as numbers."""

FILES = (
    Column("file_id", T),
    Column("name", T),
    Column("partner", T),
    Column("feed", T),
    Column("state", T),
    Column("received", W, total=True),
    Column("accepted", W, total=True),
    Column("rejected", W, total=True),
    Column("duplicate", W, total=True),
    Column("ignored", W, total=True),
    Column("check", W, total=True, made=True, formula="{received}-{accepted}-{rejected}-{duplicate}-{ignored}"),
    Column("arrived_at", Kind.INSTANT),
    Column("reason", T),
)
"""A delivery of a file; check is zero, or rows were lost."""

TABLES: dict[str, tuple[Column, ...]] = {
    "summary": SUMMARY,
    "exceptions": EXCEPTIONS,
    "matches": MATCHES,
    "detail": DETAIL,
    "journal_posted": JOURNAL,
    "journal_proposed": JOURNAL,
    "kpi": KPI,
    "files": FILES,
}
"""The tables that a workbook is made of."""


def shown(columns: Iterable[Column]) -> tuple[Column, ...]:
    """The columns that a sheet has."""
    return tuple(column for column in columns if column.shown)


def queried(columns: Iterable[Column]) -> dict[str, Column]:
    """Name in the query → column, of those that come from the ledger."""
    return {column.source or column.name: column for column in columns if not (column.made or column.editable)}


def schema_of(columns: Iterable[Column]) -> pa.Schema:
    """Names and types of what is queried."""
    return pa.schema([(name, TYPES[column.kind]) for name, column in queried(columns).items()])
