"""The sheets that show ledger tables as they are: MATCHES, JOURNAL, TRIAL_BALANCE, KPI, FILES, and details."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from gateway.workbooks import columns
from gateway.workbooks.book_data import BookData
from gateway.workbooks.cells import Column, Kind
from gateway.workbooks.sheet import Block, Rule, Sheet, paged

ZERO = Decimal(0)
MONEY = columns.TYPES[Kind.MONEY]
T, M = Kind.TEXT, Kind.MONEY

_MISSED = (
    'AND({target}<>"",{value}<>"",OR(AND({direction}="up",{value}<{target}),AND({direction}="down",{value}>{target})))'
)
_KPI_RULES = (
    *(Rule((name,), '{unit}="ratio"', "as_percent") for name in ("value", "target")),
    Rule(("value",), _MISSED, "bad"),
)
_STATE_RULES = (
    Rule(("state",), '{state}="OPEN"', "severity_1"),
    Rule(("state",), '{state}="TIMING"', "severity_3"),
    Rule(("state",), '{state}="WITHIN_TOLERANCE"', "severity_4"),
    Rule(("state",), '{state}="MATCHED"', "good"),
)


def matches_pages(data: BookData, rows_max: int) -> list[Sheet]:
    """MATCHES: each side of each match, with the rule that made it."""
    ordered = data.matches.sort_by([("reconciliation", "ascending"), ("match_id", "ascending"), ("side", "ascending")])
    block = Block("MATCHES", columns.MATCHES, ordered, currency="currency")
    note = "Side A is external, side B the book. SUGGESTED waits for a person; nothing is matched twice."
    return paged(Sheet("MATCHES", "What was matched, and why", [block], note, 1), rows_max)


def journal_pages(name: str, title: str, journal: pa.Table, rows_max: int) -> list[Sheet]:
    """A journal: debit and credit are never negative; totals for each currency above."""
    ordered = journal.sort_by([("date", "ascending"), ("entry_id", "ascending"), ("line_no", "ascending")])
    block = Block(name, columns.JOURNAL, ordered, currency="currency")
    note = "functional_amount = debit − credit in the entity's currency. An empty position sums several records."
    return paged(Sheet(name, title, [block], note, 2), rows_max)


def kpi_sheet(data: BookData) -> Sheet:
    """KPI: every metric with what it is made of."""
    block = Block("KPI", columns.KPI, data.kpi, rules=_KPI_RULES)
    note = "Value = numerator / denominator, from the source named. Red misses its target. Prints as far as owner."
    return Sheet("KPI", "Key figures", [block], note, 1, print_to="owner")


def files_pages(data: BookData, rows_max: int, name: str = "FILES") -> list[Sheet]:
    """FILES: received = accepted + rejected + duplicate + ignored, checked for every file."""
    parts = ("accepted", "rejected", "duplicate", "ignored")
    table = data.files.sort_by([("arrived_at", "ascending"), ("file_id", "ascending")])
    check = pc.fill_null(table["received"], 0)
    for part in parts:
        check = pc.subtract(check, pc.fill_null(table[part], 0))
    table = table.append_column("check", check)
    rules = (
        Rule(("check",), "{check}<>0", "bad"),
        Rule(("state",), 'OR({state}="HELD",{state}="QUARANTINED")', "severity_1"),
    )
    block = Block(name, columns.FILES, table, rules=rules)
    note = "Check = received − accepted − rejected − duplicate − ignored: zero, or rows were lost."
    return paged(Sheet(name, "Files received", [block], note, 2), rows_max)


def detail_pages(data: BookData, rows_max: int) -> list[Sheet]:
    """One sheet for each reconciliation with every row of its detail."""
    present = {r or "" for r in pc.unique(data.detail["reconciliation"]).to_pylist()}
    always = {one.letter for one in data.reconciliations if one.always}
    pages = []
    for letter in sorted({*present, *always} - {""}):
        one = data.shown(letter)
        rows = data.detail.filter(pc.equal(data.detail["reconciliation"], letter))
        pages += _detail(one.sheet, one.title, rows, rows_max)
    return pages


def trial_balance_sheet(data: BookData) -> Sheet:
    """TRIAL_BALANCE: the posted journal by account, for each entity and currency; and its proof."""
    journal = data.journal_posted
    sums = [("debit", "sum"), ("credit", "sum")]
    keys = ["entity", "currency", "account", "account_name"]
    accounts = _balanced(journal.group_by(keys).aggregate(sums).sort_by([(k, "ascending") for k in keys]), keys)
    proof = _balanced(
        journal.group_by(keys[:2]).aggregate(sums).sort_by([(k, "ascending") for k in keys[:2]]), keys[:2]
    )
    everything = pa.array(["All accounts"] * proof.num_rows, pa.string())
    proof = proof.rename_columns([*keys[:2], "debit", "credit", "check"])
    proof = proof.append_column("account_name", everything)
    proof = proof.append_column("account", pa.nulls(proof.num_rows, pa.string()))
    blocks = [
        Block(
            "TRIAL_BALANCE_CHECK",
            columns.TRIAL_BALANCE_CHECK,
            proof,
            "Debit − credit for each entity and currency: zero",
        ),
        Block("TRIAL_BALANCE", columns.TRIAL_BALANCE, accounts, "Posted by account", "currency"),
    ]
    blocks[0].rules = (Rule(("check",), "{check}<>0", "bad"), Rule(("check",), 'AND({check}<>"",{check}=0)', "good"))
    note = "Debit positive, credit in parentheses. Only what the lines of JOURNAL_POSTED hold."
    return Sheet("TRIAL_BALANCE", "Trial balance", blocks, note)


def differences(detail: pa.Table, measure: str) -> pa.ChunkedArray:
    """External − book of "qty" or "amount", a missing side as zero; empty where both are missing."""
    external, book = detail[f"external_{measure}"], detail[f"book_{measure}"]
    difference = pc.subtract(pc.fill_null(external, ZERO), pc.fill_null(book, ZERO)).cast(MONEY)
    neither = pc.and_(pc.is_null(external), pc.is_null(book))
    return pc.if_else(neither, pa.scalar(None, MONEY), difference)


def _detail(name: str, title: str, rows: pa.Table, rows_max: int) -> list[Sheet]:
    for measure in ("qty", "amount"):
        rows = rows.append_column(f"difference_{measure}", differences(rows, measure))
    kept = _without_empty(columns.DETAIL[1:], rows)
    order = [(k, "ascending") for k in ("entity", "document", "location", "sku", "bucket", "event_date")]
    block = Block(name, kept, rows.sort_by(order), currency="currency", rules=_STATE_RULES)
    note = "Every row of the reconciliation. Difference = external − book; an empty side is not there at all."
    return paged(Sheet(name, title, [block], note), rows_max)


def _without_empty(every: tuple[Column, ...], rows: pa.Table) -> tuple[Column, ...]:
    """The columns in which something stands; a measure keeps its three columns together."""
    if not rows.num_rows:
        return every
    kept = {"document", "event_date", "state", "currency"}
    for measure in ("qty", "amount"):
        if rows[f"difference_{measure}"].null_count < rows.num_rows:
            kept |= {f"{side}_{measure}" for side in ("external", "book", "difference")}
    return tuple(c for c in every if c.name in kept or (c.kind is T and rows[c.name].null_count < rows.num_rows))


def _balanced(grouped: pa.Table, keys: list[str]) -> pa.Table:
    debit, credit = (pc.fill_null(grouped[f"{side}_sum"].cast(MONEY), ZERO) for side in ("debit", "credit"))
    names = [*keys, "debit", "credit", "balance"]
    return pa.table([*(grouped[k] for k in keys), debit, credit, pc.subtract(debit, credit)], names=names)
