"""Files that are not read: set aside with their reason, held for a mistake in their mapping, known already, opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from gateway.errors import Fault
from gateway.home import Home
from gateway.intake import mapping_texts
from gateway.intake.arrivals import Arrival
from gateway.intake.duplicates import Known
from gateway.intake.result import FileResult
from gateway.intake.taken import Load, Taken
from gateway.intake.translate import unread
from gateway.intake.verdict import Verdict, first_fix, held, refused
from gateway.intake.write import fault_table, file_row, insert_faults, insert_files, result_of, versions_of
from gateway.ledger.commit import Commit
from gateway.sql import instant
from gateway.transports.transport import Drop

Job = Callable[[Commit], FileResult]
"""Writes what became of a file within a commit."""

AUDIT_CHARS_MAX = 200
"""So much of a reason stands in the audit row; all of it stands in the row of the file."""
EMPTY_INTERCHANGE = Fault(
    "FILE_REJECT", "the file holds no transaction set", "Ask the sender whether it should, and to send it again, whole."
)


@dataclass(frozen=True, slots=True)
class Aside:
    """A file of which no row is read, or the parts of it that nobody claims, and why.

    action  of the audit row
    """

    file: Taken
    faults: Sequence[Fault]
    verdict: Verdict
    action: str


def quarantine(arrival: Arrival, faults: Sequence[Fault], units: int) -> Aside:
    """Quarantine a file, or the transaction sets of it that nobody claims, with the reasons."""
    reason = "; ".join(f"{f.position}: {f.message}".removeprefix(": ") for f in faults)
    return Aside(Taken(arrival, None), faults, refused(reason, units, first_fix(faults)), "file.quarantined")


def hold(file: Taken, fault: Fault) -> Aside:
    """Hold a file that its feed's mapping cannot read: a mistake there stops nobody else's file."""
    return Aside(file, [fault], held(fault.message, fault.hint), "file.held")


def put(home: Home, commit: Commit, files: Sequence[Aside]) -> list[FileResult]:
    """Write files that were set aside: together, as one costs as much as a thousand. The results are in their order."""
    results: dict[int, FileResult] = {}
    groups: dict[tuple[str, str], list[int]] = {}
    for number, one in enumerate(files):
        groups.setdefault((one.file.drop.via, one.action), []).append(number)
    for (via, action), numbers in groups.items():
        written = _write(home, commit, [files[number] for number in numbers])
        results.update(zip(numbers, written, strict=True))
        subject = written[0].name if len(written) == 1 else f"{len(written)} files"
        listed = [{"file_id": r.file_id, "name": r.name, "reason": r.reason[:AUDIT_CHARS_MAX]} for r in written]
        texts = mapping_texts.hashes(files[number].file.loaded for number in numbers)
        commit.audit(via, action, subject, {"files": listed, "mapping_texts": texts})
    return [results[number] for number in range(len(files))]


def _write(home: Home, commit: Commit, files: Sequence[Aside]) -> list[FileResult]:
    con = home.lake.con
    loads = [unread(home, one.file) for one in files]
    versions = versions_of(con, [one.file for one in files])
    faults = [(number, fault) for number, one in enumerate(files) for fault in (*one.faults, *one.file.broken)]
    if faults:
        con.register("_aside_faults", fault_table(faults))
        con.register("_aside_files", pa.Table.from_pylist([_place(n, load) for n, load in enumerate(loads)]))
        insert_faults(commit, "select * from _aside_faults", "_aside_files")
        con.unregister("_aside_faults")
        con.unregister("_aside_files")
    rows = []
    for load, one in zip(loads, files, strict=True):
        rows.append(file_row(load, 0, one.verdict, versions))
        # The same bytes may come twice in a batch.
        versions[one.file.file_id] = versions.get(one.file.file_id, 0) + 1
    insert_files(con, commit, rows)
    return [result_of(one.file, one.verdict) for one in files]


def _place(number: int, load: Load) -> dict[str, object]:
    [file] = load.files
    return {
        "file": number,
        "file_id": file.file_id,
        "name": file.drop.name,
        "feed": load.feed,
        "partner": load.partner,
        "entity": load.entity,
    }


def duplicate(drop: Drop, known: Known) -> Job:
    """Note that the bytes of a file came once more."""
    reason = f"same bytes as {known.name}"

    def job(commit: Commit) -> FileResult:
        commit.insert(
            "file",
            f"""select * exclude (row_hash, commit_seq) replace (
                       ? as name, ?::timestamptz as arrived_at, 'DUPLICATE' as state, ? as reason,
                       version + 1 as version, received as duplicate, 0 as accepted, 0 as rejected, 0 as ignored,
                       0 as restated, {instant(commit.at)} as recorded_at)
                from file_state where file_id = ?""",
            [drop.name, drop.arrived_at, reason, known.file_id],
        )
        commit.audit(drop.via, "file.duplicate", drop.name, {"file_id": known.file_id, "feed": known.feed})
        return FileResult(
            drop.name,
            drop.partner,
            known.feed,
            "DUPLICATE",
            known.received,
            duplicate=known.received,
            reason=reason,
            file_id=known.file_id,
        )

    return job


def opened(drop: Drop, file_id: str) -> Job:
    """Note that a container, set aside before, is open now."""

    def job(commit: Commit) -> FileResult:
        reason = "opened; the files in it are taken by themselves"
        commit.insert(
            "file",
            f"""select * exclude (row_hash, commit_seq) replace (
                       'RELEASED' as state, ? as reason, version + 1 as version,
                       {instant(commit.at)} as recorded_at)
                from file_state where file_id = ?""",
            [reason, file_id],
        )
        commit.audit(drop.via, "file.opened", drop.name, {"file_id": file_id})
        return FileResult(drop.name, drop.partner, "", "RELEASED", reason=reason, file_id=file_id)

    return job


def deadly(deaths: int) -> Fault:
    """Why a file is not read that ended the process so often."""
    return Fault(
        "FILE_REJECT",
        f"the process ended {deaths} times while this file alone was read",
        "Look for the cause: the system's log shows whether the process ran out of memory. Give it more "
        "(`limits.memory_mb_max`, `MemoryMax` of the service), then `gateway replay` the file.",
    )


def too_large_for_the_database(memory_mb_max: int) -> Fault:
    """Why a file is not taken whose rows the database has no memory for, though it was taken alone."""
    return Fault(
        "FILE_REJECT",
        f"the database ran out of memory over its rows (limits.memory_mb_max is {memory_mb_max} MB)",
        "Look at the file and its mapping. To read it, raise `memory_mb_max` under [limits] or make room on the disk "
        "of the ledger, then `gateway replay` it.",
    )


def poisoned(why: str) -> Fault:
    """Why a file is not taken with whose values the ledger or the program cannot work."""
    return Fault(
        "FILE_REJECT",
        f"a value of the file cannot be worked with: {why}",
        (
            "Correct the value and send the file again, or `gateway replay` it with a newer version; the log has the "
            "details."
        ),
    )


def not_touched(deaths: int) -> str:
    """Why a file stays in its place that cannot even be set aside."""
    return (
        f"the process ended {deaths} times while this file alone was taken, at last when it was only archived; "
        "move it out of its place, or have it sent again"
    )
