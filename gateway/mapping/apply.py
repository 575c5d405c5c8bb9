"""Apply a mapping to a file: source rows → canonical rows and faults, in temporary tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from gateway.errors import Fault, FileError
from gateway.mapping import crosswalks, faults, tie_out
from gateway.mapping.compile import CompiledRecord, Compiler
from gateway.mapping.contract import Context, Mapped, Opener, Rows
from gateway.mapping.expressions import names
from gateway.mapping.spec import Mapping, RecordSpec
from gateway.mapping.values import name as ident
from gateway.model import MAPPABLE


@dataclass
class Kind:
    """All records that share one kind of row, and the temporary tables made for them."""

    number: int
    each: str | None
    compiler: Compiler
    typed: str
    wide: str
    rows: Rows


def apply(con: duckdb.DuckDBPyConnection, mapping: Mapping, opener: Opener, context: Context) -> Mapped:
    """Read the file through `opener`, as `mapping` says.

    Nothing is committed: the result names temporary tables and views of the connection.
    Raises FileError where the file as a whole cannot be read, or has more faults than the limit.
    """
    mapped = Mapped(tables={}, faults=f"{context.prefix}_faults", received=0, rejected=0)
    faults.create(con, mapped.faults)
    kinds: list[Kind] = []
    for number, (each, records) in enumerate(_by_each(mapping)):
        wanted = source_columns(mapping, [record for _, record in records])
        rows = opener(each, wanted)
        held = _drift(mapping, rows, wanted)
        if held:
            mapped.held += held
            mapped.received += _count(rows)
            mapped.rejected = mapped.received
            continue
        kind = _read(con, mapping, context, each, records, rows, number)
        kinds.append(kind)
        _account(con, mapping, kind, mapped, opener, context)
    _tables(con, kinds, mapped, context)
    for kind in kinds:
        crosswalks.soft_faults(con, kind.compiler, kind.typed, kind.wide, mapped.faults, context)
    tie_out.check(con, mapping, kinds, mapped)
    return mapped


def drop(con: duckdb.DuckDBPyConnection, context: Context) -> None:
    """Remove every temporary table and view that `apply` made under the context's prefix."""
    found = con.execute(
        """select view_name, 'view' from duckdb_views() where temporary and starts_with(view_name, ?)
        union all select table_name, 'table' from duckdb_tables() where temporary and starts_with(table_name, ?)
        order by 2 desc""",
        [context.prefix + "_", context.prefix + "_"],
    ).fetchall()
    for name, what in found:
        con.execute(f"drop {what} if exists temp.{ident(name)}")


def source_columns(mapping: Mapping, records: Sequence[RecordSpec]) -> list[str]:
    """Every source column that these records, the ignore rules and the tie-outs name, in order."""
    found: dict[str, None] = {}
    for record in records:
        for field in record.fields.values():
            found |= dict.fromkeys(_field_columns(field))
        if record.when:
            found |= dict.fromkeys(sorted(names(record.when)[1]))
        found |= {key: None for key in record.key if key not in record.fields}
    for rule in mapping.file.ignore:
        found |= dict.fromkeys(sorted(names(rule.when)[1]))
    first = mapping.record[0].type
    for tie in mapping.file.tie_out:
        if any(record.type == (tie.record or first) for record in records):
            for text in filter(None, (tie.sum, tie.where, tie.equals)):
                found |= dict.fromkeys(sorted(names(text)[1]))
    return list(found)


def _field_columns(field: object) -> list[str]:
    columns: list[str] = []
    source = getattr(field, "source", None)
    columns += [source] if isinstance(source, str) else list(source or ())
    columns += [c for c in (getattr(field, k) for k in ("fill_down", "credit", "debit")) if c]
    columns += list(getattr(field, "on", ()))
    sign = getattr(field, "sign", None)
    if sign is not None and not isinstance(sign, str):
        columns.append(sign.source)
    expr = getattr(field, "expr", None)
    return columns + (sorted(names(expr)[1]) if expr else [])


def _by_each(mapping: Mapping) -> list[tuple[str | None, list[tuple[int, RecordSpec]]]]:
    kinds: dict[str | None, list[tuple[int, RecordSpec]]] = {}
    for index, record in enumerate(mapping.record):
        kinds.setdefault(record.each, []).append((index, record))
    return list(kinds.items())


def _count(rows: Rows) -> int:
    for _ in rows:
        pass
    return rows.received


def _drift(mapping: Mapping, rows: Rows, wanted: Sequence[str]) -> list[Fault]:
    """Columns that are needed and not there, or there and not known."""
    if mapping.file.format not in ("delimited", "workbook") or mapping.file.drift == "ignore":
        return []
    present = set(rows.columns)
    needed = {column for record in mapping.record for column in _needed(record, present)}
    found = [faults.missing_column(column, rows.columns) for column in sorted(needed - present)]
    if mapping.file.drift == "hold":
        found += [faults.unknown_column(column) for column in rows.columns if column not in wanted]
    return found


def _needed(record: RecordSpec, present: set[str]) -> Iterator[str]:
    """Source columns without which the record cannot be made."""
    table = MAPPABLE[record.type]
    for name, field in record.fields.items():
        column = table.column(name)
        required = field.required if field.required is not None else bool(column and column.required)
        if required and field.default is None:
            columns = _field_columns(field)
            alternatives = not isinstance(field.source, str) and field.source
            if not (alternatives and present & set(columns)):
                yield from columns
    yield from (key for key in record.key if key not in record.fields)


def _read(
    con: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    context: Context,
    each: str | None,
    records: Sequence[tuple[int, RecordSpec]],
    rows: Rows,
    number: int,
) -> Kind:
    """One streaming pass into the typed table, then the wide view over it."""
    ignore = [(rule.name, rule.when) for rule in mapping.file.ignore]
    compiler = Compiler(records, rows.columns, ignore)
    compiler.carried = tie_out.carried(mapping, [record for _, record in records])
    typed, wide = f"{context.prefix}_typed{number}", f"{context.prefix}_wide{number}"
    stream(con, rows, f"create or replace temp table {typed} as {compiler.typed_select()}")
    filled = crosswalks.fill_down(con, compiler, typed)
    join = crosswalks.resolve(con, mapping, compiler, typed, context)
    con.execute(f"create or replace temp view {wide} as {compiler.wide_select(typed, filled, join)}")
    return Kind(number, each, compiler, typed, wide, rows)


def stream(con: duckdb.DuckDBPyConnection, rows: Rows, sql: str) -> None:
    """Run a statement that reads the relation `src` from the rows; the reader's own error comes through."""
    trouble: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from rows
        except BaseException as error:
            trouble.append(error)
            raise

    reader = pa.RecordBatchReader.from_batches(rows.schema, batches())
    con.register("src", reader)
    try:
        con.execute(sql)
    except Exception as error:
        if trouble:
            raise trouble[0] from None
        raise error
    finally:
        con.unregister("src")
    if trouble:
        raise trouble[0]


def _account(
    con: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    kind: Kind,
    mapped: Mapped,
    opener: Opener,
    context: Context,
) -> None:
    """Count what became of every row, and write the faults of those that were rejected."""
    records = kind.compiler.records
    wrong = rejects(records)
    applies = " or ".join(f"{record.prefix}applies" for record in records)
    rules = con.execute(
        f"""select _ignored, count(*), count(*) filter (_ignored is null and ({wrong})),
                   count(*) filter (_ignored is null and not ({wrong}) and not ({applies}))
            from {kind.wide} group by _ignored"""
    ).fetchall()
    rejected = 0
    for rule, count, bad, unused in rules:
        if rule is not None:
            name = mapping.file.ignore[rule].name
            mapped.ignored[name] = mapped.ignored.get(name, 0) + count
            continue
        rejected += bad
        if unused:
            mapped.ignored["when"] = mapped.ignored.get("when", 0) + unused
    unread = [fault for fault in kind.rows.faults if fault.code == "ROW_REJECT"]
    if rejected + len(unread) > context.limits.faults_per_file_max:
        raise FileError(
            mapping.feed,
            f"{rejected + len(unread)} rows cannot be read, the limit is {context.limits.faults_per_file_max}",
            "Check that the mapping fits the file; mend it and replay.",
        )
    mapped.received += kind.rows.received
    mapped.rejected += rejected + len(unread)
    faults.add(con, mapped.faults, kind.rows.faults)
    if rejected:
        faults.add_rejected(con, kind.compiler, kind.wide, wrong, mapped.faults, lambda: opener(kind.each, ()))


def rejects(records: Sequence[CompiledRecord]) -> str:
    """SQL: some record that applies to the row is wrong, so the whole row is rejected."""
    return " or ".join(f"({record.prefix}applies and {record.prefix}wrong <> 0)" for record in records)


def _tables(con: duckdb.DuckDBPyConnection, kinds: Sequence[Kind], mapped: Mapped, context: Context) -> None:
    """One view for each canonical table over all records that fill it."""
    selects: dict[str, list[str]] = {}
    for kind in kinds:
        for record in kind.compiler.records:
            selects.setdefault(record.spec.type, []).append(_record_select(kind, record, context))
    for table, parts in selects.items():
        rows = f"{context.prefix}_rows_{table}"
        con.execute(f"create or replace temp view {rows} as {' union all '.join(parts)}")
        repeats = f"{context.prefix}_repeats_{table}"
        con.execute(
            f"""create or replace temp table {repeats} as
            with doubled as (select source_key from {rows} group by source_key having count(*) > 1)
            select _record, _ordinal, row_number() over (partition by source_key order by _ordinal, _record) as occurrence
            from {rows} semi join doubled using (source_key)"""
        )
        name = f"{context.prefix}_{table}"
        some = con.execute(f"select count(*) from {repeats}").fetchone()
        if some and some[0]:
            con.execute(
                f"""create or replace temp view {name} as
                select r.* exclude (occurrence), coalesce(d.occurrence, 1)::bigint as occurrence
                from {rows} r left join {repeats} d on d._record = r._record and d._ordinal = r._ordinal"""
            )
        else:
            con.execute(f"create or replace temp view {name} as select * from {rows}")
        mapped.tables[table] = name


def _record_select(kind: Kind, record: CompiledRecord, context: Context) -> str:
    table = MAPPABLE[record.spec.type]
    fields = [
        f"cast({ident(f'v_{record.prefix}{column.name}')} as {column.type}) as {ident(column.name)}"
        if column.name in record.targets
        else f"cast(null as {column.type}) as {ident(column.name)}"
        for column in table.columns
    ]
    key = kind.compiler.key(record, context.partner)
    return (
        f'select _ordinal, {kind.number}::integer as _kind, {record.index}::integer as _record, "position", {key} as source_key, '
        f"1::bigint as occurrence, {', '.join(fields)} from {kind.wide} "
        f"where _ignored is null and {record.prefix}applies and not ({rejects(kind.compiler.records)})"
    )
