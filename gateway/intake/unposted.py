"""Rows whose entries cannot be worked out, as amounts whose sum is too large for its column: they are rejected, and the
others of their file post."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import duckdb
import pyarrow as pa

from gateway.books.isolation import by_halves
from gateway.books.posting.rules import PostingRules
from gateway.home import Home
from gateway.intake.duplicates import Compared, compare
from gateway.intake.taken import Load
from gateway.intake.write import PostingError, post, versions_of
from gateway.ledger.commit import Commit
from gateway.ledger.connection import transaction
from gateway.mapping.apply.mapped import FILE_SHIFT
from gateway.sql import identifier, lay, literal

T = TypeVar("T")
HINT = "Correct the amounts of the row and send the file again."
_ROWS = pa.schema([("_kind", pa.int32()), ("_ordinal", pa.int64()), ("why", pa.utf8())])


def committed(home: Home, work: Callable[[Commit], T]) -> T:
    """Do the work in one commit, without the rows that cannot post. Raises what the work raises but for
    PostingError."""
    while True:
        try:
            return home.commit(work)
        except PostingError as error:
            reject(home.lake.con, home.rules, error)


def reject(con: duckdb.DuckDBPyConnection, rules: PostingRules, error: PostingError) -> None:
    """Reject the rows of the one file of a load that cannot post: a fault for each, and its records are gone.

    Smaller amounts are let in before larger ones. What cannot be looked at in time is rejected too.

    Raises PostingError where no row is to blame.
    """
    load = error.load
    compared = compare(con, load, versions_of(con, load.files))
    units = _units(con, compared)
    if len(load.files) > 1 or not units or _error(con, rules, load, compared, units) is not None:
        raise error
    found, undecided = by_halves(units, [units], lambda out: _error(con, rules, load, compared, out))
    _reject(
        con, load, [(*_numbers(unit), why) for unit, why in {**dict.fromkeys(undecided, error.why), **found}.items()]
    )


def _units(con: duckdb.DuckDBPyConnection, compared: Sequence[Compared]) -> list[str]:
    """The rows that are to post, those with smaller amounts first."""
    parts = []
    for one in compared:
        amounts = [identifier(c.name) for c in one.table.columns if c.type.startswith("DECIMAL")]
        size = f"greatest({', '.join(f'abs(cast({name} as double))' for name in amounts)})" if amounts else "0"
        parts.append(f"select _kind, _ordinal, coalesce({size}, 0) as size from {one.new}")
    rows = con.execute(
        f"""select _kind || '.' || _ordinal from ({" union all ".join(parts)})
        group by _kind, _ordinal order by max(size), _kind, _ordinal"""
    )
    return [unit for (unit,) in rows.fetchall()]


def _numbers(unit: str) -> tuple[int, int]:
    kind, _, ordinal = unit.partition(".")
    return int(kind), int(ordinal)


def _error(
    con: duckdb.DuckDBPyConnection, rules: PostingRules, load: Load, compared: Sequence[Compared], out: Iterable[str]
) -> str | None:
    """Why a load cannot post without these rows, None if it can."""
    left_out = f"{load.prefix}_left_out"
    try:
        with transaction(con):
            lay(con, left_out, [(*_numbers(unit), "") for unit in out], _ROWS)
            tried = [replace(one, new=_without(con, one.new, f"{one.new}_tried", left_out)) for one in compared]
            post(con, rules, load, tried, f"{load.prefix}_tried").drop()
    except PostingError as error:
        return error.why
    return None


def _without(con: duckdb.DuckDBPyConnection, relation: str, name: str, left_out: str) -> str:
    con.execute(
        f"create or replace temp view {name} as select * from {relation} anti join {left_out} using (_kind, _ordinal)"
    )
    return name


def _reject(con: duckdb.DuckDBPyConnection, load: Load, rows: Sequence[tuple[int, int, str]]) -> None:
    mapped, rejected = load.mapped, f"{load.prefix}_unposted"
    lay(con, rejected, rows, _ROWS)
    records = " union all ".join(
        f"select _kind, _ordinal, _record, position from {relation}" for relation in mapped.tables.values()
    )
    con.execute(
        f"""insert into {mapped.faults} by name
        select _ordinal >> {FILE_SHIFT} as _file, _ordinal, min(_record) as _record, min(position) as position,
               'ROW_REJECT' as code, 'the row cannot be posted: ' || min(why) as message, {literal(HINT)} as hint,
               true as rejects
        from ({records}) join {rejected} using (_kind, _ordinal) group by _kind, _ordinal order by _ordinal"""
    )
    for name, relation in mapped.tables.items():
        mapped.tables[name] = _without(con, relation, f"{load.prefix}_posting_{name}", rejected)
    for documents in mapped.documents:
        con.execute(
            f"""update {documents.relation} set rejected = true
            where _file in (select _ordinal >> {FILE_SHIFT} from {rejected})"""
        )
    mapped.files[0].rejected += len(rows)
