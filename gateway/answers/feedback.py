"""A feedback file of one file of a partner: what the ledger holds of it, written as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from gateway.answers import feedback_files
from gateway.answers.interchange import fix
from gateway.ledger.lake import Lake
from gateway.sql import instant


def write(lake: Lake, target: Path, row: dict[str, Any]) -> None:
    """Write the feedback file of a row of `acknowledgement_sent`, as CSV or XLSX as the target's name says."""
    counts, faults = _booked(lake, row)
    if target.suffix == ".csv":
        feedback_files.write_csv(target, row["answers"], counts, faults)
    else:
        feedback_files.write_xlsx(target, row["answers"], counts, faults, row["recorded_at"])


def _booked(lake: Lake, row: dict[str, Any]) -> tuple[dict[str, int], pa.Table]:
    """(counts over all feeds, faults) of a file as its commit wrote them."""
    of_commit = f"recorded_at = {instant(row['recorded_at'])}"
    own = f"select * from lake.file where {of_commit} and sha256 = ? and partner = ?"
    given = [row["sha256"], row["partner"]]
    sums = ", ".join(f"coalesce(sum({count}), 0)::bigint" for count in feedback_files.COUNTS)
    totals = lake.con.execute(f"select {sums} from ({own})", given).fetchone()
    # An unknown item or code rejects nothing, and is ours to add.
    faults = lake.con.execute(
        f"""select "position", column_name as "column", value, message as wrong, hint as fix from lake.fault
        where {of_commit} and file_id in (select file_id from ({own}))
              and code in ('ROW_REJECT', 'CONTROL_TOTAL', 'FILE_REJECT', 'SENDER_UNKNOWN')
        order by try_cast(regexp_extract("position", '\\d+') as bigint) nulls first, "position", column_name""",
        given,
    ).to_arrow_table()
    fixes = pa.array([fix(hint or "") for hint in faults.column("fix").to_pylist()], pa.utf8())
    return dict(zip(feedback_files.COUNTS, totals or (), strict=True)), faults.set_column(4, "fix", fixes)
