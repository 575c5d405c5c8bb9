"""Files that are not read: set aside with their reason, held for a mistake in their mapping, known already, opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.errors import Fault
from gateway.home import Home
from gateway.intake.arrivals import Arrival
from gateway.intake.duplicates import Known
from gateway.intake.result import FileResult
from gateway.intake.taken import Taken
from gateway.intake.translate import unread
from gateway.intake.verdict import held, refused
from gateway.intake.write import write_alone
from gateway.ledger.commit import Commit
from gateway.sql import drop_temporary, instant
from gateway.transports.transport import Drop

Job = Callable[[Commit], FileResult]
"""Writes what became of a file within a commit."""

EMPTY_INTERCHANGE = Fault(
    "FILE_REJECT", "the file holds no transaction set", "Ask the sender whether it should, and to send it again, whole."
)


def quarantine(home: Home, arrival: Arrival, faults: Sequence[Fault], units: int) -> Job:
    """Quarantine a file, or the transaction sets of it that nobody claims, with the reasons."""
    reason = "; ".join(f"{f.position}: {f.message}".removeprefix(": ") for f in faults)
    return _alone(home, Taken(arrival, None), faults, units, reason, "file.quarantined")


def hold(home: Home, file: Taken, fault: Fault) -> Job:
    """Hold a file that its feed's mapping cannot read: a mistake there stops nobody else's file."""
    return _alone(home, file, [fault], 0, fault.message, "file.held")


def _alone(home: Home, file: Taken, faults: Sequence[Fault], units: int, reason: str, action: str) -> Job:
    load = unread(home, file)
    verdict = refused(reason, units) if file.loaded is None else held(reason)

    def job(commit: Commit) -> FileResult:
        con = home.lake.con
        result = write_alone(con, commit, load, verdict, faults)
        drop_temporary(con, load.prefix)
        detail = {"file_id": result.file_id, "reason": result.reason}
        commit.audit(file.drop.via, action, file.drop.name, detail)
        return result

    return job


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


def not_touched(deaths: int) -> str:
    """Why a file stays in its place that cannot even be set aside."""
    return (
        f"the process ended {deaths} times while this file alone was taken, at last when it was only archived; "
        "move it out of its place, or have it sent again"
    )
