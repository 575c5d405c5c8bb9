"""A small ledger is worked on in memory: the same rows, and nothing of it is left behind.

That whole runs end the same with and without copies, `test_places` compares.
"""

from __future__ import annotations

import pytest

from gateway.ledger import copies
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.lake import Lake
from gateway.model import TABLES
from tests.ledger.conftest import entries, post

ALL = len(TABLES) + 1
"""With the table that says which program the ledger is of."""


def count(ledger: Lake, table: str) -> int:
    """Number of rows."""
    [row] = ledger.con.execute(f"select count(*) from {table}").fetchall()
    return int(row[0])


def lines(ledger: Lake) -> tuple[int, int]:
    """Number of journal lines as a name alone gives it, and as the lake has it."""
    return count(ledger, "journal_line"), count(ledger, "lake.journal_line")


def copied(ledger: Lake) -> int:
    """Number of copies that there are."""
    return len(
        ledger.con.execute(
            "select 1 from duckdb_tables() where database_name = 'temp' and table_name[1] <> '_'"
        ).fetchall()
    )


@pytest.mark.parametrize("before", [0, 3, 1_500])
def test_a_copy_has_what_was_there_and_what_the_commit_inserts(opened: Lake, before: int) -> None:
    if before:
        post(opened, 1, before)

    def work(commit: Commit) -> list[tuple[int, int]]:
        seen = []
        with commit.in_memory():
            assert copied(opened) == ALL
            seen.append(lines(opened))
            commit.insert("journal_line", entries(before + 1, before + 2))
            seen.append(lines(opened))
            commit.insert("journal_line", "select * exclude (row_hash, commit_seq) from journal_line where false")
        seen.append(lines(opened))
        commit.audit("tester", "posted", "entries")
        return seen

    had, have = 2 * before, 2 * (before + 2)
    assert run_commit(opened, work) == [(had, had), (have, have), (have, have)]
    assert copied(opened) == 0 and lines(opened) == (have, have)


def test_a_commit_that_fails_leaves_no_copy(opened: Lake) -> None:
    post(opened, 1, 3)

    def work(commit: Commit) -> None:
        with commit.in_memory():
            commit.insert("journal_line", entries(4, 5))
            opened.con.execute("select error('a value that nobody can work with')")

    with pytest.raises(Exception, match="nobody can work with"):
        run_commit(opened, work)
    assert copied(opened) == 0 and lines(opened) == (6, 6)
    post(opened, 4, 5)
    assert lines(opened) == (10, 10)


@pytest.mark.parametrize(("rows_max", "inserted"), [(9, 1), (10, 0)])
def test_a_large_table_is_read_where_it_lies(
    opened: Lake, monkeypatch: pytest.MonkeyPatch, rows_max: int, inserted: int
) -> None:
    post(opened, 1, 4)
    monkeypatch.setattr(copies, "ROWS_MAX", rows_max)

    def work(commit: Commit) -> tuple[int, int]:
        with commit.in_memory():
            assert copied(opened) == ALL - inserted
            commit.insert("journal_line", entries(11, 16))
            assert copied(opened) == ALL - 1
            commit.audit("tester", "posted", "entries")
            assert count(opened, "audit_log") == count(opened, "lake.audit_log") == 2
            return lines(opened)

    assert run_commit(opened, work) == (20, 20)
    assert copied(opened) == 0 and lines(opened) == (20, 20)
