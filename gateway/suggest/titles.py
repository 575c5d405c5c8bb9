"""What the lines above the header say of all rows: the draft reads it from there, of each file its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.errors import FileError
from gateway.formats import above
from gateway.suggest import assign, fields, shapes
from gateway.suggest.draft import Line, Record, inline
from gateway.suggest.fields import Habits
from gateway.suggest.look import Seen
from gateway.suggest.vocabulary import Vocabulary

DAY = "as_of"
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?")
_ISO = ("%Y-%m-%d", "T%H:%M", ":%S")


def stated(record: Record, seen: Seen, words: Vocabulary, own: Habits) -> Record:
    """The record with what no column states, where a line above the header does; samples must agree on its label."""
    lacking = [line.key for line in record.fields if _lacks(line)]
    if not lacking or not seen.titles:
        return record
    found = {line.key: line for line in _named(record.type, seen, words, own) if line.key in lacking}
    if DAY in lacking and DAY not in found and (day := _dated(seen, own)):
        found[DAY] = day
    return replace(record, fields=[found.get(line.key, line) for line in record.fields])


def labelled(seen: Seen) -> dict[str, shapes.Shape]:
    """The labels above the header of a sample, each with what stands beside it."""
    found = above.offered(_rows(seen))
    return {label.removeprefix(above.PREFIX): shapes.of([text]) for label, text in found.items() if text}


def _lacks(line: Line) -> bool:
    """Whether the same value holds for all rows, and a person or the settings must say it."""
    return line.key in assign.SAME_FOR_ALL and (line.todo or line.value.startswith('{ constant = ""'))


def _named(table: str, seen: Seen, words: Vocabulary, own: Habits) -> list[Line]:
    """The fields that a label names by the words of the trade."""
    parts = [above.offered(_rows(part)) for part in seen.parts or (seen,)]
    values = {label: [part[label] for part in parts] for label in parts[0] if all(label in part for part in parts)}
    values = {label: texts for label, texts in values.items() if all(texts)}
    seen_as = {label.removeprefix(above.PREFIX): shapes.of(texts) for label, texts in values.items()}
    found = assign.best(seen_as, words, only=table) if seen_as else None
    lines = []
    for name, choice in found.choices.items() if found else ():
        column = above.PREFIX + choice.column
        if choice.score < assign.STATED_MIN or not _readable(column, seen):
            continue
        spec, doubt = fields.spec_of(table, name, column, seen_as[choice.column], own)
        if spec.get("check") == "iban" and any(" " in text for text in values[column]):
            spec = {"expr": f"replace(\"{column}\", ' ', '')", "check": "iban"}
        lines.append(Line(name, inline(spec), "guess" if doubt else "likely", _why(column, values[column][0], doubt)))
    return lines


def _dated(seen: Seen, own: Habits) -> Line | None:
    """The day of a count: the only date above the header, behind words that know it again."""
    days = [(cell, day) for _, _, cell in seen.titles for day in _DATE.findall(cell)]
    if len(days) != 1:
        return None
    [(cell, day)] = days
    form, doubt = fields.format_of(shapes.of([day]), own)
    before = cell.split(day)[0]
    label = before.rstrip(" :=")
    if label == before.rstrip():
        label = f"{label} {above.REST}" if before != label else label + above.REST
    if cell == day:  # Its label stands in a cell before it.
        label = next(
            (one.removeprefix(above.PREFIX) for one, text in above.offered(_rows(seen)).items() if text == day), ""
        )
    column = above.PREFIX + label
    if not form or not any(map(str.isalpha, label)) or any(map(str.isdigit, label)) or not _readable(column, seen):
        return None
    text = _texts(column, seen)[column]
    spec = {"from": column, "formats": [_around(text, day, form)]}
    return Line(DAY, inline(spec), "guess" if doubt else "likely", _why(column, text, doubt))


def _why(column: str, text: str, doubt: str) -> str:
    said = f'it stands above the header: "{column.removeprefix(above.PREFIX)}", "{text}"'
    return "; ".join(filter(None, [said, doubt]))


def _rows(seen: Seen) -> above.Rows:
    rows: dict[int, list[str]] = {}
    for line, place, cell in seen.titles:
        cells = rows.setdefault(line, [])
        cells += [""] * (place - len(cells)) + [cell]
    return list(rows.items())


def _texts(column: str, seen: Seen) -> Mapping[str, str]:
    return above.texts(_rows(seen), [column], {}, seen.path.name, lambda line: f"line {line}")


def _readable(column: str, seen: Seen) -> bool:
    """Whether each sample has one value there."""
    parts: Sequence[Seen] = seen.parts or (seen,)
    try:
        return all(_texts(column, part).get(column) for part in parts)
    except FileError:
        return False


def _around(text: str, day: str, form: str) -> str:
    """The format of the whole text."""
    if form == "iso":
        moment = "".join(_ISO[: day.count(":") + 1])
        form = moment if "T" in day else moment.replace("T", " ")
    before, after = text.split(day)
    return f"{before}{form}{after}"
