"""A set of an interchange (X12, EDIFACT) as a table: its loops are rows, the elements of its segments are columns.

What a column is called comes from the standards: X12 data elements by segment and place, EDIFACT data elements by the
qualifier in front of them (1225 of DTM, RFF, QTY, MOA, PRI, NAD). What is not listed has the name of its place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from gateway import formats
from gateway.formats.edi.interchange import stretches
from gateway.reading import ReadRequest, Unit
from gateway.settings import Limits
from gateway.suggest import shapes
from gateway.suggest.draft import Draft, Line, quoted
from gateway.suggest.look import ROWS_KEPT, Seen
from gateway.suggest.shapes import Shape

SEGMENTS_MAX = 20_000
"""So many segments of a file are looked at."""
CANDIDATES = 6
"""So many kinds of rows are compared."""
NUMBERED_MAX = 99
"""A path names so many elements of a segment, and components of an element."""
VALUES_MIN = 2
"""A row has so many values at least."""
_ENVELOPE = frozenset(("ISA", "GS", "ST", "SE", "GE", "IEA", "UNA", "UNB", "UNG", "UNH", "UNT", "UNE", "UNZ", "UNS"))
_QUALIFIED = {
    "x12": ("N1", "N9", "REF", "DTM", "QTY", "AMT", "PER", "G62", "CUR", "L11", "MAN", "PID", "ZA"),
    "edifact": ("DTM", "RFF", "QTY", "MOA", "PRI", "NAD", "LOC", "CUX", "IMD", "FTX", "GIN", "ALC", "TAX", "PIA"),
}
"""Segments whose first element says what they are about."""
_OF_SEGMENT = {
    "x12": (
        "BEG/03 order number; BEG/05 order date; BCH/03 order number; BCH/06 order date; BIG/01 invoice date; "
        "BIG/02 invoice number; BIG/04 purchase order number; BSN/02 shipment number; BSN/03 shipment date; "
        "BIA/03 report number; BIA/04 stock date; XQ/02 date; G50/02 order date; "
        "G50/03 order number; PRF/01 purchase order number; "
        "PO1/01 line number; PO1/02 ordered quantity; PO1/04 unit price; PO1/07 item number; POC/01 line number; "
        "IT1/01 line number; IT1/02 invoiced quantity; IT1/04 unit price; IT1/07 item number; LIN/01 line number; "
        "LIN/03 item number; SN1/02 shipped quantity; ZA[QS]/02 quantity sold; ZA[QA]/02 on hand quantity; "
        "ZA[QP]/02 quantity on order; G68/01 ordered quantity; G68/03 unit price; "
        "G68/06 item number; N1[WH]/04 warehouse; DTM[011]/02 ship date; DTM[050]/02 received date; "
        "TD5/03 carrier; CUR[BY]/02 currency; CUR[SE]/02 currency; CTP/03 unit price"
    ),
    "edifact": (
        "BGM/02 document number; LIN/01 line number; LIN/03 item number; DTM[137]/01-2 date; DTM[4]/01-2 order date; "
        "DTM[2]/01-2 requested delivery date; DTM[64]/01-2 requested delivery date; DTM[11]/01-2 ship date; "
        "DTM[50]/01-2 received date; DTM[35]/01-2 delivery date; RFF[ON]/01-2 order number; "
        "RFF[DQ]/01-2 delivery note number; RFF[IV]/01-2 invoice number; QTY[21]/01-2 ordered quantity; "
        "QTY[12]/01-2 shipped quantity; QTY[48]/01-2 received quantity; QTY[47]/01-2 invoiced quantity; "
        "QTY[145]/01-2 on hand quantity; QTY[17]/01-2 on hand quantity; QTY[113]/01-2 ordered quantity; "
        "QTY[153]/01-2 quantity sold; PRI[AAA]/01-2 unit price; MOA[203]/01-2 line amount; CUX[2]/01-2 currency; "
        "NAD[SU]/02 supplier; NAD[WH]/02 warehouse; LOC[11]/02 warehouse; LOC[18]/02 warehouse"
    ),
}
_NAMES = {name: dict(one.strip().split(" ", 1) for one in text.split(";")) for name, text in _OF_SEGMENT.items()}

Segment = list[list[str]]
"""The id, then each element as its components."""


def see(path: Path, name: str, kind: str, limits: Limits, score: Callable[[Seen], float]) -> Seen | None:
    """The rows of the sets of one kind that score best, None where nothing in them repeats or has values.

    name  their format: x12 or edifact
    """
    module: Any = formats.named(name)
    found = list(_sets(path, module, kind, limits))
    units = module.units(ReadRequest(path, path.name, limits)).units
    wanted = frozenset(unit.ordinal for unit in units if unit.kind == kind)
    tables = [_seen(path, name, module, row, found, wanted, limits) for row in _rows(found)]
    return max((table for table in tables if table.cells), key=score, default=None)


def _sets(path: Path, module: Any, kind: str, limits: Limits) -> Iterator[list[Segment]]:
    """The segments of each set of that kind, without its envelope. Raises FileError."""
    current: list[Segment] | None = None
    for segment in _segments(path, module, limits):
        tag = segment[0][0]
        if tag in ("ST", "UNH"):
            current = [] if kind in (segment[1][0], *segment[2][:1]) else None
        elif tag in ("SE", "UNT") and current:
            yield current
            current = None
        elif current is not None and tag not in _ENVELOPE:
            current.append(segment)


def _segments(path: Path, module: Any, limits: Limits) -> Iterator[Segment]:
    count = 0
    for stretch in stretches(ReadRequest(path, path.name, limits), module.SYNTAX):
        table = stretch.table
        separator = chr(table.delimiters.component)
        for index in range(len(table)):
            elements = [table.cells(np.array([index]), n)[0] or "" for n in range(1, int(table.elements[index]) + 1)]
            yield [[table.id(index)], *(element.split(separator) for element in elements)]
            count += 1
            if count == SEGMENTS_MAX:
                return


# --- rows -----------------------------------------------------------------------------------------------


def _rows(sets: Sequence[list[Segment]]) -> list[str]:
    """Ids of the segments that may begin a row: those that repeat without a qualifier, the widest loops first; else the
    first segment of the set."""
    counts = [Counter(segment[0][0] for segment in one) for one in sets]
    qualified = {*_QUALIFIED["x12"], *_QUALIFIED["edifact"]}
    repeated = {tag for count in counts for tag, number in count.items() if number > 1} - qualified
    starters = repeated or {one[0][0][0] for one in sets}
    return sorted(starters, key=lambda tag: (-len(_loop(sets, tag)), tag))[:CANDIDATES]


def _loop(sets: Sequence[list[Segment]], tag: str) -> set[str]:
    """Ids of the segments that stand between two that begin a row."""
    found: set[str] = set()
    for one in sets:
        places = [n for n, segment in enumerate(one) if segment[0][0] == tag]
        found |= {one[n][0][0] for begin, end in pairwise(places) for n in range(begin, end)}
    return found


# --- columns --------------------------------------------------------------------------------------------


def _seen(
    path: Path,
    name: str,
    module: Any,
    row: str,
    sets: Sequence[list[Segment]],
    units: frozenset[int],
    limits: Limits,
) -> Seen:
    """The sets as rows that begin with that segment, read as a mapping would read them."""
    columns = tuple(dict.fromkeys(column for one in sets for segment in one for column in _columns(name, segment)))
    reading = module.read(ReadRequest(path, path.name, limits, {}, row, columns, units))
    cells: list[list[str]] = []
    for batch in reading:
        part = batch.select(list(columns)).slice(0, ROWS_KEPT - len(cells)).to_pylist()
        cells += [[(found[column] or "").strip() for column in columns] for found in part]
        if len(cells) >= ROWS_KEPT:
            break
    filled = [n for n in range(len(columns)) if any(line[n] for line in cells)]
    kept = tuple(columns[n] for n in filled)
    cells = [[line[n] for n in filled] for line in cells] if len(kept) >= VALUES_MIN else []
    labels = _labels(name, kept)
    seen = Seen((path,), name, {}, 0, 0, kept, cells, [], labels=labels, each=row)
    seen.shapes.update({column: _shape(labels[column], seen.values(column)) for column in kept})
    return seen


def _shape(label: str, values: Sequence[str]) -> Shape:
    """What the values look like; a date without separators looks like a number, and its name says what it is."""
    if label.endswith("date") and all(re.fullmatch("[0-9]{8}", value) for value in values if value):
        found = shapes.of([f"{value[:4]}-{value[4:6]}-{value[6:]}" if value else "" for value in values])
        return replace(found, formats=("ymd",)) if found.kind == "date" else found
    return shapes.of(values)


def _columns(name: str, segment: Segment) -> Iterator[str]:
    """The path of each element of a segment that has a value; of a qualified one behind its qualifier."""
    tag, first = segment[0][0], segment[1][0] if len(segment) > 1 else ""
    qualified = tag in _QUALIFIED[name] and first.isalnum()
    step = f"{tag}[{first}]" if qualified else tag
    for place, parts in enumerate(segment[1:NUMBERED_MAX], start=1):
        for number, part in enumerate(parts[:NUMBERED_MAX], start=1):
            if part.strip() and not (qualified and (place, number) == (1, 1)):
                whole = number == 1 and (name == "edifact" or len(parts) == 1)
                yield f"{step}/{place:02}" if whole else f"{step}/{place:02}-{number}"


def _labels(name: str, columns: Sequence[str]) -> Mapping[str, str]:
    """What each column is called; of several with one name the first has it."""
    known, taken = _NAMES[name], set[str]()
    labels: dict[str, str] = {}
    for column in columns:
        label = known.get(column, column)
        labels[column] = column if label in taken else label
        taken.add(label)
    return labels


def draft(seen: Seen, kind: str, units: Sequence[Unit], found: Draft) -> Draft:
    """The draft for a set that was drafted as a table: nothing is sure, and the sets are claimed by their kind."""
    of_kind = [unit for unit in units if unit.kind == kind]
    senders = sorted({unit.sender for unit in of_kind})
    lines = [Line("format", quoted(seen.format), "sure", "the content shows it")]
    lines.append(Line("transaction", quoted(kind), "sure", "the sets of the sample are of that kind"))
    if len(senders) == 1:
        lines.append(Line("sender", quoted(senders[0]), "sure", "the envelope names it"))
    ties = [line for line in found.file if line.key == "tie_out"]
    notes = [*found.notes, f"No pack reads {kind}: look every field up in what the partner says of it."]
    records = [
        replace(record, certainty="guess", fields=list(map(_less_sure, record.fields))) for record in found.records
    ]
    return replace(found, file=[*lines, *ties], notes=notes, records=records)


def _less_sure(line: Line) -> Line:
    return replace(line, certainty="likely") if line.certainty == "sure" else line
