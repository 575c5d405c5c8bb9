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
FEW_ROWS = 50_000
"""So many rows are worked out beside the ledger before they are inserted; more would take their room twice."""
_BESIDE = "_commit_rows"


class Commit:
    """One transaction. `at` (UTC) is the instant of everything in it, later than every earlier commit's.

    `few` says that inserts have `FEW_ROWS` rows or about so many. Then each is worked out beside the ledger, which is
    asked nothing where there are none, and nothing of them for the audit row: that takes three milliseconds a table.
    """

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
        self.few = True
        self._touched: set[str] = set()
        self._counts: dict[str, tuple[int, int]] = {}
        self._copies: Copies | None = None

    @contextmanager
    def in_memory(self) -> Iterator[None]:
        """Read the small tables of the ledger once, and until the end from copies that follow each insert."""
        self._copies = Copies(self._con, self._lake.row_counts(), self._lake.columns)
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
        count = self._insert_few(spec, select, params) if self.few else self._insert(spec, select, params)
        if count and self._copies is not None:
            self._copies.follow(table, count)
        return count

    def _insert(self, spec: Table, select: str, params: Sequence[Any] | None) -> int:
        row = self._con.execute(
            _insert_sql(spec, select, self._offered(spec, select, params), self._seq + 1), params
        ).fetchone()
        count = int(row[0]) if row else 0
        if count:
            self._touched.add(spec.name)
        if spec.name == "file":
            self._check_counts(f"(from lake.file where commit_seq = {self._seq + 1})")
        return count

    def _insert_few(self, spec: Table, select: str, params: Sequence[Any] | None) -> int:
        self._con.execute(f"create or replace temp table {_BESIDE} as {select}", params)
        beside = f"from {_BESIDE}"
        rows = _rows_sql(spec, beside, self._offered(spec, beside, None))
        count, total = _counted(self._con, f"({rows})")
        if not count:
            return 0
        if spec.name == "file":
            self._check_counts(f"({rows})")
        self._con.execute(f"{_INTO.format(spec.name)} select *, {self._seq + 1}::bigint as commit_seq from ({rows})")
        before = self._counts.get(spec.name, (0, 0))
        self._counts[spec.name] = before[0] + count, before[1] + total
        return count

    def _offered(self, spec: Table, select: str, params: Sequence[Any] | None) -> set[str]:
        """The columns of a select. Raises ValueError for those that the table does not have."""
        offered = {name for name, *_ in self._con.execute(f"describe {select}", params).fetchall()}
        unknown = offered - {column.name for column in spec.all_columns}
        if unknown:
            raise ValueError(f"{spec.name} has no columns {sorted(unknown)}")
        return offered

    def _check_counts(self, files: str) -> None:
        broken = self._con.execute(
            f"select name from {files} where received <> accepted + rejected + duplicate + ignored"
        ).fetchall()
        if broken:
            raise ValueError(f"rows of {broken[0][0]} do not add up")

    def audit(self, actor: str, action: str, subject: str, detail: Mapping[str, Any] | None = None) -> None:
        """Write the audit row that covers all rows inserted since the last one."""
        self._seq += 1
        covered = {table: self._digest(table) for table in sorted({*self._touched, *self._counts})}
        text = json.dumps({**(detail or {}), **self._said, "rows": covered}, sort_keys=True, ensure_ascii=False)
        previous, self._hash = self._hash, chain(self._hash, self._seq, self.at, actor, action, subject, text)
        self._touched.clear()
        self._counts.clear()
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

    def _digest(self, table: str) -> list[Any]:
        if table not in self._touched:
            count, total = self._counts[table]
            return [count, str(total)]
        copied = self._copies is not None and table in self._copies.tables
        return digest(self._con, table, self._seq, "temp" if copied else "lake")

    @property
    def head(self) -> Head:
        """The newest audit row as it is now."""
        return Head(self._seq, self._hash, self.at)

    def finish(self) -> None:
        """Raise ValueError if rows were inserted that no audit row covers."""
        if uncovered := {*self._touched, *self._counts}:
            raise ValueError(f"no audit row covers {sorted(uncovered)}")
        self._con.execute(f"drop table if exists temp.{_BESIDE}")


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


def digest(con: Any, table: str, seq: int, catalog: str = "lake") -> list[Any]:
    """[number of rows, sum of their hashes as text] of what one audit row covers."""
    count, total = _counted(con, f'(from {catalog}."{table}" where commit_seq = {seq})')
    return [count, str(total)]


def _counted(con: Any, rows: str) -> tuple[int, int]:
    """(number of rows, sum of their hashes)."""
    row = con.execute(f"select count(*), coalesce(sum(row_hash), 0) from {rows}").fetchone()
    return int(row[0]), int(row[1])


def chain(previous: str, seq: int, at: datetime, actor: str, action: str, subject: str, detail: str) -> str:
    """SHA-256 over the previous hash and the row."""
    parts = [previous, str(seq), at.astimezone(UTC).isoformat(), actor, action, subject, detail]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


_INTO = 'insert into lake."{}" by name'


def _insert_sql(spec: Table, select: str, offered: set[str], seq: int) -> str:
    return f"{_INTO.format(spec.name)} select *, {seq}::bigint as commit_seq from ({_rows_sql(spec, select, offered)})"


def _rows_sql(spec: Table, select: str, offered: set[str]) -> str:
    """SELECT of whole rows with their hashes, given a select of some of the columns."""
    casts = {column.name: f"cast({_source(column.name, offered)} as {column.type})" for column in spec.all_columns}
    listed = ", ".join(f'{sql} as "{name}"' for name, sql in casts.items())
    hashed = row_hash(spec, {column.name: f'"{column.name}"' for column in spec.all_columns})
    return f"select *, {hashed} as row_hash from (select {listed} from ({select}))"


def _source(name: str, offered: set[str]) -> str:
    return f'"{name}"' if name in offered else "null"
