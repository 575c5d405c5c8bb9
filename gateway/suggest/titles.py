"""The day of a count that stands in a title above the header: the draft reads it from there, of each file its own."""

from __future__ import annotations

import re
from dataclasses import replace

from gateway.suggest import fields, shapes
from gateway.suggest.draft import Draft, Line, Record, inline, shown
from gateway.suggest.fields import Habits
from gateway.suggest.look import Seen

FIELD, SECTION, ROWS, COLUMN = "as_of", "as of", "rows", "Title"
_DAY = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:[ T]\d{1,2}:\d{2}(?::\d{2})?)?")
_ISO = ("%Y-%m-%d", "T%H:%M", ":%S")


def dated(draft: Draft, seen: Seen, own: Habits) -> None:
    """Read the field that no column states from the only title with a date, if every title can be recognised again."""
    lacking = [record for record in draft.records if any(line.key == FIELD and line.todo for line in record.fields)]
    found = [(number, title, day) for number, _, title in seen.titles for day in _DAY.findall(title)]
    tags = [_tag(title) for _, _, title in seen.titles]
    if not lacking or len(found) != 1 or not _recognised(seen, tags):
        return
    number, title, day = found[0]
    form, doubt = fields.format_of(shapes.of([day]), own)
    if not form:
        return
    spec = {"from": f"{SECTION}/{COLUMN}", "formats": [_around(title, day, form)]}
    why = "; ".join(filter(None, [f'it stands in line {number}, above the header: "{title}"', doubt]))
    line = Line(FIELD, inline(spec), "guess" if doubt else "likely", why)
    sections: list[dict[str, object]] = [
        {"name": f"title {place}", "tag": tag, "columns": [""]} if one != title else _moment(tag)
        for place, (tag, (_, _, one)) in enumerate(zip(tags, seen.titles, strict=True), 1)
    ]
    draft.file = [_sectioned(one, sections, seen) if one.key == "header" else one for one in draft.file]
    draft.records = [_with(record, line) for record in draft.records]


def _moment(tag: str) -> dict[str, object]:
    return {"name": SECTION, "tag": tag, "columns": [COLUMN], "once": True}


def _recognised(seen: Seen, tags: list[str]) -> bool:
    """Whether each title is alone in its row and known by its beginning, as no row of data is; no gap ends the rows."""
    alone = len({number for number, _, _ in seen.titles}) == len(seen.titles) == seen.above
    first = [row[0].casefold() for part in seen.parts or (seen,) for row in part.cells] + [seen.columns[0].casefold()]
    beginnings = tuple(tag.rstrip("*").casefold() for tag in tags)
    plain = all(beginnings) and not any("*" in tag[:-1] for tag in tags) and len(set(beginnings)) == len(beginnings)
    same = all([_tag(title) for _, _, title in part.titles] == tags for part in seen.parts)
    return (
        alone
        and plain
        and same
        and not any(part.gaps for part in seen.parts or (seen,))
        and all(place == 0 for _, place, _ in seen.titles)
        and not any(cell.startswith(beginnings) for cell in first)
    )


def _tag(title: str) -> str:
    """A title without what differs from file to file: "Stand: 20.11.2026" is "Stand:*"."""
    words = re.split(r"\d", title, maxsplit=1)
    return title if len(words) == 1 else words[0].rstrip() + "*" if words[0].strip() else ""


def _around(title: str, day: str, form: str) -> str:
    """The format of the whole title."""
    if form == "iso":
        moment = "".join(_ISO[: day.count(":") + 1])
        form = moment if "T" in day else moment.replace("T", " ")
    before, after = title.split(day)
    return f"{before}{form}{after}"


def _sectioned(header: Line, sections: list[dict[str, object]], seen: Seen) -> Line:
    rows = {"name": ROWS, "header": list(seen.columns[:3])}
    return Line("section", shown([*sections, rows]), header.certainty, f"{header.why}, each of which is a section")


def _with(record: Record, line: Line) -> Record:
    changed = [line if one.key == line.key and one.todo else one for one in record.fields]
    return replace(record, fields=changed, each=ROWS)
