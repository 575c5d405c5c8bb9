"""EXCEPTIONS: what a person works on, with its ages, links and dropdowns; and the two UNMATCHED sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.model.resolutions import DECISIONS
from gateway.workbooks import columns
from gateway.workbooks.book_data import BookData, BookRun
from gateway.workbooks.sheet import Block, Rule, Sheet, paged

BUCKETS = ((1, "0–1"), (3, "2–3"), (7, "4–7"), (14, "8–14"), (30, "15–30"), (60, "31–60"), (90, "61–90"))
BUCKET_BEYOND = "90+"
BUCKET_LABELS = (*(label for _, label in BUCKETS), BUCKET_BEYOND)
COMMENT_CHARS_MAX = 2_000

UNMATCHED = tuple(c for c in columns.DETAIL if not (c.made or c.name == "state"))
"""Columns of an open line: all but its state, and the differences, of which one side is missing."""

RULES = (
    *(Rule(("severity", "code"), f"{{severity}}={n}", f"severity_{n}") for n in (1, 2, 3, 4)),
    Rule(("due",), 'AND({due}<>"",{due}<AS_OF)', "overdue"),
)


def unmatched_pages(data: BookData, rows_max: int) -> tuple[list[Sheet], list[Sheet]]:
    """UNMATCHED_EXTERNAL (open, nothing in the book) and UNMATCHED_BOOK (open, nothing from outside)."""
    opened = data.detail.filter(pc.equal(data.detail["state"], "OPEN"))
    no_external = pc.and_(pc.is_null(opened["external_qty"]), pc.is_null(opened["external_amount"]))
    no_book = pc.and_(_none_or_zero(opened["book_qty"]), _none_or_zero(opened["book_amount"]))
    only_external = opened.filter(pc.and_(no_book, pc.invert(no_external)))
    only_book = opened.filter(no_external)
    return (
        _unmatched("UNMATCHED_EXTERNAL", "On their side only", only_external, rows_max),
        _unmatched("UNMATCHED_BOOK", "In our books only", only_book, rows_max),
    )


def exception_pages(data: BookData, targets: Sequence[Sheet], rows_max: int) -> list[Sheet]:
    """EXCEPTIONS, most severe and longest overdue first. `targets` are the sheets that links may lead to."""
    order = [("severity", "ascending"), ("due_at", "ascending"), ("exception_id", "ascending")]
    ordered = data.exceptions.sort_by(order)
    age = ages(ordered["opened_at"], data.run)
    kinds = [
        data.shown(r or "").kind_of(c or "")
        for r, c in zip(ordered["reconciliation"].to_pylist(), ordered["code"].to_pylist(), strict=True)
    ]
    made: dict[str, Any] = {
        "age": age,
        "bucket": buckets(age),
        "resolution_kind": pa.array(kinds, pa.string()),
        "link": pa.array(_links(ordered, targets), pa.string()),
    }
    nothing = pa.nulls(ordered.num_rows, pa.string())
    shown = columns.shown(columns.EXCEPTIONS)
    values = [nothing if c.editable else made[c.name] if c.made else ordered[c.source or c.name] for c in shown]
    table = pa.table(values, names=[c.name for c in shown])
    block = Block("EXCEPTIONS", shown, table, currency="currency", rules=RULES, validations=validations())
    note = (
        "Decide with `gateway resolve`; the amber columns are for your notes. Difference = external − book. "
        "Times are UTC. Red due dates are overdue. Prints as far as due."
    )
    return paged(Sheet("EXCEPTIONS", "Exceptions to resolve", [block], note, 4, True, print_to="due"), rows_max)


def ages(opened_at: pa.ChunkedArray, run: BookRun) -> pa.ChunkedArray:
    """Whole days from opening to the run's as-of, never negative."""
    elapsed = pc.subtract(pa.scalar(run.as_of, pa.timestamp("us", tz="UTC")), opened_at)
    days = pc.divide(elapsed.cast(pa.int64()), 86_400_000_000)
    return pc.max_element_wise(days, pa.scalar(0, pa.int64()), skip_nulls=False)


def buckets(age: pa.ChunkedArray) -> pa.ChunkedArray:
    """The ageing bucket of each age in days."""
    label: Any = pa.scalar(BUCKET_BEYOND)
    for bound, name in reversed(BUCKETS):
        label = pc.if_else(pc.less_equal(age, bound), name, label)
    return label


def validations() -> Mapping[str, Mapping[str, Any]]:
    """What the editable cells take. The resolutions follow the row's kind, so sorting does not mix them up."""
    text = {"validate": "length", "criteria": "<=", "ignore_blank": True, "error_title": "Too long"}
    return {
        "resolution": {
            "validate": "list",
            "source": '=INDIRECT("RESOLUTIONS_"&{resolution_kind})',
            "input_title": "resolution",
            "input_message": "Choose one. The sheet LISTS explains each of them.",
            "error_title": "Not a resolution of this kind",
            "error_message": "Choose from the list. The sheet LISTS shows what fits each kind of exception.",
        },
        "target_ref": text | {"value": 200, "input_message": "Order, document, SKU … that the resolution names."},
        "corrected_value": text | {"value": 200, "input_message": "The right value, status, class or disposition."},
        "reason_code": text | {"value": 60, "input_message": "Reason of an adjustment or write-off."},
        "comment": text | {"value": COMMENT_CHARS_MAX, "input_message": "Required for WRITE_OFF, DENY and IGNORE."},
        "decision": {
            "validate": "list",
            "source": list(DECISIONS),
            "input_title": "decision",
            "input_message": "Only for the approver, who must not be the person who chose the resolution.",
        },
    }


def _unmatched(name: str, title: str, table: pa.Table, rows_max: int) -> list[Sheet]:
    block = Block(name, UNMATCHED, table, currency="currency")
    return paged(Sheet(name, title, [block], "Open items without a counterpart.", 1), rows_max)


def _links(exceptions: pa.Table, targets: Sequence[Sheet]) -> list[str | None]:
    """Where each exception's detail stands, by exception_id and else by document: "SHEET!A17"."""
    by_id: dict[str, str] = {}
    by_document: dict[str, str] = {}
    for sheet in targets:
        (block,) = sheet.blocks
        for column, places in (("exception_id", by_id), ("document", by_document)):
            if column == "document" and not sheet.name.startswith("JOURNAL"):
                continue
            if column in block.letters:
                for row, key in enumerate(block.data.column(column).to_pylist(), start=block.first + 1):
                    if key:
                        places.setdefault(key, f"{sheet.name}!A{row}")
    ids, documents = exceptions["exception_id"].to_pylist(), exceptions["document"].to_pylist()
    return [by_id.get(i) or by_document.get(d or "") for i, d in zip(ids, documents, strict=True)]


def _none_or_zero(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.or_kleene(pc.is_null(values), pc.fill_null(pc.equal(values, 0), True))
