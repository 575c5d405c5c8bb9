"""The one way to write: a transaction whose every row is covered by a chained audit row."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import duckdb

from gateway.ledger.anchors import Head
from gateway.ledger.connection import transaction
from gateway.ledger.copies import Copies
from gateway.ledger.lake import Lake
from gateway.ledger.locking import retry
from gateway.model import TABLES, Table
from gateway.sql import instant_of, microseconds

Result = TypeVar("Result")
FIRST_HASH = "0" * 64


class Commit:
    """One transaction. `at` (UTC) is the instant of everything in it, later than every earlier commit's."""

    def __init__(self, lake: Lake) -> None:
        """Raises HouseError while the clock is farther off than the settings allow."""
        self._lake, self._con = lake, lake.con
        head, now = newest_head(self._con), datetime.now(UTC)
        self._seq, self._hash = (head.seq, head.hash) if head else (0, FIRST_HASH)
        last = head.at if head else None
        lake.clock.check(now, last)
        self.at = max(now, last + timedelta(microseconds=1)) if last else now
        # Verification compares the time of the snapshot with what the clock said.
        self._said: dict[str, Any] = {"clock": now.isoformat()} if self.at - now > timedelta(seconds=1) else {}
        if lake.anchors is not None and lake.anchors.names:
            self._said["anchors"] = lake.anchors.names
        self._touched: set[str] = set()
        self._copies: Copies | None = None

    @contextmanager
    def in_memory(self) -> Iterator[None]:
        """Read the small tables of the ledger once, and until the end from copies that follow each insert."""
        self._copies = Copies(self._con, self._lake.row_counts())
        try:
            yield
        except BaseException:
            # A failed transaction refuses this, and takes the copies back by itself.
            with suppress(duckdb.Error):
                self._copies.drop()
            raise
        else:
            self._copies.drop()
        finally:
            self._copies = None

    def insert(self, table: str, select: str, params: Sequence[Any] | None = None) -> int:
        """Insert the rows of a select by column name; columns that it lacks are null. Returns their number.

        Each row gets its hash and the number of the audit row that will cover it.
        Raises ValueError for a file whose rows do not add up.
        """
        spec = TABLES[table]
        offered = [name for name, *_ in self._con.execute(f"describe {select}", params).fetchall()]
        unknown = set(offered) - {column.name for column in spec.all_columns}
        if unknown:
            raise ValueError(f"{table} has no columns {sorted(unknown)}")
        row = self._con.execute(_insert_sql(spec, select, set(offered), self._seq + 1), params).fetchone()
        count = int(row[0]) if row else 0
        if count:
            self._touched.add(table)
            if self._copies is not None:
                self._copies.follow(table, count)
        if table == "file":
            self._check_counts()
        return count

    def _check_counts(self) -> None:
        broken = self._con.execute(
            """select name from lake.file
            where commit_seq = ? and received <> accepted + rejected + duplicate + ignored""",
            [self._seq + 1],
        ).fetchall()
        if broken:
            raise ValueError(f"rows of {broken[0][0]} do not add up")

    def audit(self, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None) -> None:
        """Write the audit row that covers all rows inserted since the last one."""
        self._seq += 1
        covered = {table: digest(self._con, table, self._seq) for table in sorted(self._touched)}
        text = json.dumps({**(detail or {}), **self._said, "rows": covered}, sort_keys=True, ensure_ascii=False)
        previous, self._hash = self._hash, chain(self._hash, self._seq, self.at, actor, action, subject, text)
        self._touched.clear()
        self._con.execute(
            _insert_sql(
                TABLES["audit_log"],
                """select ?::bigint as seq, ?::timestamptz as "at", ? as actor, ? as action, ? as subject,
                          ? as detail, ? as previous_hash, ? as hash""",
                {"seq", "at", "actor", "action", "subject", "detail", "previous_hash", "hash"},
                self._seq,
            ),
            [self._seq, self.at, actor, action, subject, text, previous, self._hash],
        )
        if self._copies is not None:
            self._copies.follow("audit_log", 1)

    @property
    def head(self) -> Head:
        """The newest audit row as it is now."""
        return Head(self._seq, self._hash, self.at)

    def finish(self) -> None:
        """Raise ValueError if rows were inserted that no audit row covers."""
        if self._touched:
            raise ValueError(f"no audit row covers {sorted(self._touched)}")


def run_commit(lake: Lake, work: Callable[[Commit], Result]) -> Result:
    """Do the work in one transaction; all of it again if another process was faster.

    Raises whatever the work raises, after rolling back; HouseError if the ledger stays locked.
    """

    def attempt() -> tuple[Result, Head]:
        with transaction(lake.con):
            commit = Commit(lake)
            result = work(commit)
            commit.finish()
        return result, commit.head

    with lake.lock.held():
        result, head = retry(attempt)
        if lake.anchors is not None:
            lake.anchors.note(head)
    if lake.anchors is not None:
        lake.anchors.flush()
    return result


def newest_commit(con: Any) -> datetime | None:
    """When the newest commit was made (UTC), None where there is none."""
    [at] = con.execute(f"""select {microseconds('max("at")')} from lake.audit_log""").fetchone()
    return None if at is None else instant_of(at)


def newest_head(con: Any) -> Head | None:
    """The newest audit row, None where there is none."""
    row = con.execute(
        f"""select seq, hash, {microseconds('"at"')} from lake.audit_log order by seq desc limit 1"""
    ).fetchone()
    return Head(int(row[0]), str(row[1]), instant_of(row[2])) if row else None


def row_hash(spec: Table, values: Mapping[str, str]) -> str:
    """SQL for the hash of a row: over every column of the table, in its type."""
    return f"hash({', '.join(values[column.name] for column in spec.all_columns)})"


def digest(con: Any, table: str, seq: int) -> list[Any]:
    """[number of rows, sum of their hashes as text] of what one audit row covers."""
    row = con.execute(
        f'select count(*), cast(coalesce(sum(row_hash), 0) as varchar) from lake."{table}" where commit_seq = ?',
        [seq],
    ).fetchone()
    return [int(row[0]), str(row[1])]


def chain(previous: str, seq: int, at: datetime, actor: str, action: str, subject: str, detail: str) -> str:
    """SHA-256 over the previous hash and the row."""
    parts = [previous, str(seq), at.astimezone(UTC).isoformat(), actor, action, subject, detail]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _insert_sql(spec: Table, select: str, offered: set[str], seq: int) -> str:
    casts = {column.name: f"cast({_source(column.name, offered)} as {column.type})" for column in spec.all_columns}
    listed = ", ".join(f'{sql} as "{name}"' for name, sql in casts.items())
    names = ", ".join(f'"{column.name}"' for column in spec.all_columns)
    hashed = row_hash(spec, {column.name: f'"{column.name}"' for column in spec.all_columns})
    return (
        f'insert into lake."{spec.name}" by name '
        f"select {names}, {hashed} as row_hash, {seq}::bigint as commit_seq from (select {listed} from ({select}))"
    )


def _source(name: str, offered: set[str]) -> str:
    return f'"{name}"' if name in offered else "null"
