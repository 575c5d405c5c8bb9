"""Tie-outs: the figures that a file states about itself against what its rows add up to."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby

from gateway.errors import Fault
from gateway.mapping.apply.mapped import FILE_SHIFT, Mapped
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler import amounts
from gateway.mapping.compiler.compiler import Compiler, Figure
from gateway.mapping.compiler.sources import not_compiled
from gateway.mapping.compiler.targets import Record
from gateway.mapping.compiler.values import NUMBERS
from gateway.mapping.language import named_columns
from gateway.mapping.language.expressions import ExpressionError, compile_scalar, names
from gateway.mapping.language.spec import Mapping, RecordSpec, TieOut
from gateway.sql import identifier, literal

GROUPS_REPORTED_MAX = 20
"""Differences listed one by one; a last fault counts the rest."""
CELL_SHOWN = 40
"""Characters that are shown of a cell."""

_FIGURE = "DECIMAL(38,6)"
_FILE = f"_ordinal >> {FILE_SHIFT} as file"
_ROOM = amounts.room("DECIMAL(18,4)")


def type_of(mapping: Mapping, tie: TieOut) -> str:
    """The record type that a tie-out runs over."""
    return tie.record or mapping.record[0].type


def stated_type(mapping: Mapping, tie: TieOut) -> str:
    """The record type whose rows state the figure."""
    return tie.stated_by or type_of(mapping, tie)


def runs_over(mapping: Mapping, tie: TieOut, records: Sequence[RecordSpec]) -> bool:
    """Whether one of these records takes part in the tie-out."""
    return any(record.type in (type_of(mapping, tie), stated_type(mapping, tie)) for record in records)


def columns(tie: TieOut) -> list[str]:
    """Source columns that a tie-out names."""
    return [*figures(tie), *(sorted(names(tie.where)[1]) if tie.where else ())]


def figures(tie: TieOut) -> list[str]:
    """Source columns that it reads as numbers."""
    return [column for text in (tie.sum, tie.equals) if text for column in sorted(names(text)[1])]


def prepare(compiler: Compiler, mapping: Mapping) -> None:
    """Add the steps that the tie-outs read: numbers of source columns, texts of conditions."""
    specs = [record.spec for record in compiler.records]
    for tie in mapping.file.tie_out:
        if runs_over(mapping, tie, specs):
            for column in figures(tie):
                _figure(compiler, column)
            compiler.extra += [compiler.cell(column) for column in (sorted(names(tie.where)[1]) if tie.where else ())]


def _figure(compiler: Compiler, column: str) -> None:
    """A source column as a number, and its text where that is none."""
    if column not in compiler.figures:
        text, source = compiler.text(column), compiler.source(column)
        decimal = _decimal(compiler, column)
        bare = amounts.bare(text, decimal, _ROOM, amounts.PLAIN_WRITING)
        writing = amounts.Writing(bare=compiler.plan.add(source.replace("__s", "__bare"), bare))
        if decimal == "auto":
            seen = compiler.plan.add(source.replace("__s", "__o"), amounts.evidence(text, _ROOM, writing))
            compiler.auto[(-1, column)] = seen
        notation = compiler.known.decided.get((-1, column), compiler.known.notation)
        read = amounts.number(text, decimal, _ROOM, notation, writing)
        number = compiler.plan.add(source.replace("__s", "__h"), read)
        unread = compiler.plan.add(source.replace("__s", "__u"), f"case when {number} is null then {text} end")
        compiler.figures[column] = Figure(number, unread)
    compiler.extra += compiler.figures[column]


def _decimal(compiler: Compiler, column: str) -> str:
    """The decimal sign of a column: that of a field that reads it, else the one that all fields declare."""
    targets = [t for r in compiler.records for t in r.targets.values() if t.kind in NUMBERS]
    reading = {t.spec.decimal for t in targets if column in named_columns.columns_of(t.spec, {})}
    declared = reading or {t.spec.decimal for t in targets if named_columns.columns_of(t.spec, {})}
    return declared.pop() if len(declared) == 1 else "auto"


def check(work: Work, mapping: Mapping, kinds: Sequence[tuple[Compiler, str, list[int]]], mapped: Mapped) -> None:
    """Run every tie-out; a difference beyond its tolerance holds the file and is reported with both figures.

    kinds  (compiler, relation, numbers of the files) of each kind of row
    """
    for number, tie in enumerate(mapping.file.tie_out):
        made, stated = (
            [
                (compiler, relation, record)
                for compiler, relation, _ in kinds
                for record in compiler.records
                if record.spec.type == wanted
            ]
            for wanted in (type_of(mapping, tie), stated_type(mapping, tie))
        )
        if made or stated:
            files = sorted({file for _, _, files in kinds for file in files})
            parts = [_made(tie, *side) for side in made] + [_stated(tie, *side) for side in stated[:1]]
            _check_one(work, tie, parts, files, mapped, first=number == 0)


def _check_one(
    work: Work,
    tie: TieOut,
    parts: list[str],
    files: Sequence[int],
    mapped: Mapped,
    *,
    first: bool,
) -> None:
    """`parts` are the SQL of what the rows make and of what the file states."""
    if not tie.by:
        # A file without rows states nothing, and that is reported.
        parts.append(f"select unnest({list(files)}), '', 0, 0, null, 0, null")
    compared = f"""select file, "group", sum(made) as made, sum(records) as records, max(stated) as stated,
        sum(rejected) as rejected, min(unreadable) as unreadable
        from ({" union all ".join(parts)}) group by file, "group" """
    compared = work.make("table", "_tie_out", compared)
    if first:
        totals = work.con.execute(f"select file, sum(stated) from {identifier(compared)} group by file").fetchall()
        for file, total in totals:
            mapped.files[file].control_total = total
    differing = work.con.execute(
        f"""select file, "group", made, stated, rejected, unreadable from {identifier(compared)}
            where (stated is null and (records > 0 or not {bool(tie.by)})) or unreadable is not null
               or abs(made - stated) > {tie.tolerance:f}::{_FIGURE}
            order by file, "group" """
    ).fetchall()
    for file, rows in groupby(differing, key=lambda row: row[0]):
        if mapped.files[file].columns_differ:
            continue  # What its rows make is not known, and why is said already.
        shown = [_fault(tie, *row[1:]) for row in rows]
        held = mapped.files[file].held
        held += shown[:GROUPS_REPORTED_MAX]
        if len(shown) > GROUPS_REPORTED_MAX:
            rest = len(shown) - GROUPS_REPORTED_MAX
            held.append(Fault(tie.code, f"{_name(tie)}: {rest} more groups differ", _HINT))


def _group(tie: TieOut, record: Record) -> str:
    values = [f"coalesce(cast({record.targets[name].value} as varchar), '')" for name in tie.by]
    return f"concat_ws(', ', {', '.join(values)})" if values else "''"


def _expression(compiler: Compiler, record: Record, text: str, *, aggregates: bool = False) -> str:
    try:
        return compile_scalar(
            text,
            record.targets,
            (),
            field_sql=lambda name: record.targets[name].value,
            column_sql=lambda column: compiler.figures[column].number,
            aggregates=aggregates,
        )
    except ExpressionError as error:
        raise not_compiled(text, error) from error


def _made(tie: TieOut, compiler: Compiler, relation: str, record: Record) -> str:
    """What the rows make: only those that became records count."""
    counted = f"{compiler.ignored} is null and {record.applies}"
    if tie.where:
        counted += f" and ({compiler.expression(record, tie.where)})"
    good, bad = f"{counted} and not {compiler.rejected}", f"{compiler.ignored} is null and {compiler.rejected}"
    figure = f"count(*) filter ({good})"
    if tie.sum is not None:
        figure = f"coalesce(sum({_expression(compiler, record, tie.sum)}) filter ({good}), 0)"
    return f"""select {_FILE}, {_group(tie, record)} as "group", try_cast({figure} as {_FIGURE}) as made,
        count(*) filter ({good}) as records, null::{_FIGURE} as stated, count(*) filter ({bad}) as rejected,
        null::varchar as unreadable from {identifier(relation)} group by 1, 2"""


def _stated(tie: TieOut, compiler: Compiler, relation: str, record: Record) -> str:
    """What the file states: on any row, also one that an ignore rule or a condition leaves out."""
    stated = _expression(compiler, record, tie.equals, aggregates=True)
    unread = [_first_unread(compiler, column) for column in sorted(names(tie.equals)[1])]
    unreadable = f"coalesce({', '.join(unread)})" if unread else "null::varchar"
    return f"""select {_FILE}, {_group(tie, record)} as "group", 0 as made, 0 as records,
        try_cast({stated} as {_FIGURE}) as stated,
        0 as rejected, {unreadable} as unreadable from {identifier(relation)} group by 1, 2"""


def _first_unread(compiler: Compiler, column: str) -> str:
    """SQL of the first cell of a column that is no number, with its place; NULL where all are."""
    unread = compiler.figures[column].unread
    cell = f"{literal(compiler.heading(column))} || ' \"' || left({unread}, {CELL_SHOWN}) || '\" (' || _position || ')'"
    return f"arg_min({cell}, _ordinal) filter ({unread} is not null)"


_HINT = "Nothing of the file was posted. Ask the sender for a corrected file, or release it if it is right as it is."


def _name(tie: TieOut) -> str:
    """Its name, else the fields and columns that it compares: never its expressions."""
    stated = ", ".join(sorted(names(tie.equals)[1])) or "the records"
    added = ", ".join(sorted(name.lstrip("_") for name in names(tie.sum or "0")[0])) or "rows"
    return tie.name or f"{'number of records' if tie.sum is None else f'sum of {added}'} against {stated}"


def _fault(
    tie: TieOut, group: str, made: Decimal, stated: Decimal | None, rejected: int, unreadable: str | None
) -> Fault:
    what = _name(tie) + (f" for {group}" if group else "")
    also = f"; {rejected} rejected row(s) are not in it" if rejected else ""
    figures = [made] if stated is None else [made, stated, made - stated]
    shown = _alike(figures)
    rows = f"the rows make {shown[0]}{also}"
    if unreadable:
        message = f"{what}: the figure that the file states cannot be read as a number: {unreadable}; {rows}"
    elif stated is None:
        message = f"{what}: the file does not state the figure; {rows}"
    else:
        message = f"{what}: {rows}, the file states {shown[1]}, difference {shown[2]}"
    return Fault(tie.code, message, _HINT)


def _alike(figures: list[Decimal]) -> list[str]:
    """Figures with the same number of decimals: none if all are whole, else two or as many as are needed."""
    needed = max(-int(figure.normalize().as_tuple().exponent) for figure in figures)
    places = 0 if needed <= 0 else max(2, needed)
    return [f"{figure:.{places}f}" for figure in figures]
