"""The rows of one kind: read in pieces, worked out to everything that is used later, kept in temporary tables.

While a piece is worked out, the next one is read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.arrow_texts import holds
from gateway.mapping.apply import crosswalks
from gateway.mapping.apply.mapped import FILE_SHIFT, ApartError, Context
from gateway.mapping.apply.temporary_tables import HEAD, Work, joins_as_written
from gateway.mapping.apply.trim import is_blank, trimmed
from gateway.mapping.compiler import amounts, date_order
from gateway.mapping.compiler.compiler import Compiler
from gateway.mapping.compiler.fields import identifying
from gateway.mapping.compiler.sources import BINARY, NO_VALUE, Known
from gateway.mapping.compiler.stages import Stages
from gateway.prefetch import ahead
from gateway.reading import UNREADABLE, Reading
from gateway.sql import identifier

PIECE_BYTES = 256 << 20
"""Texts of a piece. Most files are one: each piece costs the planning of its queries."""

Compile = Callable[[Known], Compiler]
"""Makes the compiler, from what is known of the rows."""


class _LaterFoundError(Exception):
    """Rows that were worked out must be worked out again, because of what later ones hold."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self.known = known


def read(
    work: Work, number: int, openings: Callable[[], Mapping[int, Reading]], make: Compile, context: Context
) -> tuple[Compiler, str]:
    """(the compiler that fits the rows, the relation of all rows of the numbered kind).

    openings  opens the files once more, by their numbers: large ones are read again where what an ambiguous number
              means has to be looked for elsewhere in the file
    Raises ApartError where that would have to be looked for in several files.
    """
    files = openings()
    opened, kept = [files], list[pa.Table]()

    def pieces(columns: Collection[str]) -> Iterator[pa.Table]:
        if kept:
            return iter(kept)
        return _pieces(opened.pop() if opened else openings(), columns)

    def worked_out(known: Known) -> tuple[Compiler, str]:
        while True:
            try:
                return _work_out(work, number, pieces, kept, make, known, context)
            except _LaterFoundError as found:
                known = found.known

    compiler, relation = worked_out(Known("plain"))
    evidence = _needed(work, compiler, relation)
    if not evidence:
        return compiler, relation
    known = _decide(work, compiler, evidence, pieces(compiler.sources))
    if known == compiler.known:
        return compiler, relation
    if len(files) > 1:
        raise ApartError("other values of a file decide what its ambiguous numbers and dates mean")
    return worked_out(known)


def _needed(work: Work, compiler: Compiler, relation: str) -> list[str]:
    """Steps with the evidence that has to be looked for, because something could not be read or can be read twice."""
    found: list[str] = []
    if compiler.known.notation != "plain" and _any(work, relation, compiler.unread(compiler.auto)):
        found += compiler.auto.values()
    twice = [f"{step} = {date_order.AMBIGUOUS}" for step in compiler.two_orders]
    if compiler.dates and _any(work, relation, " or ".join([*twice, compiler.unread(compiler.dates)])):
        found += compiler.dates.values()
    return found


def _work_out(
    work: Work,
    number: int,
    pieces: Callable[[Collection[str]], Iterator[pa.Table]],
    kept: list[pa.Table],
    make: Compile,
    known: Known,
    context: Context,
) -> tuple[Compiler, str]:
    """Numbers are first read in plain notation only: the others are rare, and cost more to plan for than to read.

    kept  gets the piece if it is the only one
    """
    compiler = make(known)
    tables: list[str] = []
    filled: crosswalks.Filled = {}
    for piece in ahead(pieces(compiler.sources)):
        before = filled.copy()
        more = _with_suspects(compiler, piece)
        if more != compiler.known and tables:
            kept.clear()
            raise _LaterFoundError(more)
        compiler = compiler if more == compiler.known else make(more)
        table = _rows(work, compiler, piece, number, len(tables), filled, context)
        if compiler.known.notation == "plain" and _any(work, table, compiler.unread(compiler.numbers)):
            compiler, filled = make(replace(compiler.known, notation="any")), before
            table = _rows(work, compiler, piece, number, len(tables), filled, context)
        tables.append(table)
        kept[:] = [piece] if len(tables) == 1 else []
    if len(tables) == 1:
        return compiler, tables[0]
    return compiler, work.make(
        "view", f"_rows{number}", " union all by name ".join(f"select * from {identifier(table)}" for table in tables)
    )


def _may_be_shortened(texts: pa.Array) -> bool:
    if holds(texts, "+") and (holds(texts, "E+") or holds(texts, "e+")):
        return True
    powers = holds(texts, ".") and (holds(texts, "E") or holds(texts, "e"))
    if powers and pc.any(pc.match_substring_regex(texts, f"^(?:{BINARY})$")).as_py():
        return True
    # Most texts with a # are numbers of orders, as "#1001".
    return holds(texts, "#") and bool(pc.any(pc.match_substring_regex(texts, NO_VALUE)).as_py())


def _with_suspects(compiler: Compiler, piece: pa.Table) -> Known:
    """What is known, with the columns of a piece that have cells without a value, or shortened numbers as texts."""
    known = compiler.known
    texts = set[str]().union(*(identifying(record) for record in compiler.records)) - known.shortened
    unreadable, shortened = set(known.unreadable), set(known.shortened)
    for column in piece.column_names:
        if column in HEAD:
            continue
        chunks = piece.column(column).chunks
        if any(holds(chunk, UNREADABLE) for chunk in chunks):
            unreadable.add(column)
        if column in texts and any(_may_be_shortened(chunk) for chunk in chunks):
            shortened.add(column)
    return replace(known, unreadable=frozenset(unreadable), shortened=frozenset(shortened))


def _rows(
    work: Work,
    compiler: Compiler,
    piece: pa.Table,
    number: int,
    place: int,
    filled: crosswalks.Filled,
    context: Context,
) -> str:
    """Table of the rows of a piece with everything that is used later."""
    plan, name = compiler.plan, f"_rows{number}_{place}"
    # What is blank in all rows is blank to the planner: nothing is computed from it.
    blank = [column for column in piece.column_names if column not in HEAD and is_blank(piece.column(column))]
    raw = work.hold(f"_raw{number}", piece.drop_columns(blank))
    stages = Stages(plan, compiler.base(raw, blank))

    def keep(name: str, stage: int, head: Sequence[str] = HEAD) -> str:
        kept = plan.carried(stage, compiler.wanted())
        with joins_as_written(work.con):
            return work.make("table", name, f"select {', '.join([*head, *kept])} from {stages.reach(*kept)}")

    last = max(step.stage for step in plan.steps.values())
    for stage in range(1, last + 1):
        joins = [join for join in compiler.joins if join.stage == stage]
        if crosswalks.supply(work, stages, stage, joins, filled, context) and stage < last:
            stages = Stages(plan, identifier(keep(f"{name}_{stage}", stage)), stage)
    in_documents = any(record.spec.document is not None for record in compiler.records)
    table = keep(name, last, HEAD if in_documents else HEAD[:2])
    work.release(raw)
    return table


def _any(work: Work, relation: str, condition: str) -> bool:
    return work.con.execute(f"select 1 from {identifier(relation)} where {condition} limit 1").fetchone() is not None


def _decide(work: Work, compiler: Compiler, evidence: Sequence[str], pieces: Iterator[pa.Table]) -> Known:
    """What is known, with the decimal sign of `auto` fields that hold ambiguous numbers, where other values make it
    certain (those of the same field, else those of all such fields of the file), and the order of day and month."""
    seen = [0] * len(evidence)
    bits = ", ".join(f"coalesce(bit_or({step}), 0)" for step in evidence)
    for piece in pieces:
        raw = work.hold("_evidence", piece)
        row = work.con.execute(
            f"select {bits} from {Stages(compiler.plan, compiler.base(raw)).reach(*evidence)}"
        ).fetchone()
        work.release(raw)
        seen = [old | new for old, new in zip(seen, row or seen, strict=True)]
    found = dict(zip(evidence, seen, strict=True))
    numbers = {place: found[step] for place, step in compiler.auto.items() if step in found}
    days = {place: found[step] for place, step in compiler.dates.items() if step in found}
    records = {record.index: record for record in compiler.records}
    formats = {(index, name): records[index].targets[name].spec.formats for index, name in days}
    return replace(compiler.known, decided=amounts.decide(numbers), orders=date_order.decide(days, formats))


# --- reading ------------------------------------------------------------------------------------------


def _pieces(files: Mapping[int, Reading], columns: Collection[str]) -> Iterator[pa.Table]:
    """The readings of numbered files as one: only these of their columns, trimmed; at least one piece."""
    whole = next(iter(files.values())).schema
    schema = pa.schema([field for field in whole if field.name in columns or field.name in HEAD])
    held: list[pa.RecordBatch] = []
    size, given = 0, False
    first, *others = files.values()
    numbers = np.array(list(files))
    for batch, place in first.together(others):
        batch = _moved(trimmed(batch.select(schema.names), HEAD), numbers[place] << FILE_SHIFT)
        held.append(batch)
        size += batch.nbytes
        if size >= PIECE_BYTES:
            yield pa.Table.from_batches(held, schema)
            held, size, given = [], 0, True
    if held or not given:
        yield pa.Table.from_batches(held, schema)


def _moved(batch: pa.RecordBatch, ordinals: npt.NDArray[np.int64] | np.int64) -> pa.RecordBatch:
    if not np.any(ordinals):
        return batch
    at = batch.schema.get_field_index("_ordinal")
    moved = pc.add(batch.column(at), pa.array(ordinals) if ordinals.ndim else pa.scalar(int(ordinals), pa.int64()))
    return batch.set_column(at, batch.schema.field(at), moved)
