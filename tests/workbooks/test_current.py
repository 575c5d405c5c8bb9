"""outbound/current: the newest pair under a constant name, whatever people do with it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.ledger.lake import Lake
from gateway.workbooks import current, issued_check, outdated
from tests.workbooks.test_outdated import ledger, write

__all__ = ["ledger"]


@pytest.fixture
def book(ledger: Lake, tmp_path: Path) -> Path:
    """The copy of the second of two issues."""
    for issue in write(ledger, tmp_path / "outbound", 1, 2):
        current.refresh(ledger, tmp_path / "outbound", [issue])
    return tmp_path / "outbound" / "current" / "exceptions.xlsx"


def third(ledger: Lake, book: Path) -> list[dict[str, object]]:
    """A further issue; what the log has of it."""
    with capture_logs() as logs:
        current.refresh(ledger, book.parents[1], write(ledger, book.parents[1], 3))
    return [dict(log) for log in logs]


def test_the_newest_issue_stands_under_a_constant_name(ledger: Lake, book: Path) -> None:
    assert book.read_text() == "exceptions-2026-11-02-v2.xlsx"
    assert third(ledger, book) == []
    assert book.read_text() == "exceptions-2026-11-03-v3.xlsx"
    assert list(book.parent.iterdir()) == [book]
    book.unlink()
    current.refresh(ledger, book.parents[1], [book.parents[1] / "finance" / "exceptions-2026-11-03-v3.xlsx"])
    assert book.exists(), "who removed it gets it again at the next pass"


def test_what_somebody_saved_is_kept_beside_it(ledger: Lake, book: Path) -> None:
    book.write_text("answers")
    saved = datetime(2026, 11, 18, 10, 46, 40, tzinfo=UTC).timestamp()
    os.utime(book, (saved, saved))
    assert [log["event"] for log in third(ledger, book)] == ["workbook.set_aside"]
    assert book.read_text() == "exceptions-2026-11-03-v3.xlsx"
    assert (book.parent / "exceptions-saved-2026-11-18-104640.xlsx").read_text() == "answers"


@pytest.mark.parametrize("lock", ["~$exceptions.xlsx", ".~lock.exceptions.xlsx#"])
def test_one_that_is_open_stays_until_it_is_closed(ledger: Lake, book: Path, lock: str) -> None:
    book.with_name(lock).touch()
    [logged] = third(ledger, book)
    assert (logged["event"], logged["log_level"]) == ("workbook.in_use", "warning") and lock in str(logged["error"])
    assert book.read_text() == "exceptions-2026-11-02-v2.xlsx"
    book.with_name(lock).unlink()
    third(ledger, book)
    assert book.read_text() == "exceptions-2026-11-03-v3.xlsx"


def test_a_share_that_refuses_breaks_no_pass(ledger: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbound = tmp_path / "outbound"
    issues = write(ledger, outbound, 1, 2)

    def refuse(path: Path, *_: object, **__: object) -> None:
        """As Windows does with a file that Excel has open."""
        raise PermissionError(13, "The process cannot access the file", str(path))

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Path, "replace", refuse)
        patch.setattr(Path, "unlink", lambda path, **_: None if path.suffix == ".tmp" else refuse(path))
        current.refresh(ledger, outbound, issues[1:])
        assert outdated.remove(ledger, outbound, 1) == []
    assert [log["event"] for log in logs] == ["workbook.in_use"] * 2
    assert issues[0].exists()


def test_verify_compares_the_copies_with_what_was_issued(ledger: Lake, book: Path, tmp_path: Path) -> None:
    assert issued_check.check(ledger, tmp_path) == ([], [])
    book.write_text("forged")
    (book.parent / "notes.txt").write_text("x")
    [finding], [note] = issued_check.check(ledger, tmp_path)
    assert finding.row == "current/exceptions.xlsx" and "has other bytes than were written" in finding.message
    assert "notes.txt" in note and "not of the gateway" in note
