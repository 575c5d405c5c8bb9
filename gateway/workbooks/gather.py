"""The figures of a workbook, asked of the ledger: a report for each table, with the columns that the sheets show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from gateway.books.metrics import Metric
from gateway.books.reconcile.tables import Working
from gateway.reports import exceptions, files, journal, reconciliations
from gateway.reports.metrics import Measured, measure
from gateway.workbooks.book_data import SCHEMAS, BookData, BookRun, Shown


def gather(working: Working, run: BookRun, metrics: Sequence[Metric], chart: str, posted: Sequence[str]) -> BookData:
    """Everything that the workbooks show, of a run of the reconciliations that is filled.

    chart   name of a relation with role and account_name
    posted  canonical tables whose records are posted
    """
    asked = {name: schema.names for name, schema in SCHEMAS.items()}
    con, registry = working.con, working.recon.registry
    measured = measure(con, metrics, run.as_of, working.detail)
    return BookData(
        run=replace(run, notes=(*run.notes, *(each.problem for each in measured if each.problem))),
        reconciliations=tuple(
            Shown(
                one.letter,
                one.title,
                one.sheet,
                one.answers,
                one.always_shown,
                {name: code.answers for name, code in one.codes.items() if code.answers},
            )
            for one in registry.reconciliations
        ),
        summary=reconciliations.summary(con, registry, working.detail, asked["summary"]),
        exceptions=exceptions.open_now(con, asked["exceptions"]),
        matches=reconciliations.matches(con, working.matched, asked["matches"]),
        detail=reconciliations.lines(con, working.detail, asked["detail"]),
        journal_posted=journal.lines(con, "POSTED", chart, posted, asked["journal_posted"]),
        journal_proposed=journal.lines(con, "PROPOSED", chart, posted, asked["journal_proposed"]),
        kpi=_kpi(measured),
        files=files.received(con, asked["files"]),
    )


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
