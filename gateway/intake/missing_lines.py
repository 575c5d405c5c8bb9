"""Lines of a document that the ledger has and a later version of the document has not.

A version that replaces the document takes them back. Of any other version that states a line again nobody knows whether
the others are gone: they go on counting, and each is reported.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from gateway.fault_codes import LINE_MISSING
from gateway.intake.taken import Load
from gateway.mapping.apply.mapped import FILE_SHIFT, Documents
from gateway.model import Table
from gateway.sql import identifier, literal

HINT = (
    "Ask the partner whether the line is gone. If it is, let them send a version that says that it replaces the "
    'document; if their versions are always whole, write `replaces = "1 = 1"` in `document` of the [[record]] and '
    "replay the file."
)
HINT_REJECTED = "Correct the rejected rows of this version, and replay the file: then the line is taken back."
HINT_FEED = "Ask the partner whether the line is gone, and resolve the exception: a feed takes its own lines back only."
HINT_UNKNOWN = (
    "If the document comes later than this version, its lines will count: ask the partner whether it stands, and let "
    "them take it back again."
)
_SHOWN = ("line_no", "document_line", "sku", "line_kind", "qty", "shipped_qty", "accepted_qty", "amount")
"""Columns that say which line it is, of those that a table has."""
_ROW = ("_ordinal", "_kind", "position", "file_id", "again")


def may_replace(con: duckdb.DuckDBPyConnection, load: Load, table: Table) -> bool:
    """Whether the rows of the table have a document that says something of lines of which it states none."""
    return any(
        con.execute(f"select 1 from {one.relation} where replaces or once limit 1").fetchone()
        for one in load.mapped.documents
        if one.table == table.name
    )


def known(con: duckdb.DuckDBPyConnection, load: Load, table: Table, target: str) -> list[Documents]:
    """The documents that rows of the table are lines of, where the ledger may hold lines of them that matter.

    A document that replaces none, and none of whose lines the ledger has, says nothing of others: most are such, and
    for them the history is not read.

    target  prefix of the relation `<target>_all`: the rows of the load with `old_id`
    """
    found = []
    for number, one in enumerate(load.mapped.documents):
        if one.table != table.name:
            continue
        relation = f"{target}_documents{number}"
        con.execute(
            f"""create or replace temp table {relation} as select d.* from {one.relation} d
            left join {_restated(one, target)} n on {_of_version(one)}
            where d.replaces or d.once or n._file is not null"""
        )
        some = Documents(one.table, one.number, relation)
        _note_unknown(con, load, table, some)
        if con.execute(f"select 1 from {relation} limit 1").fetchone() and _some(con, load, table, some):
            found.append(some)
    return found


def _note_unknown(con: duckdb.DuckDBPyConnection, load: Load, table: Table, one: Documents) -> None:
    """Report versions that leave nothing of a document of which the ledger has no line: it may come after them."""
    numbers = [identifier(name) for name in one.number]
    same = " and ".join(f"o.{name} is not distinct from d.{name}" for name in numbers)
    shown = ", ".join(f"cast({name} as varchar)" for name in numbers)
    message = f"concat_ws(' ', {shown}) || ': this version takes the document back, and the ledger has no line of it'"
    con.execute(
        f"""insert into {load.mapped.faults} by name
        select _file, _ordinal, position, 'ROW_DOUBTFUL' as code, {literal(", ".join(one.number))} as column_name,
               {message} as message, {literal(HINT_UNKNOWN)} as hint, false as rejects,
               {literal(table.name)} as record_type
        from {one.relation} d
        where replaces and not made and not rejected
          and not exists (from {identifier(table.present)} o where {_named(load, one)} and {same})
          and (_file, _ordinal, {message}) not in (select _file, _ordinal, message from {load.mapped.faults})"""
    )


def _some(con: duckdb.DuckDBPyConnection, load: Load, table: Table, one: Documents) -> bool:
    lines = f"select 1 from lake.{identifier(table.name)} where {_named(load, one)} limit 1"
    return con.execute(lines).fetchone() is not None


def _restated(one: Documents, target: str) -> str:
    """Relation as SQL: the documents of which a file states a line that the ledger has."""
    names = ", ".join(map(identifier, one.number))
    return f"(select distinct _ordinal >> {FILE_SHIFT} as _file, {names} from {target}_all where old_id is not null)"


def _of_version(one: Documents) -> str:
    """Condition that `n`, as `_restated` has it, is the version `d` of a document."""
    same = (f"n.{identifier(name)} is not distinct from d.{identifier(name)}" for name in one.number)
    return " and ".join(["n._file = d._file", *same])


def stated_again(con: duckdb.DuckDBPyConnection, load: Load, table: Table, compared: str) -> None:
    """Let rows count as changed that state a line again which a version in between did not have: by their record what
    was reported of it is settled.

    compared  temporary table of the rows with `old_id` and `state`
    """
    con.execute(
        f"""update {compared} set state = 'changed' where state = 'same' and old_id in (
            select r.record_id from lake.{identifier(table.name)} r
            join lake.fault f on f.source_key = r.source_key and f.recorded_at >= r.recorded_at
            where f.code = {literal(LINE_MISSING)} and f.feed = {literal(load.feed)}
              and f.record_type = {literal(table.name)})"""
    )


def find(
    con: duckdb.DuckDBPyConnection, load: Load, table: Table, known: Sequence[Documents], files: str, target: str
) -> str:
    """Name of a relation of the lines that are taken back, as that of `surplus.find`, "" if there are none.

    The lines that are not are added to the faults of the load.

    known   those of `known`
    files   relation of the load's files: file, file_id, again, posts
    target  prefix of the relation `<target>_all`: the rows of the load with `old_id`
    """
    con.execute(
        f"delete from {load.mapped.faults} where code = {literal(LINE_MISSING)} and record_type = {literal(table.name)}"
    )
    found = []
    for number, one in enumerate(known):
        name = f"{target}_missing{number}"
        con.execute(f"create or replace temp table {name} as {_missing(load, table, one, files, target)}")
        found.append(f"select old_id, taken_back, {', '.join(_ROW)} from {name}")
        _report(con, load, table, one, name)
    if not found:
        return ""
    con.execute(
        f"""create or replace temp table {target}_replaced as
        select old_id, {", ".join(f"arg_max({one}, _ordinal) as {one}" for one in _ROW)}
        from ({" union all ".join(found)}) where taken_back group by old_id"""
    )
    some = con.execute(f"select 1 from {target}_replaced limit 1").fetchone()
    return f"{target}_replaced" if some else ""


def _named(load: Load, documents: Documents) -> str:
    first = identifier(documents.number[0])
    return f"partner = {literal(load.partner)} and {first} in (select {first} from {documents.relation})"


def _missing(load: Load, table: Table, one: Documents, files: str, target: str) -> str:
    """SELECT of the records that are lines of these documents and that no row of the load is, with what is done."""
    same = " and ".join(f"o.{identifier(name)} is not distinct from d.{identifier(name)}" for name in one.number)
    own = " and reversal_of is null" if table.column("reversal_of") is not None else ""
    number = ", ".join(f"cast(d.{identifier(name)} as varchar)" for name in one.number)
    shown = ", ".join(
        f"{literal(name + ' ')} || cast(o.{identifier(name)} as varchar)"
        for name in _SHOWN
        if table.column(name) is not None and name not in one.number
    )
    return f"""
        select o.record_id as old_id, o.source_key, o.feed, o.file_id as old_file, o.position as old_position,
               concat_ws(', ', concat_ws(' ', {number}), {shown}) as line,
               d._file, d._ordinal, d._kind, d.position, d.replaces, d.adds, d.rejected, f.file_id, f.again,
               d.replaces and not d.rejected and o.feed = {literal(load.feed)} as taken_back,
               n._file is not null or d.once as restated
        from (select * from {identifier(table.present)} where {_named(load, one)}{own}) o
        join {one.relation} d on {same}
        join {files} f on f.file = d._file and f.posts
        left join {_restated(one, target)} n on {_of_version(one)}
        where o.record_id not in (select old_id from {target}_all where old_id is not null)"""


def _report(con: duckdb.DuckDBPyConnection, load: Load, table: Table, one: Documents, missing: str) -> None:
    con.execute(
        f"""insert into {load.mapped.faults} by name
        select _file, _ordinal, m.position, {literal(LINE_MISSING)} as code,
               {literal(", ".join(one.number))} as column_name,
               line || ': it came with ' || coalesce(f.name, m.old_file) || ' (' || m.old_position
                   || '), and this version of the document does not have it; it still counts'
                   || case when not m.replaces then '' when m.rejected
                       then ', because rows of this version are rejected'
                       else ', because the feed ' || m.feed || ' brought it' end as message,
               case when not m.replaces then {literal(HINT)} when m.rejected then {literal(HINT_REJECTED)}
                   else {literal(HINT_FEED)} end as hint,
               false as rejects, {literal(table.name)} as record_type, cast(m.source_key as varchar) as source_key
        from {missing} m left join (
            select file_id, min(name) as name from lake.file where file_id in (select old_file from {missing})
            group by file_id) f on f.file_id = m.old_file
        where not taken_back and case when m.replaces then true else m.restated and not m.adds and not m.rejected end
        order by _ordinal, m.old_position"""
    )
