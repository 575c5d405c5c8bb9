"""The documents whose lines the rows of some files are, and what their versions say of lines that they have not."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import Fault
from gateway.mapping.apply.mapped import FILE_SHIFT, ApartError, Documents, Mapped
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler.compiler import Compiler
from gateway.mapping.compiler.targets import Record
from gateway.sql import identifier

Rows = tuple[int, Compiler, str]
"""Number of a kind of row, its compiler, the relation of its rows."""


def find(work: Work, kinds: Sequence[Rows], mapped: Mapped) -> None:
    """Add the documents of the rows to `mapped`; a file with a version that replaces another one of the file is held.

    Rows that make no record count too: a version whose lines are all left out replaces the others as well. Raises
    ApartError where several of the files have versions of one document: the later one says what remains.
    """
    parts: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for number, compiler, relation in kinds:
        for record in compiler.records:
            if record.spec.document is not None:
                known_by = (record.spec.type, record.spec.document.number)
                parts.setdefault(known_by, []).append(_select(compiler, record, number, relation))
    for count, ((table, fields), selects) in enumerate(parts.items()):
        names = ", ".join(map(identifier, fields))
        relation = work.make(
            "table",
            f"documents{count}",
            f"""select {names}, _ordinal >> {FILE_SHIFT} as _file, max(_ordinal) as _ordinal,
                       arg_max(_kind, _ordinal) as _kind, arg_max(position, _ordinal) as position,
                       bool_or(replaces) as replaces, bool_or(adds) as adds, bool_or(rejected) as rejected,
                       bool_or(once) as once, bool_or(made) as made,
                       count(distinct _unit) as versions
                from ({" union all ".join(selects)}) where {identifier(fields[0])} is not null
                group by {names}, _file""",
        )
        twice = f"select 1 from {identifier(relation)} group by {names} having count(*) > 1 limit 1"
        if work.con.execute(twice).fetchone() is not None:
            raise ApartError("a later file has a version of a document of an earlier one")
        _hold(work, relation, fields, mapped)
        mapped.documents.append(Documents(table, fields, relation))


def _select(compiler: Compiler, record: Record, number: int, relation: str) -> str:
    assert record.spec.document is not None
    fields = ", ".join(
        f"cast({record.targets[name].value} as {column.type}) as {identifier(name)}"
        for name in record.spec.document.number
        if (column := record.table.column(name)) is not None
    )
    return (
        f"select _ordinal, {number}::integer as _kind, _position as position, _unit, {fields}, "
        f"{record.replaces or 'false'} as replaces, {record.adds or 'false'} as adds, "
        f"{str(record.spec.document.once).lower()} as once, {compiler.rejected} as rejected, "
        f"{compiler.used} as made "
        f"from {identifier(relation)} where {compiler.ignored} is null"
    )


def _hold(work: Work, relation: str, fields: Sequence[str], mapped: Mapped) -> None:
    """Hold files in which a version of a document replaces another one of the same file: both would count."""
    shown = ", ".join(f"cast({identifier(name)} as varchar)" for name in fields)
    for file, position, document in work.con.execute(
        f"""select _file, position, concat_ws(' ', {shown}) from {identifier(relation)}
            where replaces and versions > 1 order by _ordinal"""
    ).fetchall():
        mapped.files[file].held.append(
            Fault(
                "CONTROL_TOTAL",
                f"the file has the document {document} several times, and one version replaces the others",
                "Keep the version that holds, and drop the file again; or send each version as a file of its own.",
                position,
            )
        )
