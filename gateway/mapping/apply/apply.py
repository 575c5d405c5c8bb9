"""Apply a mapping to files: source rows → canonical records and faults, in temporary tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from gateway.errors import Fault, FileError, HouseError, first_line
from gateway.log import log
from gateway.mapping.apply import (
    all_ignored,
    documents,
    doubled,
    doubtful_ids,
    drift,
    faults,
    invisible,
    repeated,
    tie_out,
    uncounted,
)
from gateway.mapping.apply import rows as reading
from gateway.mapping.apply.drift import source_columns
from gateway.mapping.apply.mapped import FILE_SHIFT, ApartError, Context, Mapped, Opener, Outcome
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler.compiler import Compiler
from gateway.mapping.compiler.sources import Known
from gateway.mapping.compiler.targets import Record
from gateway.mapping.language.spec import Mapping as Feed
from gateway.mapping.language.spec import RecordSpec
from gateway.model import MAPPABLE
from gateway.reading import WITHOUT_ROWS, Reading
from gateway.sql import identifier

__all__ = ["apply", "source_columns"]

_OURS = (
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.InternalException,
    duckdb.FatalException,
    duckdb.InterruptException,
)
"""Errors of the machine, not of the mapping or the file."""
_OF_THE_MAPPING = (duckdb.BinderException, duckdb.ParserException, duckdb.SyntaxException, duckdb.NotSupportedError)
"""Errors that every file of the feed would meet: the SQL itself cannot run, whatever the rows are."""

_SAID = (
    (duckdb.OutOfRangeException, "a value is beyond what a number, a date or a text of its expressions can hold"),
    (duckdb.ConversionException, "a value of the file cannot be converted as its expressions want"),
    (duckdb.InvalidInputException, "a value of the file is none that its expressions can take"),
)
"""What errors of the database over a file's rows mean."""


@dataclass
class Kind:
    """All records that share one kind of row, and the table that holds their rows with every step.

    rows  readings of the files that are mapped, by number of the file
    """

    number: int
    each: str | None
    compiler: Compiler
    relation: str
    rows: Mapping[int, Reading]


def apply(con: duckdb.DuckDBPyConnection, mapping: Feed, openers: Sequence[Opener], context: Context) -> Mapped:
    """Read files through their openers, as `mapping` says.

    Nothing is committed: the result names temporary tables of the connection, all under the context's prefix.
    Raises FileError where a file as a whole cannot be read, or has more faults than the limit; HouseError
    where the mapping cannot work (a lookup that does not exist, fields that need one another); ApartError where the
    result for one of several files would depend on the others.
    """
    work = Work(con, context.prefix)
    mapped = Mapped([Outcome() for _ in openers])
    try:
        _apply(work, mapping, openers, context, mapped)
    except _OURS:
        work.sweep()
        raise
    except duckdb.Error as error:
        work.sweep()
        log.error("mapping.failed", feed=mapping.feed, error=first_line(error))
        if isinstance(error, _OF_THE_MAPPING):
            cause = "one computes with types that do not go together; the log has the words of the database"
            raise HouseError(
                "run", "its expressions", "`gateway check` names the expression: fix it.", cause
            ) from error
        cause = next((words for kind, words in _SAID if isinstance(error, kind)), "its rows cannot be computed")
        raise FileError(
            mapping.feed,
            f"{cause}; the log has the words of the database",
            "Fix the mapping, try it on this file, and replay it.",
        ) from error
    except BaseException:
        work.sweep()
        raise
    return mapped


def _apply(work: Work, mapping: Feed, openers: Sequence[Opener], context: Context, mapped: Mapped) -> None:
    mapped.faults = faults.create(work)
    kinds: list[Kind] = []
    by_each: dict[str | None, list[tuple[int, RecordSpec]]] = {}
    for index, record in enumerate(mapping.record):
        by_each.setdefault(record.each, []).append((index, record))
    for number, (each, records) in enumerate(by_each.items()):
        wanted = source_columns(mapping, [record for _, record in records])
        files = _open(mapping, openers, each, wanted, records, mapped, context.place)
        if files:
            kind = _kind(work, mapping, context, records, files, openers, number)
            kinds.append(kind)
            _account(work, mapping, kind, mapped, openers, context)
    for file, outcome in enumerate(mapped.files):
        faults.add(work, mapped.faults, file, _without_rows(outcome))
    for table in dict.fromkeys(record.type for record in mapping.record):
        mapped.tables[table] = _table(work, table, kinds, mapped.faults)
    documents.find(work, [(kind.number, kind.compiler, kind.relation) for kind in kinds], mapped)
    for kind in kinds:
        faults.add_unmapped(work, kind.compiler, kind.relation, mapped.faults)
        faults.add_wrong_identifiers(work, kind.compiler, kind.relation, mapped.faults)
        faults.add_dropped(work, kind.compiler, kind.relation, mapped.faults)
        uncounted.add_uncounted(work, kind.compiler, kind.relation, mapped.faults)
        invisible.add_hidden_in_keys(work, kind.compiler, kind.relation, mapped.faults)
        doubtful_ids.add(work, kind.compiler, kind.relation, mapped.faults)
    invisible.name_invisible(work, mapped.faults)
    if mapping.file.repeat is not None and mapping.file.repeat.columns:
        files = {file: rows for kind in kinds for file, rows in kind.rows.items()}
        repeated.name_numbers(work, mapped.faults, mapping.file.repeat, files)
    tie_out.check(work, mapping, [(kind.compiler, kind.relation, list(kind.rows)) for kind in kinds], mapped)
    all_ignored.add(work, mapping, mapped, context.place)


def _open(
    mapping: Feed,
    openers: Sequence[Opener],
    each: str | None,
    wanted: Sequence[str],
    records: Sequence[tuple[int, RecordSpec]],
    mapped: Mapped,
    place: Callable[..., str],
) -> dict[int, Reading]:
    """The files' rows of one kind; a file that lacks what is needed is held, and only counted."""
    files: dict[int, Reading] = {}
    found: dict[tuple[str, ...], list[Fault]] = {}
    for file, rows in enumerate([opener(each, wanted) for opener in openers]):
        if rows.columns not in found:
            found[rows.columns] = drift.check(mapping, rows, wanted, [record for _, record in records], place)
        held = found[rows.columns]
        if not held:
            files[file] = drift.watched(mapping, rows, wanted, each)
            continue
        outcome = mapped.files[file]
        outcome.held += held
        outcome.columns_differ = True
        outcome.received += _count(rows)
        outcome.rejected = outcome.received
    if (
        len({(frozenset(rows.columns) & frozenset(wanted), *sorted(rows.headings.items())) for rows in files.values()})
        > 1
    ):
        raise ApartError("their columns differ")
    return files


def _kind(
    work: Work,
    mapping: Feed,
    context: Context,
    records: Sequence[tuple[int, RecordSpec]],
    files: Mapping[int, Reading],
    openers: Sequence[Opener],
    number: int,
) -> Kind:
    each, columns = records[0][1].each, next(iter(files.values())).columns
    opened: list[Mapping[int, Reading]] = [files]

    def openings() -> Mapping[int, Reading]:
        return opened.pop() if opened else {file: openers[file](each, rows.columns) for file, rows in files.items()}

    def make(known: Known) -> Compiler:
        compiler = Compiler(mapping, records, columns, context.partner, known)
        compiler.headings = next(iter(files.values())).headings
        tie_out.prepare(compiler, mapping)
        return compiler

    compiler, relation = reading.read(work, number, openings, make, context)
    return Kind(number, each, compiler, relation, files)


def _count(rows: Reading) -> int:
    for _ in rows:
        pass
    return rows.received


# --- accounting and results ---------------------------------------------------------------------------


def _account(
    work: Work, mapping: Feed, kind: Kind, mapped: Mapped, openers: Sequence[Opener], context: Context
) -> None:
    """Count what became of every row, and write the faults of those that were rejected."""
    c = kind.compiler
    counts = work.con.execute(
        f"""select _ordinal >> {FILE_SHIFT} as file, {c.ignored}, count(*), count(*) filter ({c.rejected}),
                   count(*) filter (not {c.rejected} and not {c.used})
            from {identifier(kind.relation)} group by 1, 2 order by 1, 2"""
    ).fetchall()
    rejected: dict[int, int] = {}
    for file, rule, count, bad, unused in counts:
        ignored = mapped.files[file].ignored
        if rule is not None:
            _add(ignored, mapping.file.ignore[rule].name, count)
            continue
        if bad:
            rejected[file] = bad
        if unused:
            _add(ignored, "when", unused)
    for file, rows in kind.rows.items():
        outcome = mapped.files[file]
        _note_without_rows(outcome, rows.faults)
        found, again = _first_found([one for one in rows.faults if one.code != WITHOUT_ROWS], outcome.unread)
        unread = sum(fault.code == "ROW_REJECT" for fault in found)
        outcome.received += rows.received - again
        outcome.rejected += rejected.get(file, 0) + unread
        if outcome.rejected > context.limits.faults_per_file_max:
            raise FileError(
                mapping.feed,
                f"{outcome.rejected} rows cannot be read, the limit is {context.limits.faults_per_file_max}",
                "Check that the mapping fits the file; fix it and replay.",
            )
        faults.add(work, mapped.faults, file, found)
    if rejected:
        held = faults.add_rejected(
            work,
            c,
            kind.relation,
            mapped.faults,
            lambda file: openers[file](kind.each, kind.rows[file].columns),
            context.place,
        )
        for file, fault in held:
            mapped.files[file].held.append(fault)
            mapped.files[file].columns_differ = True


def _note_without_rows(outcome: Outcome, found: Sequence[Fault]) -> None:
    """Keep the units that have no row of this kind either."""
    noted = {fault.position: fault for fault in found if fault.code == WITHOUT_ROWS}
    before = outcome.without_rows
    kept = noted if before is None else before.keys() & noted.keys()
    outcome.without_rows = {place: [*(before or {}).get(place, []), noted[place]] for place in kept}


def _without_rows(outcome: Outcome) -> list[Fault]:
    """Units that were taken, and of which nothing was read."""
    return [
        Fault(
            "ROW_DOUBTFUL",
            f"this set, message or document has no {' and no '.join(one.message for one in noted)}: nothing of it is "
            "read",
            noted[0].hint,
            place,
        )
        for place, noted in (outcome.without_rows or {}).items()
    ]


def _first_found(found: Sequence[Fault], unread: set[tuple[str, str]]) -> tuple[list[Fault], int]:
    """(the faults that are not in `unread`, how many rows the others are).

    Every kind of row finds the rows of none, and what is doubtful in the whole file.
    """
    new = [fault for fault in found if (fault.position, fault.message) not in unread]
    unread.update((one.position, one.message) for one in new if one.code in ("ROW_REJECT", "ROW_DOUBTFUL"))
    return new, sum(one.code == "ROW_REJECT" for one in found) - sum(one.code == "ROW_REJECT" for one in new)


def _add(counts: dict[str, int], name: str, count: int) -> None:
    counts[name] = counts.get(name, 0) + count


def _table(work: Work, table: str, kinds: Sequence[Kind], found: str) -> str:
    """The rows of all records of that type. Repeated keys, which are rare, are numbered in a table of their own, and
    those that no row should share are added to the faults `found`."""
    parts = [
        _record_select(kind, record) for kind in kinds for record in kind.compiler.records if record.spec.type == table
    ]
    source = f"({' union all '.join(parts) or _empty(table)})"
    columns = ", ".join(f"r.{identifier(name)}" for name in _LEADING)
    own = ", ".join(f"r.{identifier(column.name)}" for column in MAPPABLE[table].columns)
    name = work.make("view", table, f"select {columns}, 1::bigint as occurrence, {own} from {source} r")
    repeated = f"select source_key from {identifier(name)} group by source_key having count(*) > 1"
    if work.con.execute(f"{repeated} limit 1").fetchone() is None:
        return name
    shared = f"{repeated} and count(distinct _ordinal >> {FILE_SHIFT}) > 1 limit 1"
    if work.con.execute(shared).fetchone() is not None:
        raise ApartError("a later file changes rows of an earlier one")
    for kind in kinds:
        for record in kind.compiler.records:
            if record.spec.type == table and doubled.reported(record):
                doubled.add(work, record, _record_select(kind, record), found)
    # Of an event that is reported several times in a file, by whichever record, the last row is the event, as it is of
    # several files.
    once = ", ".join(str(record.index) for kind in kinds for record in kind.compiler.records if record.spec.once)
    order = f"if(_record in ({once}), -1, _record), if(_record in ({once}), -_ordinal, _ordinal)" if once else ""
    repeats = work.make(
        "table",
        f"_repeats_{table}",
        f"""select _record, _ordinal,
                   row_number() over (partition by source_key order by {order or "_record, _ordinal"}) as occurrence
            from {identifier(name)} semi join ({repeated}) using (source_key)""",
    )
    return work.make(
        "view",
        table,
        f"""select {columns}, coalesce(n.occurrence, 1) as occurrence, {own} from {source} r
            left join {identifier(repeats)} n on n._record = r._record and n._ordinal = r._ordinal""",
    )


_LEADING = ("_ordinal", "_kind", "_record", "position", "source_key")


def _record_select(kind: Kind, record: Record) -> str:
    columns = [
        f"cast({record.targets[column.name].value if column.name in record.targets else 'null'} as {column.type}) "
        f"as {identifier(column.name)}"
        for column in record.table.columns
    ]
    c = kind.compiler
    return (
        f"select _ordinal, {kind.number}::integer as _kind, {record.index}::integer as _record, "
        f"_position as position, {record.key} as source_key, {', '.join(columns)} from {identifier(kind.relation)} "
        f"where {c.ignored} is null and {record.applies} and not {c.rejected}"
    )


def _empty(table: str) -> str:
    columns = [f"cast(null as {column.type}) as {identifier(column.name)}" for column in MAPPABLE[table].columns]
    return (
        "select 0::bigint as _ordinal, 0 as _kind, 0 as _record, '' as position, cast(null as uuid) as source_key, "
        f"{', '.join(columns)} where false"
    )
