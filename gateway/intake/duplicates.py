"""What is there already: files whose bytes came before, and rows that are new, the same or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from gateway.intake import missing_lines, span, surplus
from gateway.intake.arrivals import Arrival
from gateway.intake.other_keys import known_by, reported_again, under_other_keys
from gateway.intake.taken import Load
from gateway.mapping.apply.mapped import FILE_SHIFT
from gateway.model import MAPPABLE, Table
from gateway.sql import identifier, lay, literal


@dataclass(frozen=True, slots=True)
class Known:
    """A file in the ledger with the same bytes from the same partner.

    number     of the arrival in its batch
    delivered  it is this very delivery: it was committed before it could be settled
    """

    number: int
    delivered: bool
    feed: str
    state: str
    file_id: str
    received: int
    name: str


_BATCH = pa.schema(
    [
        ("n", pa.int64()),
        *((name, pa.utf8()) for name in ("sha256", "partner", "name")),
        ("arrived_at", pa.timestamp("us", "UTC")),
    ]
)


def known_files(con: duckdb.DuckDBPyConnection, batch: Sequence[Arrival]) -> Iterator[Known]:
    """What the ledger holds of the bytes of a batch; bytes that were quarantined are read again."""
    rows = [(n, one.stored.sha256, one.drop.partner, one.drop.name, one.drop.arrived_at) for n, one in enumerate(batch)]
    lay(con, "_batch", rows, _BATCH)
    # The ledger's table is read once, and most often there is nothing.
    con.execute(
        """create or replace temp table _known as
        select sha256, partner, name, arrived_at, feed, state, file_id, received, version from lake.file
        where sha256 in (select sha256 from _batch)"""
    )
    found = []
    if con.execute("select 1 from _known limit 1").fetchone() is not None:
        found = con.execute(
            """with newest as (select * from _known where true
                               qualify row_number() over (partition by file_id order by version desc) = 1)
            select b.n, true as delivered, k.feed, k.state, k.file_id, k.received, k.name
            from _batch b join _known k using (sha256, partner, name, arrived_at)
            union all
            select b.n, false, s.feed, s.state, s.file_id, s.received, s.name
            from _batch b join newest s using (sha256, partner) where s.state <> 'QUARANTINED'
            order by 1, 2 desc, 3"""
        ).fetchall()
    con.execute("drop table temp.main._batch; drop table temp.main._known")
    return (Known(*row) for row in found)


@dataclass(frozen=True, slots=True)
class Compared:
    """The mapped rows of one table, compared with the ledger.

    new      relation of the rows that are new or changed, with `old_id` of the record that each replaces
    kinds    relation of `_ordinal`, `_kind`, `state` (new, same, changed) of all rows
    known    whether the ledger held anything to compare with; if not, every row is new
    surplus  relation of the records that the rows take back, as `surplus.find` says; "" for none
    """

    table: Table
    new: str
    kinds: str
    known: bool
    surplus: str = ""


def compare(con: duckdb.DuckDBPyConnection, load: Load, versions: Mapping[str, int]) -> list[Compared]:
    """Compare the rows of a load that count with the ledger.

    versions  file_id → how often the file is in the ledger already: what is read again makes records of its own,
              which replace those of the first time
    """
    if not load.posts:
        return []
    files = lay_files(con, load, versions) if len(load.files) > 1 or load.mapped.documents else ""
    return [
        _classify(con, load, MAPPABLE[name], _of_files(con, load, name, versions, files), files)
        for name in load.mapped.tables
    ]


def lay_files(con: duckdb.DuckDBPyConnection, load: Load, versions: Mapping[str, int]) -> str:
    """Name of a relation of the load's files: file (its number), file_id, name, again, posts."""
    posts = set(load.posts)
    schema = pa.schema(
        [("file", pa.int64()), ("file_id", pa.utf8()), ("name", pa.utf8()), ("again", pa.utf8()), ("posts", pa.bool_())]
    )
    rows = [
        (number, one.file_id, one.drop.name, _again(one.file_id, versions), number in posts)
        for number, one in enumerate(load.files)
    ]
    name = f"{load.prefix}_files"
    lay(con, name, rows, schema)
    return name


def _again(file_id: str, versions: Mapping[str, int]) -> str:
    version = versions.get(file_id, 0)
    return f".{version}" if version else ""


def _of_files(con: duckdb.DuckDBPyConnection, load: Load, name: str, versions: Mapping[str, int], files: str) -> str:
    """The mapped rows of a table that count, with their file's id; `files` is the relation of the files."""
    relation, view = load.mapped.tables[name], f"{load.prefix}_of_{name}"
    if len(load.files) == 1:
        file_id = load.files[0].file_id
        sql = f"select *, {literal(file_id)} as file_id, {literal(_again(file_id, versions))} as again from {relation}"
    else:
        sql = f"""select n.*, f.file_id, f.again from {relation} n
            join {files} f on f.file = n._ordinal >> {FILE_SHIFT} where f.posts"""
    con.execute(f"create or replace temp view {view} as {sql}")
    return view


def _classify(con: duckdb.DuckDBPyConnection, load: Load, table: Table, relation: str, files: str) -> Compared:
    """Compare mapped rows with the ledger, whose history is pruned to what they may state again."""
    target = f"{load.prefix}_new_{table.name}"
    history = span.compared(con, load, table, relation)
    if history is None and (known_by(load, table) or missing_lines.may_replace(con, load, table)):
        history = "false"
    if history is None:
        con.execute(
            f"create or replace temp view {target} as select *, cast(null as varchar) as old_id from {relation}"
        )
        con.execute(
            f"""create or replace temp view {target}_kinds as
            select _ordinal, _kind, 'new' as state from {relation}"""
        )
        return Compared(table, target, f"{target}_kinds", known=False)
    if table.column("reversal_of") is not None:
        # What takes an event back has its key, and is not that event.
        history += " and reversal_of is null"
    _pair(con, load, table, relation, history, f"{target}_all")
    if table.event:
        span.report_reused(con, load, table, f"{target}_all")
    counted_twice = surplus.counted_twice(con, target)
    under_other_keys(con, load, table, f"{target}_all")
    documents = missing_lines.known(con, load, table, target)
    if documents:
        missing_lines.stated_again(con, load, table, f"{target}_all")
    con.execute(
        f"""create or replace temp view {target} as
        select * exclude (state, old_day) from {target}_all where state <> 'same'"""
    )
    taken_back = _taken_back(
        con,
        f"{target}_taken_back",
        counted_twice,
        surplus.find(con, load, table, history, target),
        missing_lines.find(con, load, table, documents, files, target) if documents else "",
    )
    # A row that takes records back changes the ledger, even where its own record is there already.
    state = f"if((_ordinal, _kind) in (select _ordinal, _kind from {taken_back}), 'changed', state)"
    con.execute(
        f"""create or replace temp view {target}_kinds as
        select _ordinal, _kind, {state if taken_back else "state"} as state from {target}_all"""
    )
    return Compared(table, target, f"{target}_kinds", known=True, surplus=taken_back)


def _pair(con: duckdb.DuckDBPyConnection, load: Load, table: Table, relation: str, history: str, compared: str) -> None:
    """Make the temporary table `compared`: the rows, each with every record of the history that has its key and
    occurrence as `old_id`, the record's day as `old_day`, and `state`."""
    own = [identifier(column.name) for column in table.columns]
    same = " and ".join(f"n.{name} is not distinct from o.{name}" for name in own)
    old_day = f"cast(o.{identifier(table.event)} as date)" if table.event else "cast(null as date)"
    con.execute(
        f"""create or replace temp table {compared} as
        select n.*, o.record_id as old_id, {old_day} as old_day,
               case when {reported_again(load, table)} then 'same' when o.record_id is null then 'new' when {same}
                   then 'same' else 'changed' end as state
        from {relation} n
        left join (select * from {identifier(table.present)} where {history}) o
               on o.source_key = n.source_key and o.occurrence = n.occurrence"""
    )


def _taken_back(con: duckdb.DuckDBPyConnection, name: str, *found: str) -> str:
    """Name of a relation of all records that are taken back, each once; "" if there are none."""
    relations = [one for one in found if one]
    if len(relations) < 2:
        return "".join(relations)
    every = " union all by name ".join(f"select *, {n} as n from {one}" for n, one in enumerate(relations))
    con.execute(
        f"""create or replace temp table {name} as select * exclude (n) from ({every})
        qualify row_number() over (partition by old_id order by n) = 1"""
    )
    return name
