"""The figures of a workbook, asked of the ledger: a report for each table, with the columns that the sheets show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb
import pyarrow as pa

from gateway.books.metrics import Metric
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working
from gateway.ledger.connection import transaction
from gateway.reports import exceptions, files, journal, reconciliations
from gateway.reports.metrics import Measured, measure
from gateway.workbooks.book_data import SCHEMAS, BookData, BookRun, Shown


def gather(working: Working, run: BookRun, metrics: Sequence[Metric], chart: str, posted: Sequence[str]) -> BookData:
    """Everything that the workbooks show, of a run of the reconciliations that is filled.

    chart   name of a relation with role and account_name
    posted  canonical tables whose records are posted
    """
    measured = measure(working.con, metrics, run.as_of, working.detail)
    noted = replace(run, notes=(*run.notes, *(each.problem for each in measured if each.problem)))
    with transaction(working.con):
        return BookData(
            run=noted,
            reconciliations=tuple(map(_shown, working.recon.registry.reconciliations)),
            kpi=_kpi(measured),
            **_asked(working, chart, posted),
        )


def _asked(working: Working, chart: str, posted: Sequence[str]) -> dict[str, pa.Table]:
    asked = {name: schema.names for name, schema in SCHEMAS.items()}
    con, registry = working.con, working.recon.registry
    return {
        "summary": reconciliations.summary(con, registry, working.detail, asked["summary"]),
        "exceptions": exceptions.open_now(con, asked["exceptions"]),
        "matches": reconciliations.matches(con, working.matched, asked["matches"]),
        "detail": reconciliations.lines(con, working.detail, asked["detail"]),
        "files": files.received(con, asked["files"]),
        **_journal(con, chart, posted),
    }


def _journal(con: duckdb.DuckDBPyConnection, chart: str, posted: Sequence[str]) -> dict[str, pa.Table]:
    """The lines of each status; most ledgers have none proposed, and the query asks every table that posts."""
    present, found = journal.statuses(con), {}
    for status in ("POSTED", "PROPOSED"):
        name = f"journal_{status.lower()}"
        columns = SCHEMAS[name]
        found[name] = (
            journal.lines(con, status, chart, posted, columns.names) if status in present else columns.empty_table()
        )
    return found


def _shown(one: Reconciliation) -> Shown:
    answers = {name: code.answers for name, code in one.codes.items() if code.answers}
    return Shown(one.letter, one.title, one.sheet, one.answers, one.always_shown, answers)


def _kpi(measured: Sequence[Measured]) -> pa.Table:
    rows = [
        {
            "metric": each.metric.title,
            "value": each.value,
            "numerator": each.numerator,
            "denominator": each.denominator,
            "unit": each.metric.unit,
            "source": each.source,
            "target": each.metric.target,
            "direction": each.metric.direction,
            "owner": each.metric.owner,
            "definition": each.metric.definition,
        }
        for each in measured
    ]
    return pa.Table.from_pylist(rows, SCHEMAS["kpi"])
