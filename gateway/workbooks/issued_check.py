"""Are the workbooks below outbound/ those that the ledger says were written?

People take workbooks, remove outdated ones, and save what they type into the open columns: none of it is a finding.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.ledger import departures
from gateway.ledger.departures import Departed
from gateway.ledger.lake import Lake
from gateway.ledger.verify import FINDINGS_MAX, Finding
from gateway.regular_file import sha256_of
from gateway.workbooks import CURRENT, FINANCE, OPERATIONS
from gateway.workbooks.outdated import LOCKS, OURS

_BESIDE = (*LOCKS, ".")
"""How names begin of what a spreadsheet program or a copy under way leaves beside a workbook."""
_FIX = "Fix: ask who changed it; remove it, and write it again with `gateway once`"


def check(lake: Lake, home: Path) -> tuple[list[Finding], list[str]]:
    """(findings, notes) about `outbound/finance`, `outbound/operations` and `outbound/current`; at most 50 findings."""
    written: dict[str, list[Departed]] = {}
    for file in departures.recorded(lake, departures.WORKBOOKS):
        written.setdefault(file.name, []).append(file)
    findings: list[Finding] = []
    saved, others, older = [], [], []
    first = min((file.snapshot for files in written.values() for file in files), default=None)
    there = set()
    for name, path in _lying(home / "outbound"):
        there.add(name)
        ours = OURS.fullmatch(path.name)
        issues = written.get(name) or _copied(name, written)
        if issues:
            wrong = _difference(path, issues)
            if wrong is None:
                continue
            if wrong:
                findings.append(Finding("workbook", name, wrong))
            else:
                saved.append(name)
        elif not ours:
            others.append(name)
        elif first is None or int(ours.group(2)) < first:
            older.append(name)
        else:
            findings.append(Finding("workbook", name, f"the ledger wrote no such workbook. {_FOREIGN}"))
    notes = list(_notes(written, there, saved, others, older))
    return findings[:FINDINGS_MAX], notes


_FOREIGN = (
    "Fix: ask who put it there, and remove it; after a restoration it may be of commits that were taken back: "
    "decisions in it are for exceptions that the ledger may not have"
)


_COPY = re.compile(rf"{CURRENT}/(exceptions|reconciliation)(-saved-[\d-]+)?\.xlsx")


def _copied(name: str, written: dict[str, list[Departed]]) -> list[Departed]:
    """The issues of which a file of outbound/current may be a copy."""
    found = _COPY.fullmatch(name)
    if found is None:
        return []
    return [file for issue, files in written.items() if f"/{found[1]}-" in issue for file in files]


def _lying(outbound: Path) -> Iterator[tuple[str, Path]]:
    """(name below outbound/, path) of what lies in the folders of the workbooks."""
    for folder in (FINANCE, OPERATIONS, CURRENT):
        for path in sorted((outbound / folder).glob("*")):
            if not path.name.startswith(_BESIDE) and not path.is_dir():
                yield f"{folder}/{path.name}", path


def _notes(
    written: dict[str, list[Departed]], there: set[str], saved: list[str], others: list[str], older: list[str]
) -> Iterator[str]:
    gone = sorted(written.keys() - there)
    found = sorted(name for name, files in written.items() if files[0].facts.get("found"))
    for names, what in (
        (gone, "no longer below outbound, as when it was outdated, taken, or removed by hand"),
        (saved, "saved by somebody since it was written; its locked cells are as they were issued"),
        (others, "not of the gateway: somebody put it there"),
        (older, "of before the ledger recorded what it wrote, and cannot be compared"),
        (found, "recorded as it was found: a process ended between writing and recording, or somebody put it there"),
    ):
        yield from departures.note("workbook", names, what)


def _difference(path: Path, files: list[Departed]) -> str | None:
    """What is wrong with a workbook; "" where only open cells were filled in, None where nothing changed."""
    try:
        if sha256_of(path) in {file.facts.get("sha256") for file in files}:
            return None
    except OSError as error:
        return f"cannot be read: {error.strerror}. Fix: make it readable, verify again"
    issued = {str(file.facts["issued"]) for file in files if file.facts.get("issued")}
    if not issued:
        return f"has other bytes than were written. {_FIX}"
    wrong = _locked_cells(path, issued)
    return f"{wrong}. {_FIX}" if wrong else ""


_UNREADABLE = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, StopIteration, SyntaxError),
    *(TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)
"""What the library says of a file that is no workbook any more: it has no error of its own for it."""


def _locked_cells(path: Path, issued: set[str]) -> str:
    """What of a workbook is not as it was issued, "" where every locked cell is; `issued` are hashes of the hidden
    sheet."""
    # What reads and makes workbooks takes half a second to load, and most of them are as they were written.
    import openpyxl

    from gateway.workbooks.issued_copy import META_COLUMNS, META_SHEET, digest_of, row_hash

    try:
        book = openpyxl.load_workbook(path, data_only=True, read_only=True)
        meta = _table(book, META_SHEET, META_COLUMNS[0].name)
        pages = [page for page in book.sheetnames if page.startswith("EXCEPTIONS")]
        rows = [row for page in pages for row in _table(book, page, "exception_id")]
    except _UNREADABLE as error:
        return f"has other bytes than were written, and is no workbook that can be read ({type(error).__name__})"
    if digest_of([row.get(column.name) for column in META_COLUMNS] for row in meta) not in issued:
        return "has other bytes than were written, and its hidden sheet is not as it was issued"
    locked = [str(row["value"]) for row in meta if row["kind"] == "locked"]
    there = {str(row["exception_id"]): row_hash(row, locked) for row in rows}
    expected = {str(row["key"]): row["hash"] for row in meta if row["kind"] == "exception"}
    different = sorted(key for key in expected | there if expected.get(key) != there.get(key))
    if different:
        return f"has other locked cells than were issued in {len(different)} rows, as of exception {different[0]}"
    return ""


def _table(book: Any, sheet: str, first: str) -> list[dict[str, Any]]:
    """The rows of the table whose header begins with `first`, by the names of its columns, up to an empty line."""
    cells = book[sheet].iter_rows(values_only=True)
    header = next(row for row in cells if row and row[0] == first)
    names = [name for name in header if name is not None]
    rows = []
    for row in cells:
        if all(cell is None for cell in row):
            break
        rows.append(dict(zip(names, row, strict=False)))
    return rows
