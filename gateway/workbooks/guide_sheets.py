"""What explains a workbook: the lines of its README, and LISTS with the dropdowns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pyarrow as pa

from gateway.model.resolutions import DECISIONS, KINDS, RESOLUTIONS, resolutions_of
from gateway.workbooks.book_data import BookData, BookRun
from gateway.workbooks.cells import Column, Kind
from gateway.workbooks.file import Line
from gateway.workbooks.sheet import Block, Sheet

LOSSES_SHOWN_MAX = 200

SEVERITIES = {
    1: "blocks the close",
    2: "resolve within its service level; money or stock is at stake",
    3: "resolve within its service level",
    4: "for information",
}

SIGNS = (
    ("Difference", "external − book: positive when they have more than we do, negative (in parentheses) when less."),
    ("Journal", "Debit positive, credits in parentheses wherever one column holds both."),
    ("Empty or zero", "An empty cell means that there is no figure; 0 means that the figure is zero."),
    ("Units", "Quantities in the item's base unit. Amounts in the currency of their row; never added across."),
    ("Times", "All instants are UTC; dates are the business day of the source."),
    ("Text", "An apostrophe stands before partner text that begins like a formula, so that it stays text."),
    ("Digits", "Spreadsheets keep 15 digits. A longer figure is listed below with all its digits."),
)

HOW_TO_WORK = (
    ("1. Filter", "EXCEPTIONS holds one row for each open exception, most severe and longest overdue first."),
    ("2. Look", "The link leads to the open item, or to the journal line of the same document."),
    (
        "3. Decide",
        'Run `gateway resolve EXCEPTION_ID --as RESOLUTION --comment "why"`; the first digits of the id do. '
        "The dropdown in the column resolution offers what fits the exception.",
    ),
    ("4. Or correct", "An exception also closes when a later file corrects it."),
    (
        "Amber columns",
        "For your notes: the gateway does not read them. What you save in outbound/current is kept beside the next.",
    ),
    (
        "Sorting",
        "Filtering works on the protected sheet. To sort, unprotect a copy of the workbook (Review, no password).",
    ),
)

EFFECT = (
    "Where it says so, the decision closes the exception. With any other it is kept, and the exception stays open "
    "until a person has done what it asks for: the gateway posts nothing for a decision."
)


def readme(run: BookRun, sheets: Sequence[Sheet], about: Sequence[tuple[str, str]]) -> list[Line]:
    """The README of any workbook: the run, what is on each sheet, signs; and what cells could not hold."""
    lines = [
        Line("This workbook", style="heading"),
        Line("As of", f"{run.as_of:%Y-%m-%d %H:%M} UTC"),
        Line("Queried", f"{run.created_at:%Y-%m-%d %H:%M} UTC"),
        Line("Run", run.run_id),
        Line("Entity", run.entity or "all entities"),
        Line("Home currency", run.home_currency or "several: see the rows"),
        Line("Ledger version", str(run.ledger_version)),
        *(Line("Note", note) for note in run.notes),
        *_section("How to read it", about),
        Line(),
        Line("Sheets", style="heading"),
    ]
    for sheet in sheets:
        if not sheet.hidden:
            rows = sum(block.rows for block in sheet.blocks)
            label = f"{sheet.title} ({rows:,} rows)" if len(sheet.blocks) == 1 else sheet.title
            lines.append(Line(sheet.name, label, to_sheet=sheet.name))
    return [*lines, *_section("Signs and figures", SIGNS), *_losses(sheets)]


def service_levels(data: BookData) -> list[Line]:
    """What the severities mean, and for each code in this workbook its owner and its days."""
    lines = [Line(), Line("Service levels", style="heading")]
    lines += [Line(f"Severity {n}", meaning) for n, meaning in SEVERITIES.items()]
    codes: dict[str, tuple[int, str, timedelta | None]] = {}
    wanted = data.exceptions.select(["code", "severity", "owner", "opened_at", "due_at"]).to_pylist()
    for row in wanted:
        span = row["due_at"] - row["opened_at"] if row["due_at"] and row["opened_at"] else None
        known = codes.get(row["code"])
        if known is None or (span is not None and (known[2] is None or span < known[2])):
            codes[row["code"]] = (row["severity"], row["owner"] or "", span)
    for code, (severity, owner, span) in sorted(codes.items(), key=lambda item: (item[1][0], item[0])):
        days = f"{span / timedelta(days=1):g} days to resolve" if span is not None else "no due date"
        lines.append(Line(code, f"severity {severity}, owner {owner or 'none'}, {days}"))
    return lines


def resolutions(data: BookData) -> list[Line]:
    """What each resolution means, and whether it closes, for the kinds of exception in this workbook."""
    codes = data.exceptions["code"].to_pylist()
    kinds = {
        data.shown(r or "").kind_of(c or "")
        for r, c in zip(data.exceptions["reconciliation"].to_pylist(), codes, strict=True)
    }
    lines = [Line(), Line("Resolutions", style="heading"), Line("Effect", EFFECT)]
    for resolution in RESOLUTIONS:
        if not resolution.kinds or kinds & set(resolution.kinds):
            effect = " Closes the exception." if resolution.closes else ""
            lines.append(Line(resolution.name, f"{resolution.meaning}{effect}"))
    return [*lines, Line("Others", "The sheet LISTS has the resolutions of every kind.")]


def lists_sheet() -> tuple[Sheet, dict[str, str]]:
    """LISTS, and the defined names of its dropdowns: RESOLUTIONS_<KIND> and DECISIONS."""
    lists = {kind: resolutions_of(kind) for kind in KINDS} | {"DECISIONS": DECISIONS}
    longest = max(len(values) for values in lists.values())
    columns = tuple(Column(name, Kind.TEXT, width=20) for name in lists)
    arrays = [pa.array([*values, *[None] * (longest - len(values))], pa.string()) for values in lists.values()]
    dropdowns = Block("LISTS", columns, pa.table(arrays, names=list(lists)), "What fits each kind of exception")
    meanings = pa.table(
        {
            "resolution": [r.name for r in RESOLUTIONS],
            "kinds": [", ".join(r.kinds) or "all" for r in RESOLUTIONS],
            "meaning": [r.meaning for r in RESOLUTIONS],
        }
    )
    explained = Block(
        "RESOLUTIONS",
        (Column("resolution", Kind.TEXT), Column("kinds", Kind.TEXT), Column("meaning", Kind.TEXT, width=20)),
        meanings,
        "What each resolution does",
    )
    sheet = Sheet("LISTS", "Dropdowns", [dropdowns, explained], "The gateway's own lists: not to be changed.", 0, True)
    names = {}
    for name, values in lists.items():
        letter = dropdowns.letters[name]
        cells = f"=LISTS!${letter}${dropdowns.first + 1}:${letter}${dropdowns.first + len(values)}"
        names[name if name == "DECISIONS" else f"RESOLUTIONS_{name}"] = cells
    return sheet, names


def _section(heading: str, rows: Sequence[tuple[str, str]]) -> list[Line]:
    return [Line(), Line(heading, style="heading"), *(Line(label, text) for label, text in rows)]


def _losses(sheets: Sequence[Sheet]) -> list[Line]:
    lost = [
        Line(f"{sheet.name}!{block.letters[loss.column]}{block.first + 1 + loss.row}", f"{loss.column}: {loss.what}")
        for sheet in sheets
        for block in sheet.blocks
        for loss in block.losses
    ]
    if not lost:
        return []
    more = [Line("…", f"and {len(lost) - LOSSES_SHOWN_MAX:,} more")] if len(lost) > LOSSES_SHOWN_MAX else []
    heading = [Line(), Line("Cells that could not hold the whole figure or text", style="heading")]
    return [*heading, *lost[:LOSSES_SHOWN_MAX], *more]
