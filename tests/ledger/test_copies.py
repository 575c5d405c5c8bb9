"""A small ledger is worked on in memory: the same rows, and nothing of it is left behind.

That whole runs end the same with and without copies, `test_places` compares.
"""

from __future__ import annotations

import pytest

from gateway.ledger import lake
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.lake import Lake
from gateway.model import TABLES
from tests.ledger.conftest import entries, post


def lines(ledger: Lake) -> tuple[int, int]:
    """Number of journal lines as a name alone gives it, and as the lake has it."""
    row = ledger.con.execute("select (select count(*) from journal_line), (select count(*) from lake.journal_line)")
    found = row.fetchone()
    assert found is not None
    return found


def copied(ledger: Lake) -> int:
    """Number of copies that there are."""
    return len(ledger.con.execute("select 1 from duckdb_tables() where database_name = 'temp'").fetchall())


@pytest.mark.parametrize("before", [0, 3, 1_500])
def test_a_copy_has_what_was_there_and_what_the_commit_inserts(opened: Lake, before: int) -> None:
    if before:
        post(opened, 1, before)

    def work(commit: Commit) -> list[tuple[int, int]]:
        seen = []
        with commit.in_memory():
            assert copied(opened) == len(TABLES)
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


def test_a_large_ledger_is_read_where_it_lies(opened: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    post(opened, 1, 3)
    monkeypatch.setattr(lake, "SMALL_ROWS", 6)

    def work(commit: Commit) -> int:
        with commit.in_memory():
            return copied(opened)

    assert run_commit(opened, work) == 0
