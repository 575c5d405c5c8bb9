"""The journal: its lines, and what it sums to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import duckdb

from gateway.reports import files, trace
from gateway.sql import Rows, literal, rows_of, table_of

if TYPE_CHECKING:
    import pyarrow as pa


def trial_balance(con: duckdb.DuckDBPyConnection) -> Rows:
    """Sums of all lines: entity, currency, debit, credit, balance (debit − credit; zero, or an entry is broken)."""
    return list(
        rows_of(
            con,
            """select entity, currency, sum(debit) as debit, sum(credit) as credit,
                      sum(debit) - sum(credit) as balance
            from journal_line group by all order by all""",
        )
    )


def statuses(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The statuses that journal lines have now (POSTED, PROPOSED)."""
    return {status for (status,) in con.execute("select distinct status from journal_line").fetchall()}


def lines(
    con: duckdb.DuckDBPyConnection, status: str, chart: str, tables: Iterable[str], columns: Sequence[str]
) -> pa.Table:
    """The lines in a status (POSTED, PROPOSED), by date, entry and number.

    chart    name of a relation with role and account_name
    tables   canonical tables whose records are posted
    columns  some of the table `journal_line`, and account_name, source_file (name of the file behind the line),
             position (empty where several records stand behind it), records (how many do)
    """
    return table_of(
        con,
        f"""select j.* exclude (file_id), c.account_name, f.name as source_file,
                   case when l.records = 1 then p."position" end as "position", coalesce(l.records, 0) as records
        from journal_line j left join {chart} c on c.role = j.role
        left join (select entry_id, line_no, count(*) as records, min(record_id) as record_id
                   from journal_source group by all) l on l.entry_id = j.entry_id and l.line_no = j.line_no
        left join {trace.places(tables)} p on p.record_id = l.record_id
        left join {files.NAMES} f on f.file_id = coalesce(nullif(j.file_id, ''), p.file_id)
        where j.status = {literal(status)} order by j.date, j.entry_id, j.line_no""",
        columns,
    )
