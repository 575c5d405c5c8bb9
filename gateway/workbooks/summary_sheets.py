"""SUMMARY (does everything tie out?) and AGEING: live formulas over the other sheets, with cached values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.model.reconciling import STATES
from gateway.workbooks.book_data import BookData
from gateway.workbooks.cells import Column, Kind
from gateway.workbooks.columns import SUMMARY, TYPES
from gateway.workbooks.exception_sheets import BUCKET_LABELS
from gateway.workbooks.ledger_sheets import differences
from gateway.workbooks.sheet import Block, Rule, Sheet

ZERO = Decimal(0)
MONEY = TYPES[Kind.MONEY]
T, W, Q, M = Kind.TEXT, Kind.WHOLE, Kind.QUANTITY, Kind.MONEY

SUMMARY_RULES = (
    # Money shows its decimals always, units only where they have some.
    *(
        Rule((name,), f'AND({{unit}}="units",{{{name}}}=INT({{{name}}}))', "as_units")
        for name in ("external", "book", "matched", "open", "check", "ledger_amount", "tie")
    ),
    Rule(("result",), '{result}="ties"', "good"),
    Rule(("result",), '{result}="DOES NOT TIE"', "bad"),
)


def summary_sheet(data: BookData, exceptions: Sequence[Sheet] = (), journals: Sequence[Sheet] = ()) -> Sheet:
    """SUMMARY: the tie-out, then what the open difference is made of, open exceptions, and the journal."""
    blocks = [_tie_out(data.summary)]
    blocks.append(_states(data.detail))
    if exceptions:
        blocks.append(_by_reconciliation(data, exceptions))
    blocks.append(_journal_check(data, journals))
    note = "External − book − open = 0: every difference is accounted for. Tie = 0: the ledger agrees."
    return Sheet("SUMMARY", "Does it tie out?", blocks, note, 2)


def ageing_sheet(exceptions: Sequence[Sheet]) -> Sheet:
    """AGEING: open exceptions by severity and owner in buckets of days; counts, and amounts per currency."""
    rows = _columns(exceptions, ("severity", "owner", "currency", "bucket", "difference_amount"))
    counts: Counter[tuple[Any, ...]] = Counter()
    amounts: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    gross: defaultdict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for severity, owner, currency, bucket, amount in rows:
        counts[severity, owner, bucket] += 1
        if amount is not None:
            amounts[severity, owner, currency, bucket] += amount
            gross[severity, owner, currency] += abs(amount)
    note = "Days from opening to as-of. Amounts are external − book; gross adds them without their signs."
    owners = sorted({key[:2] for key in counts}, key=_sortable)
    groups = sorted(gross, key=_sortable)
    return Sheet(
        "AGEING",
        "How old are the open exceptions?",
        [_ageing_counts(owners, counts, exceptions), _ageing_amounts(groups, amounts, gross, exceptions)],
        note,
        2,
    )


def sum_of(function: str, sheets: Sequence[Sheet], summed: str, conditions: Iterable[tuple[str, str]]) -> str:
    """SUMIFS or COUNTIFS over every page of a sheet. Conditions: (column, criterion as formula text).

    A criterion that is an empty cell would count zeros: `&""` makes it count what is empty.
    """
    pages = []
    for sheet in sheets:
        (block,) = sheet.blocks
        parts = [block.range(summed)] if summed else []
        for column, criterion in conditions:
            parts += [block.range(column), criterion]
        pages.append(f"{function}({','.join(parts)})")
    return "+".join(pages)


def _tie_out(summary: pa.Table) -> Block:
    checks, ties, bases, results = [], [], [], []
    for row in summary.to_pylist():
        external, book, opened = (row[name] or ZERO for name in ("external", "book", "open"))
        basis = row["tie_basis"] or "BOOK"
        check, tie = external - book - opened, None
        if row["ledger_amount"] is not None:
            tie = (-opened if basis == "BALANCE" else book) - row["ledger_amount"]
        for name, value in (("check", check), ("tie", tie)):
            if row[name] is not None and row[name] != value:
                raise ValueError(f"summary {row['reconciliation']}: {name} is {row[name]}, its parts make {value}")
        checks.append(check)
        ties.append(tie)
        bases.append(basis if tie is not None else None)
        results.append("DOES NOT TIE" if check or tie else "ties")
    made = {
        "check": pa.array(checks, MONEY),
        "tie": pa.array(ties, MONEY),
        "tie_basis": pa.array(bases, pa.string()),
        "result": pa.array(results, pa.string()),
    }
    values = [made.get(c.name) if c.name in made else summary[c.name] for c in SUMMARY]
    table = pa.table(values, names=[c.name for c in SUMMARY])
    return Block("SUMMARY", SUMMARY, table, "Tie-out", rules=SUMMARY_RULES)


def _states(detail: pa.Table) -> Block:
    """Per reconciliation, entity and currency: how many rows are in each state, and by how much they differ."""
    keys = ["reconciliation", "entity", "currency", "state"]
    table = detail.select(keys)
    for measure in ("qty", "amount"):
        table = table.append_column(f"difference_{measure}", differences(detail, measure))
    measures = [("state", "count"), ("difference_qty", "sum"), ("difference_amount", "sum")]
    grouped = table.group_by(keys).aggregate(measures)
    rank = pc.index_in(grouped["state"], pa.array(STATES))
    grouped = grouped.append_column("rank", rank).sort_by([(k, "ascending") for k in (*keys[:3], "rank")])
    names = ("reconciliation", "state", "entity", "currency", "rows", "difference_qty", "difference_amount")
    source = (*names[:1], "state", "entity", "currency", "state_count", "difference_qty_sum", "difference_amount_sum")
    kinds = (T, T, T, T, W, Q, M)
    return Block(
        "STATES",
        tuple(Column(n, k) for n, k in zip(names, kinds, strict=True)),
        pa.table([grouped[s] for s in source], names=list(names)),
        "What the rows are: matched, within tolerance, timing, open",
    )


def _by_reconciliation(data: BookData, pages: Sequence[Sheet]) -> Block:
    """Open exceptions by reconciliation and severity."""
    counts: Counter[tuple[str, int]] = Counter()
    for reconciliation, severity in _columns(pages, ("reconciliation", "severity")):
        counts[reconciliation or "", severity] += 1
    names = sorted({name for name, _ in counts})
    columns = [Column("reconciliation", T), Column("title", T)]
    arrays = [
        pa.array(names, pa.string()),
        pa.array([data.shown(name).title for name in names], pa.string()),
    ]
    for severity in (1, 2, 3, 4):
        conditions = (("reconciliation", '{reconciliation}&""'), ("severity", str(severity)))
        columns.append(Column(f"severity_{severity}", W, formula=sum_of("COUNTIFS", pages, "", conditions)))
        arrays.append(pa.array([counts[name, severity] for name in names], pa.int64()))
    columns.append(Column("total", W, formula="+".join(f"{{severity_{n}}}" for n in (1, 2, 3, 4))))
    arrays.append(pa.array([sum(counts[name, n] for n in (1, 2, 3, 4)) for name in names], pa.int64()))
    table = pa.table(arrays, names=[c.name for c in columns])
    return Block("OPEN_EXCEPTIONS", tuple(columns), table, "Open exceptions")


def _journal_check(data: BookData, pages: Sequence[Sheet]) -> Block:
    """Debit against credit for each currency of the posted journal, live where the journal is in this book."""
    journal = data.journal_posted
    grouped = journal.group_by("currency").aggregate([("debit", "sum"), ("credit", "sum")]).sort_by("currency")
    debit, credit = (pc.fill_null(grouped[f"{side}_sum"].cast(MONEY), ZERO) for side in ("debit", "credit"))
    live = {
        side: sum_of("SUMIFS", pages, side, (("currency", '{currency}&""'),)) if pages else ""
        for side in ("debit", "credit")
    }
    columns = (
        Column("journal", T),
        Column("title", T),
        Column("currency", T),
        Column("debit", M, formula=live["debit"]),
        Column("credit", M, formula=live["credit"]),
        Column("check", M, formula="ROUND({debit}-{credit},4)"),
    )
    count = grouped.num_rows
    table = pa.table(
        [
            pa.array(["POSTED"] * count, pa.string()),
            pa.array(["Debit = credit"] * count, pa.string()),
            grouped["currency"],
            debit,
            credit,
            pc.subtract(debit, credit),
        ],
        names=[c.name for c in columns],
    )
    return Block("JOURNAL_CHECK", columns, table, "Posted journal", rules=(Rule(("check",), "{check}<>0", "bad"),))


def _ageing_counts(owners: Sequence[Any], counts: Counter[tuple[Any, ...]], pages: Sequence[Sheet]) -> Block:
    columns = [Column("severity", W), Column("owner", T), Column("measure", T)]
    arrays = [_column(owners, 0, pa.int64()), _column(owners, 1, pa.string()), _same("count", len(owners))]
    for label in BUCKET_LABELS:
        criteria = (("severity", "{severity}"), ("owner", '{owner}&""'), ("bucket", f'"{label}"'))
        columns.append(Column(label, W, total=True, dash=True, formula=sum_of("COUNTIFS", pages, "", criteria)))
        arrays.append(pa.array([counts[*key, label] for key in owners], pa.int64()))
    everything = [sum(counts[*key, label] for label in BUCKET_LABELS) for key in owners]
    columns.append(Column("total", W, total=True, formula=_across(columns)))
    arrays.append(pa.array(everything, pa.int64()))
    table = pa.table(arrays, names=[c.name for c in columns])
    return Block("AGEING_COUNT", tuple(columns), table, "Number of exceptions by age in days", rules=_severity_rules())


def _ageing_amounts(
    groups: Sequence[Any],
    amounts: defaultdict[tuple[Any, ...], Decimal],
    gross: defaultdict[tuple[Any, ...], Decimal],
    pages: Sequence[Sheet],
) -> Block:
    columns = [Column("severity", W), Column("owner", T), Column("currency", T)]
    arrays = [_column(groups, i, t) for i, t in enumerate((pa.int64(), pa.string(), pa.string()))]
    for label in BUCKET_LABELS:
        criteria = (("severity", "{severity}"), ("owner", '{owner}&""'), ("currency", '{currency}&""'))
        formula = sum_of("SUMIFS", pages, "difference_amount", (*criteria, ("bucket", f'"{label}"')))
        columns.append(Column(label, M, total=True, dash=True, formula=f"ROUND({formula},4)"))
        arrays.append(pa.array([amounts[*key, label] for key in groups], MONEY))
    columns += [Column("total", M, total=True, formula=_across(columns)), Column("gross", M, total=True)]
    arrays.append(pa.array([sum((amounts[*key, b] for b in BUCKET_LABELS), ZERO) for key in groups], MONEY))
    arrays.append(pa.array([gross[key] for key in groups], MONEY))
    table = pa.table(arrays, names=[c.name for c in columns])
    return Block(
        "AGEING_AMOUNT", tuple(columns), table, "Differences by age in days", "currency", rules=_severity_rules()
    )


def _across(columns: Sequence[Column]) -> str:
    return f"SUM({{{columns[3].name}}}:{{{columns[-1].name}}})"


def _severity_rules() -> tuple[Rule, ...]:
    return tuple(Rule(("severity",), f"{{severity}}={n}", f"severity_{n}") for n in (1, 2, 3, 4))


def _columns(pages: Sequence[Sheet], names: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    for page in pages:
        yield from zip(*(page.blocks[0].data.column(name).to_pylist() for name in names), strict=True)


def _column(rows: Sequence[Any], index: int, kind: pa.DataType) -> pa.Array:
    return pa.array([row[index] for row in rows], kind)


def _same(text: str, count: int) -> pa.Array:
    return pa.array([text] * count, pa.string())


def _sortable(key: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple("" if part is None else str(part) for part in key)
