"""Apply a mapping to a file: source rows → canonical records and faults, in temporary tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from gateway.errors import FileError
from gateway.mapping import amounts, crosswalks, drift, faults, tie_out
from gateway.mapping.compile import Compiler
from gateway.mapping.contract import Context, Mapped, Opener, Rows
from gateway.mapping.drift import source_columns
from gateway.mapping.record import Record
from gateway.mapping.spec import Mapping, RecordSpec
from gateway.mapping.text import ident
from gateway.mapping.work import Work, stream
from gateway.model import MAPPABLE

__all__ = ["apply", "drop", "source_columns"]

_OURS = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InternalException, duckdb.FatalException,
         duckdb.InterruptException)  # fmt: skip
"""Errors of the machine, not of the mapping or the file."""


@dataclass
class Kind:
    """All records that share one kind of row, and the relation that holds their rows with every step."""

    number: int
    each: str | None
    compiler: Compiler
    relation: str
    rows: Rows


def apply(con: duckdb.DuckDBPyConnection, mapping: Mapping, opener: Opener, context: Context) -> Mapped:
    """Read the file through `opener`, as `mapping` says.

    Nothing is committed: the result names temporary tables of the connection (see `drop`).
    Raises FileError where the file as a whole cannot be read, or has more faults than the limit; GatewayError
    where the mapping cannot work (a lookup that does not exist, fields that need one another).
    """
    work = Work(con, context.prefix)
    mapped = Mapped(tables={}, faults="", received=0, rejected=0)
    try:
        _apply(work, mapping, opener, context, mapped)
    except _OURS:
        work.sweep()
        raise
    except duckdb.Error as error:
        work.sweep()
        cause = str(error).split("\n", maxsplit=1)[0]
        raise FileError(mapping.feed, cause, "Mend the mapping, try it on this file, and replay it.") from error
    except BaseException:
        work.sweep()
        raise
    mapped.made = work.made
    return mapped


def drop(con: duckdb.DuckDBPyConnection, made: Mapped) -> None:
    """Remove a result: its views and tables, and the tables behind them."""
    Work(con, "", list(made.made)).sweep()


def _apply(work: Work, mapping: Mapping, opener: Opener, context: Context, mapped: Mapped) -> None:
    mapped.faults = faults.create(work)
    kinds: list[Kind] = []
    by_each: dict[str | None, list[tuple[int, RecordSpec]]] = {}
    for index, record in enumerate(mapping.record):
        by_each.setdefault(record.each, []).append((index, record))
    for number, (each, records) in enumerate(by_each.items()):
        wanted = source_columns(mapping, [record for _, record in records])
        rows = opener(each, wanted)
        held = drift.check(mapping, rows, wanted, [record for _, record in records])
        if held:
            mapped.held += held
            mapped.received += _count(rows)
            mapped.rejected = mapped.received
            continue
        kind = _read(work, mapping, context, records, rows, number)
        kinds.append(kind)
        _account(work, mapping, kind, mapped, opener, context)
    for table in dict.fromkeys(record.type for record in mapping.record):
        mapped.tables[table] = _table(work, table, kinds)
    for kind in kinds:
        faults.add_unmapped(work, kind.compiler, kind.relation, mapped.faults)
    tie_out.check(work, mapping, [(kind.compiler, kind.relation) for kind in kinds], mapped)


def _count(rows: Rows) -> int:
    for _ in rows:
        pass
    return rows.received


# --- reading ------------------------------------------------------------------------------------------


def _read(
    work: Work,
    mapping: Mapping,
    context: Context,
    records: Sequence[tuple[int, RecordSpec]],
    rows: Rows,
    number: int,
) -> Kind:
    """One streaming pass into a table of texts; all steps over it, into one table of everything that is used later.

    In between, what depends on the whole file is found out: the decimal sign of `auto` numbers, crosswalks, aliases.
    """
    compiler = _compiler(mapping, records, rows, context, {})
    texts = compiler.sources
    raw = stream(work, rows, set(texts), lambda source: work.make("table", f"_raw{number}", compiler.base(source)))
    decided = _decide(work, compiler, raw)
    if decided:
        compiler = _compiler(mapping, records, rows, context, decided)
    relation = work.make("view", f"_row{number}", compiler.plan.select(0, ident(raw), "*"))
    views = [relation]
    stages = max(step.stage for step in compiler.plan.steps.values())
    for stage in range(1, stages + 1):
        joins = [join for join in compiler.joins if join.stage == stage]
        relation = crosswalks.stage(work, compiler.plan, stage, relation, joins, context)
        views.append(relation)
    keep = ", ".join(["_ordinal", "_position", "_unit", *compiler.plan.carried(stages, compiler.wanted())])
    made = work.make("table", f"_rows{number}", f"select {keep} from {ident(relation)}")
    for name in [*reversed(views), raw]:
        work.remove(name)
    return Kind(number, records[0][1].each, compiler, made, rows)


def _compiler(
    mapping: Mapping,
    records: Sequence[tuple[int, RecordSpec]],
    rows: Rows,
    context: Context,
    decided: dict[tuple[int, str], str],
) -> Compiler:
    compiler = Compiler(mapping, records, rows.columns, context.partner, decided)
    tie_out.prepare(compiler, mapping)
    return compiler


def _decide(work: Work, compiler: Compiler, raw: str) -> dict[tuple[int, str], str]:
    """The decimal sign of `auto` fields that hold ambiguous numbers, where other values make it certain:
    those of the same field, else those of all such fields of the file."""
    if not compiler.auto:
        return {}
    found = ", ".join(f"coalesce(bit_or({step}), 0)" for step in compiler.auto.values())
    seen = work.con.execute(compiler.plan.select(0, ident(raw), found)).fetchone()
    assert seen is not None
    signs = amounts.POINT_SEEN | amounts.COMMA_SEEN
    whole = 0
    for bits in seen:
        whole |= bits & signs
    words = {amounts.POINT_SEEN: "point", amounts.COMMA_SEEN: "comma"}
    decided = {}
    for field, bits in zip(compiler.auto, seen, strict=True):
        word = words.get((bits & signs) or whole)
        if bits & amounts.AMBIGUOUS_SEEN and word:
            decided[field] = word
    return decided


# --- accounting and results ---------------------------------------------------------------------------


def _account(work: Work, mapping: Mapping, kind: Kind, mapped: Mapped, opener: Opener, context: Context) -> None:
    """Count what became of every row, and write the faults of those that were rejected."""
    c = kind.compiler
    counts = work.con.execute(
        f"""select {c.ignored}, count(*), count(*) filter ({c.rejected}),
                   count(*) filter (not {c.rejected} and not {c.used})
            from {ident(kind.relation)} group by {c.ignored} order by 1"""
    ).fetchall()
    rejected = 0
    for rule, count, bad, unused in counts:
        if rule is not None:
            _add(mapped.ignored, mapping.file.ignore[rule].name, count)
            continue
        rejected += bad
        if unused:
            _add(mapped.ignored, "when", unused)
    unread = [fault for fault in kind.rows.faults if fault.code == "ROW_REJECT"]
    mapped.received += kind.rows.received
    mapped.rejected += rejected + len(unread)
    if mapped.rejected > context.limits.faults_per_file_max:
        raise FileError(
            mapping.feed,
            f"{mapped.rejected} rows cannot be read, the limit is {context.limits.faults_per_file_max}",
            "Check that the mapping fits the file; mend it and replay.",
        )
    faults.add(work, mapped.faults, kind.rows.faults)
    if rejected:
        faults.add_rejected(work, c, kind.relation, mapped.faults, lambda: opener(kind.each, kind.rows.columns))


def _add(counts: dict[str, int], name: str, count: int) -> None:
    counts[name] = counts.get(name, 0) + count


def _table(work: Work, table: str, kinds: Sequence[Kind]) -> str:
    """The rows of all records of that type. Repeated keys, which are rare, are numbered in a table of their own."""
    parts = [
        _record_select(kind, record) for kind in kinds for record in kind.compiler.records if record.spec.type == table
    ]
    source = f"({' union all '.join(parts) or _empty(table)})"
    columns = ", ".join(f"r.{ident(name)}" for name in _LEADING)
    own = ", ".join(f"r.{ident(column.name)}" for column in MAPPABLE[table].columns)
    name = work.make("view", table, f"select {columns}, 1::bigint as occurrence, {own} from {source} r")
    repeated = f"select source_key from {ident(name)} group by source_key having count(*) > 1"
    if work.con.execute(f"{repeated} limit 1").fetchone() is None:
        return name
    repeats = work.make(
        "table",
        f"_repeats_{table}",
        f"""select _record, _ordinal,
                   row_number() over (partition by source_key order by _record, _ordinal) as occurrence
            from {ident(name)} semi join ({repeated}) using (source_key)""",
    )
    return work.make(
        "view",
        table,
        f"""select {columns}, coalesce(n.occurrence, 1) as occurrence, {own} from {source} r
            left join {ident(repeats)} n on n._record = r._record and n._ordinal = r._ordinal""",
    )


_LEADING = ("_ordinal", "_kind", "_record", "position", "source_key")


def _record_select(kind: Kind, record: Record) -> str:
    columns = [
        f"cast({record.targets[column.name].value if column.name in record.targets else 'null'} as {column.type}) "
        f"as {ident(column.name)}"
        for column in record.table.columns
    ]
    c = kind.compiler
    return (
        f"select _ordinal, {kind.number}::integer as _kind, {record.index}::integer as _record, "
        f"_position as position, {record.key} as source_key, {', '.join(columns)} from {ident(kind.relation)} "
        f"where {c.ignored} is null and {record.applies} and not {c.rejected}"
    )


def _empty(table: str) -> str:
    columns = [f"cast(null as {column.type}) as {ident(column.name)}" for column in MAPPABLE[table].columns]
    return (
        "select 0::bigint as _ordinal, 0 as _kind, 0 as _record, '' as position, cast(null as uuid) as source_key, "
        f"{', '.join(columns)} where false"
    )
