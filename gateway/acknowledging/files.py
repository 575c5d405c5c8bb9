"""After the commit: what was composed is written to outbound/<partner>/, each file whole and once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from gateway.atomic import write_atomically
from gateway.errors import GatewayError
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.lake import Lake
from gateway.ledger.staging import instant
from gateway.outbound.acknowledgements import feedback
from gateway.outbound.acknowledgements.contract import mend


def write(lake: Lake, outbound: Path) -> list[Path]:
    """Write everything that was composed and not written yet, of earlier passes too. Returns the paths.

    A file that stands there already was written before a crash, whole: it stays as it is. Raises GatewayError if one
    cannot be written; those before it are noted as written.
    """
    waiting = lake.con.execute(
        """select acknowledgement_id, partner, kind, name, sha256, answers, content, recorded_at
        from lake.acknowledgement_sent where state = 'COMPOSED' and acknowledgement_id not in (
            select acknowledgement_id from lake.acknowledgement_sent where state = 'WRITTEN')
        order by partner, series, control_no"""
    ).to_arrow_table()
    written: list[Path] = []
    done: list[str] = []
    try:
        for row in waiting.to_pylist():
            target = outbound / row["partner"] / row["name"]
            if not target.exists():
                _write(lake, target, row)
            written.append(target)
            done.append(row["acknowledgement_id"])
    except OSError as error:
        raise GatewayError("write", str(target), "Check disk space and permissions.", str(error.strerror)) from error
    finally:
        if done:
            run_commit(lake, lambda commit: _note(lake, commit, done))
    return written


def _write(lake: Lake, target: Path, row: dict[str, Any]) -> None:
    if row["kind"] != "FEEDBACK":
        # EDIFACT is in the characters of UNOC at most, X12 in ASCII.
        write_atomically(target, row["content"].encode("latin-1"))
        return
    counts, faults = _booked(lake, row)
    if target.suffix == ".csv":
        feedback.write_csv(target, row["answers"], counts, faults)
    else:
        feedback.write_xlsx(target, row["answers"], counts, faults, row["recorded_at"])


def _booked(lake: Lake, row: dict[str, Any]) -> tuple[dict[str, int], pa.Table]:
    """(counts over all feeds, faults) of a file as its commit wrote them."""
    of_commit = f"recorded_at = {instant(row['recorded_at'])}"
    own = f"select * from lake.file where {of_commit} and sha256 = ? and partner = ?"
    given = [row["sha256"], row["partner"]]
    sums = ", ".join(f"coalesce(sum({count}), 0)::bigint" for count in feedback.COUNTS)
    told = lake.con.execute(f"select {sums} from ({own})", given).fetchone()
    # An unknown item or code rejects nothing, and is ours to add.
    faults = lake.con.execute(
        f"""select "position", column_name as "column", value, message as wrong, hint as mend from lake.fault
        where {of_commit} and file_id in (select file_id from ({own}))
              and code in ('ROW_REJECT', 'CONTROL_TOTAL', 'FILE_REJECT', 'SENDER_UNKNOWN')
        order by try_cast(regexp_extract("position", '\\d+') as bigint) nulls first, "position", column_name""",
        given,
    ).to_arrow_table()
    mends = pa.array([mend(hint or "") for hint in faults.column("mend").to_pylist()], pa.utf8())
    return dict(zip(feedback.COUNTS, told or (), strict=True)), faults.set_column(4, "mend", mends)


def _note(lake: Lake, commit: Commit, ids: Sequence[str]) -> None:
    lake.con.register("_written", pa.table({"acknowledgement_id": list(ids)}))
    commit.insert(
        "acknowledgement_sent",
        f"""select * exclude (row_hash, commit_seq) replace (
                   'WRITTEN' as state, cast(null as varchar) as content, {instant(commit.at)} as recorded_at)
            from lake.acknowledgement_sent semi join _written using (acknowledgement_id) where state = 'COMPOSED'""",
    )
    commit.audit("gateway", "acknowledgement.written", f"{len(ids)} acknowledgements", {"ids": list(ids)})
    lake.con.unregister("_written")
