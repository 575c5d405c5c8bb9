"""From mapped rows to committed rows: what is new, what was there already, what replaces what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from gateway.errors import Fault
from gateway.ledger.commit import Commit
from gateway.model import MAPPABLE, Table


class Where(Protocol):
    """Of which file the rows are."""

    @property
    def file_id(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def partner(self) -> str: ...
    @property
    def prefix(self) -> str: ...


class Rows(Protocol):
    """Mapped rows: canonical table → temporary relation, and the relation of faults."""

    @property
    def tables(self) -> Mapping[str, str]: ...
    @property
    def faults(self) -> str: ...
    @property
    def ignored(self) -> Mapping[str, int]: ...
    @property
    def received(self) -> int: ...
    @property
    def rejected(self) -> int: ...


def instant(at: datetime) -> str:
    """SQL literal of an instant."""
    return f"timestamptz '{at.isoformat()}'"


class Writer:
    """Writes one file within a commit. `accepted`, `duplicate`, `restated` count its source rows."""

    def __init__(self, con: duckdb.DuckDBPyConnection, commit: Commit, where: Where, rows: Rows) -> None:
        self.con, self.commit, self.where, self.rows = con, commit, where, rows
        self.accepted = self.duplicate = self.restated = 0
        row = con.execute("select count(*) from lake.file where file_id = ?", [where.file_id]).fetchone()
        self._generation = int(row[0]) if row else 0
        self._compared = False
        self._posted: list[tuple[str, str, Sequence[str]]] = []

    def nothing(self) -> None:
        """The file is held or a test: none of its rows counts."""

    def records(self, feed: str) -> None:
        """Insert what is new or changed; find the records that a change takes back."""
        prefix = self.where.prefix
        sources = []
        for name, relation in self.rows.tables.items():
            table = MAPPABLE[name]
            compared = classify(self.con, table, relation, f"{prefix}_new_{name}")
            self._insert(table, f"{prefix}_new_{name}", feed)
            sources.append(f"select _ordinal, _kind, state from {prefix}_new_{name}_kinds")
            if name == "inventory_movement" and compared:
                self._reverse(f"{prefix}_new_{name}", feed)
            self._posted.append(self._relation(table, f"{prefix}_new_{name}", compared))
            self._compared = self._compared or compared
        if self._compared:
            self._count(" union all ".join(sources))
        else:
            self.accepted = self.rows.received - self.rows.rejected - sum(self.rows.ignored.values())

    def _count(self, sources: str) -> None:
        """A row is a duplicate if everything it makes is already there."""
        row = self.con.execute(
            f"""select count(*) filter (not fresh), count(*) filter (fresh), count(*) filter (changed)
            from (select bool_or(state <> 'same') as fresh, bool_or(state = 'changed') as changed
                  from ({sources}) group by _kind, _ordinal)"""
        ).fetchone()
        assert row is not None
        self.duplicate, self.accepted, self.restated = row

    def _record_id(self) -> str:
        # A file that is read again makes records of its own, which replace those of the first time.
        again = f" || '.{self._generation}'" if self._generation else ""
        return f"'{self.where.file_id}.' || _record || '.' || _ordinal{again}"

    def _insert(self, table: Table, new: str, feed: str) -> None:
        own = ", ".join(f'"{column.name}"' for column in table.columns)
        self.commit.insert(
            table.name,
            f"""select {self._record_id()} as record_id, '{self.where.file_id}' as file_id, '{_text(feed)}' as feed,
                       "position", source_key, occurrence, '{_text(self.where.entity)}' as entity,
                       '{_text(self.where.partner)}' as partner, {instant(self.commit.at)} as recorded_at,
                       old_id as supersedes, {own}
                from {new}""",
        )

    def _reverse(self, new: str, feed: str) -> None:
        """A changed movement: the old one is taken back by one that runs the other way."""
        others = [c.name for c in MAPPABLE["inventory_movement"].columns
                  if c.name not in ("from_location", "from_status", "to_location", "to_status", "type", "reversal_of")]  # fmt: skip
        listed = ", ".join(f'o."{name}"' for name in others)
        self.commit.insert(
            "inventory_movement",
            f"""select o.record_id || 'r' as record_id, '{self.where.file_id}' as file_id, '{_text(feed)}' as feed,
                       n."position", o.source_key, o.occurrence, o.entity, o.partner,
                       {instant(self.commit.at)} as recorded_at, {listed},
                       o.to_location as from_location, o.to_status as from_status, o.from_location as to_location,
                       o.from_status as to_status, 'REVERSAL' as type, o.record_id as reversal_of
                from {new} n join lake.inventory_movement o on o.record_id = n.old_id""",
        )

    def _relation(self, table: Table, new: str, compared: bool) -> tuple[str, str, Sequence[str]]:
        """A view for posting: new records with sign 1, those they replace with sign −1."""
        view = f"{new}_post"
        has_channel = table.column("channel") is not None
        names = [column.name for column in table.columns if column.name != "channel"]
        own = ", ".join(f'"{name}"' for name in names)
        channel = "channel" if has_channel else "cast(null as varchar) as channel"
        salt = f"'{self.where.file_id}'" if not compared else f"'{self.where.file_id}|' || {self._generation}"
        # A restatement posts what changed, under the file that said so.
        fresh = (
            f"select {self._record_id()} as record_id, 1 as sign, '{_text(self.where.entity)}' as entity, {channel}, "
            f"'{self.where.file_id}' as file_id, {salt} as salt, {own} from {new}"
        )
        old_own = ", ".join(f'o."{name}"' for name in names)
        old_channel = "o.channel" if has_channel else "cast(null as varchar) as channel"
        old = (
            f" union all select o.record_id, -1, o.entity, {old_channel}, '{self.where.file_id}', {salt}, {old_own} "
            f'from {new} n join lake."{table.name}" o on o.record_id = n.old_id'
            if compared
            else ""
        )
        self.con.execute(f"create or replace temp view {view} as {fresh}{old}")
        return table.name, view, [*names, "channel"]

    def posted_relations(self) -> Iterator[tuple[str, str, Sequence[str]]]:
        """(table, relation, columns) of everything that posting rules may take."""
        return iter(self._posted)

    def faults(self, extra: Sequence[Fault], feed: str, name: str) -> None:
        """Store the faults with the whole source rows."""
        parts = []
        if self.rows.faults:
            parts.append(
                f"""select "position", code, column_name, value, message, hint, source_row,
                           row_number() over (order by _ordinal, _record, column_name) as n from {self.rows.faults}"""
            )
        if extra:
            self.con.register("_extra", _fault_table(extra))
            parts.append("select * from _extra")
        if not parts:
            return
        key = f"'{_text(self.where.partner)}|{_text(name)}'"
        self.commit.insert(
            "fault",
            f"""select left(md5(concat_ws('|', '{self.where.file_id}', code, "position", column_name, value, message)), 20)
                       as fault_id, '{self.where.file_id}' as file_id, '{_text(feed)}' as feed,
                       '{_text(self.where.partner)}' as partner, '{_text(self.where.entity)}' as entity, "position",
                       code, column_name, value, message, hint, source_row,
                       case code when 'SKU_UNKNOWN' then '{_text(self.where.partner)}|' || value
                                 when 'UNMAPPED_LINE' then '{_text(feed)}|' || value
                                 when 'ROW_REJECT' then {key} || '|' || "position"
                                 else {key} || case when "position" = '' then '' else '|' || "position" end end
                       as business_key, {instant(self.commit.at)} as recorded_at
                from ({" union all by name ".join(parts)})""",
        )
        if extra:
            self.con.unregister("_extra")

    def file(
        self, sha256: str, size: int, name: str, partner: str, channel: str, feed: str, version: str, control: str,
        test: bool, received: int, accepted: int, rejected: int, duplicate: int, ignored: Mapping[str, int],
        total: Decimal | None, arrived_at: datetime, state: str, reason: str,
    ) -> None:  # fmt: skip
        """Write the file's row. The commit refuses counts that do not add up."""
        self.commit.insert(
            "file",
            f"""select '{self.where.file_id}' as file_id,
                       (select count(*) + 1 from lake.file where file_id = '{self.where.file_id}') as version,
                       ? as sha256, ? as bytes, ? as name, ? as partner, ? as channel, ? as feed, ? as entity,
                       ? as mapping_version, ? as control_no, ?::boolean as test_flag, ? as received, ? as accepted,
                       ? as rejected, ? as duplicate, ? as ignored, ? as ignored_by, ? as restated,
                       ?::decimal(18,4) as control_total, ?::timestamptz as arrived_at, ? as state, ? as reason,
                       {instant(self.commit.at)} as recorded_at""",
            [
                sha256, size, name, partner, channel, feed, self.where.entity, version, control, test, received,
                accepted, rejected, duplicate, sum(ignored.values()), json.dumps(dict(ignored), sort_keys=True),
                self.restated, None if total is None else str(total), arrived_at, state, reason,
            ],
        )  # fmt: skip


def classify(con: duckdb.DuckDBPyConnection, table: Table, relation: str, target: str) -> bool:
    """Compare mapped rows with the ledger: `target` gets those that are new or changed (with `old_id`).

    `<target>_kinds` says for every row whether it is new, changed or the same. The history is pruned by the
    event dates of the batch. Returns whether anything in the ledger had to be compared.
    """
    span = _overlap(con, table, relation)
    if span is None:
        con.execute(
            f"create or replace temp view {target} as select *, cast(null as varchar) as old_id from {relation}"
        )
        con.execute(
            f"""create or replace temp view {target}_kinds as
            select _ordinal, _kind, 'new' as state from {relation}"""
        )
        return False
    own = [column.name for column in table.columns]
    same = " and ".join(f'n."{name}" is not distinct from o."{name}"' for name in own)
    con.execute(
        f"""create or replace temp table {target}_all as
        select n.*, o.record_id as old_id,
               case when o.record_id is null then 'new' when {same} then 'same' else 'changed' end as state
        from {relation} n
        left join (select * from "{table.name}_current" where {span}) o
               on o.source_key = n.source_key and o.occurrence = n.occurrence"""
    )
    con.execute(
        f"create or replace temp view {target} as select * exclude (state) from {target}_all where state <> 'same'"
    )
    con.execute(f"create or replace temp view {target}_kinds as select _ordinal, _kind, state from {target}_all")
    return True


def _overlap(con: duckdb.DuckDBPyConnection, table: Table, relation: str) -> str | None:
    """A condition that prunes the table's history to what the batch could repeat, None if there is nothing.

    An event may be restated with another date, so the span is widened by 45 days on both sides.
    """
    if not table.event:
        some = con.execute(f'select 1 from lake."{table.name}" limit 1').fetchone()
        return "true" if some else None
    row = con.execute(
        f'select cast(min("{table.event}") as date) - 45, cast(max("{table.event}") as date) + 45 from {relation}'
    ).fetchone()
    if row is None or row[0] is None:
        return None
    span = f"\"{table.event}\" between date '{row[0]}' and date '{row[1]}'"
    some = con.execute(f'select 1 from lake."{table.name}" where {span} limit 1').fetchone()
    return span if some else None


def _fault_table(found: Sequence[Fault]) -> pa.Table:
    return pa.table(
        {
            "position": pa.array([f.position for f in found], pa.utf8()),
            "code": pa.array([f.code for f in found], pa.utf8()),
            "column_name": pa.array([f.column for f in found], pa.utf8()),
            "value": pa.array([f.value for f in found], pa.utf8()),
            "message": pa.array([f.message for f in found], pa.utf8()),
            "hint": pa.array([f.hint for f in found], pa.utf8()),
            "source_row": pa.array([json.dumps(dict(f.row)) if f.row else None for f in found], pa.utf8()),
            "n": pa.array(range(len(found)), pa.int64()),
        }
    )


def preview(con: duckdb.DuckDBPyConnection, where: Where, rows: Rows, extra: Sequence[Fault]) -> dict[str, Any]:
    """Counts, records and faults of mapped rows without writing them; decimals as text."""
    states, records = [], {}
    for name, relation in rows.tables.items():
        classify(con, MAPPABLE[name], relation, f"{where.prefix}_try_{name}")
        states.append(f"select * from {where.prefix}_try_{name}_kinds")
        records[name] = list(
            rows_of(con, f"select * exclude (_kind, _record, source_key) from {relation} order by _record, _ordinal")
        )
    held: Sequence[Fault] = getattr(rows, "held", ())
    duplicate = accepted = 0
    if states:
        counted = con.execute(
            f"""select count(*) filter (not fresh), count(*) filter (fresh) from (
                select bool_or(state <> 'same') as fresh from ({" union all ".join(states)}) group by _kind, _ordinal)"""
        ).fetchone()
        duplicate, accepted = counted if counted else (0, 0)
    faults = list(
        rows_of(con, f'select "position", code, message, hint, column_name, value from {rows.faults} order by _ordinal')
    )
    faults += [{"position": f.position, "code": f.code, "message": f.message, "hint": f.hint} for f in [*held, *extra]]
    received, rejected = rows.received + len(extra), rows.rejected + len(extra)
    if held:
        accepted, duplicate, rejected = 0, 0, received
    ignored = 0 if held else sum(rows.ignored.values())
    return {
        "counts": {
            "received": received, "accepted": accepted, "rejected": rejected, "duplicate": duplicate,
            "ignored": ignored,
        },
        "held": bool(held),
        "records": records,
        "faults": faults,
    }  # fmt: skip


def preview_relations(
    con: duckdb.DuckDBPyConnection, where: Where, rows: Rows
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """(table, relation, columns) for posting, of mapped rows that are not committed."""
    for name in rows.tables:
        table = MAPPABLE[name]
        new = f"{where.prefix}_try_{name}"
        names = [column.name for column in table.columns if column.name != "channel"]
        channel = "channel" if table.column("channel") is not None else "cast(null as varchar) as channel"
        listed = ", ".join(f'"{column}"' for column in names)
        con.execute(
            f"""create or replace temp view {new}_post as
            select '{where.file_id}.' || _record || '.' || _ordinal as record_id, 1 as sign,
                   '{_text(where.entity)}' as entity, {channel}, '{where.file_id}' as file_id,
                   '{where.file_id}' as salt, {listed} from {new}"""
        )
        yield name, f"{new}_post", [*names, "channel"]


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries of JSON values: decimals and instants as text."""
    for batch in con.execute(sql).to_arrow_reader(10_000):
        for row in batch.to_pylist():
            yield {key: plain(value) for key, value in row.items()}


def plain(value: Any) -> Any:
    """A JSON value: decimals as text without an exponent, instants in ISO form."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value


def _text(value: str) -> str:
    return value.replace("'", "''")
