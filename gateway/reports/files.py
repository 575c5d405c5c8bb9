"""What became of the files that partners delivered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from gateway.sql import Rows, instant, rows_of, table_of

if TYPE_CHECKING:
    import pyarrow as pa

NAMES = "(select file_id, min(name) as name from file group by file_id)"
"""Relation as SQL: file_id, name. The name under which a file was delivered, the first one where there are several."""


def by_state(con: duckdb.DuckDBPyConnection) -> Rows:
    """Files in each state they are in now: state, files (count), rows (sum of received)."""
    return list(
        rows_of(
            con,
            "select state, count(*) as files, sum(received) as rows from file_state group by state order by state",
        )
    )


def pending(con: duckdb.DuckDBPyConnection) -> Rows:
    """Files that wait for a person, by partner and name: file_id, state (HELD, QUARANTINED), partner, name, reason,
    fix.

    fix  that of the first of its faults that the reason names, or else what can be done with such a file
    """
    return list(
        rows_of(
            con,
            """with waits as (
                select file_id, state, partner, name, reason from file_state where state in ('HELD', 'QUARANTINED')),
            hints as (
                select file_id, min_by(hint, (code, "position")) as hint from fault join waits using (file_id)
                where hint <> '' and contains(reason, message) group by file_id)
            select waits.*, coalesce(hint, 'Have it sent again, or correct the mapping and `gateway replay ' || file_id
                    || '`' || case state when 'HELD' then ', or post it as it is: `gateway release ' || file_id || '`'
                    else '' end || '.') as fix
            from waits left join hints using (file_id) order by partner, name""",
        )
    )


def states_since(con: duckdb.DuckDBPyConnection, since: datetime) -> Rows:
    """Files that came, or whose state changed, since an instant: file_id, state, partner, name, feed and the counts.

    Those that are not simply accepted come first, then the newest.
    """
    return list(
        rows_of(
            con,
            f"""select file_id, state, partner, name, feed, received, accepted, rejected, duplicate, ignored
            from file_state where recorded_at >= {instant(since)}
            order by state = 'ACCEPTED' and rejected = 0, recorded_at desc, partner, name""",
        )
    )


def by_partner(con: duckdb.DuckDBPyConnection, since: datetime) -> Rows:
    """What each partner's deliveries became since an instant: partner, files, rows, accepted, rejected, duplicate."""
    return list(
        rows_of(
            con,
            f"""select partner, count(*) as files, sum(received) as "rows", sum(accepted) as accepted,
                       sum(rejected) as rejected, sum(duplicate) as duplicate
            from file where recorded_at >= {instant(since)} group by partner order by partner""",
        )
    )


def received(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> pa.Table:
    """Every delivery as it was counted, by arrival; `columns` are some of the table `file`."""
    return table_of(con, "select * from file order by arrived_at, partner, name, version", columns)
