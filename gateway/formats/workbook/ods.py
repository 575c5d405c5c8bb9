"""OpenDocument spreadsheets (.ods), streamed from their zip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gateway.formats.safe_xml import events, local
from gateway.formats.workbook.cells import COLUMNS_MAX, UNCALCULATED, Area, Blocks, Sheet, blocks, number
from gateway.formats.workbook.package import Package
from gateway.reading import ReadRequest

CONTENT = "content.xml"
MIME = b"application/vnd.oasis.opendocument.spreadsheet"
TEXT_CHARACTERS_MAX = 1 << 20
"""Of one cell: a few bytes could stand for any number of blanks."""
REPEATED_CELLS_MAX = 10_000_000
"""Values that are written once and repeated: a few bytes could stand for billions."""
_ERROR = re.compile(r"#(N/A|REF!|VALUE!|DIV/0!|NUM!|NAME\?|NULL!)|Err:[0-9]{3}")
_LINE_END = re.compile(r" *[\t\r\n][ \t\r\n]*")
_DURATION = re.compile(r"(-?)P(?:([0-9]+)D)?T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:[.,]([0-9]+))?S)?")


class Ods:
    """One document."""

    sheets: tuple[Sheet, ...]

    def __init__(self, request: ReadRequest, package: Package) -> None:
        self.request, self.package = request, package
        hidden: set[str] = set()
        sheets: list[Sheet] = []
        with package.stream(CONTENT) as source:
            tags = ("table-properties", "table", "table-row")
            for event, element in events(source, request.name, ("start", "end"), tags):
                name = local(element.tag)
                if name == "table-properties" and _get(element, "display") == "false":
                    hidden.add(_get(element.getparent(), "name"))
                elif name == "table" and event == "start" and _is_sheet(element):
                    sheets.append(Sheet(_get(element, "name"), _get(element, "style-name") not in hidden))
                elif name == "table-row" and event == "end":
                    _drop(element)
        self.sheets = tuple(sheets)

    def merged(self, sheet: int) -> list[Area]:
        """The merged cells of a sheet."""
        found: list[Area] = []
        for row, _, cells in self._rows(sheet):
            column = 1
            for cell in cells:
                right, down = _count(cell, "number-columns-spanned"), _count(cell, "number-rows-spanned")
                if right > 1 or down > 1:
                    found.append((row, column, row + down - 1, column + right - 1))
                column += _count(cell, "number-columns-repeated")
        return found

    def blocks(self, sheet: int) -> Blocks:
        """The rows of a sheet."""
        return blocks(self._cells(sheet))

    def _cells(self, sheet: int) -> Iterator[tuple[int, int, str, str]]:
        repeated = 0
        for row, times, cells in self._rows(sheet):
            found: list[tuple[int, str, str]] = []
            column = 1
            for cell in cells:
                text, wrong = _value(cell)
                count = _count(cell, "number-columns-repeated")
                if text is not None or wrong:
                    if column + count - 1 > COLUMNS_MAX:
                        raise self.package.refused("its cells go beyond the size of a sheet", position=f"row {row}")
                    found += [(place, text or "", wrong) for place in range(column, column + count)]
                column += count
            repeated += (times - 1) * len(found)
            if repeated > REPEATED_CELLS_MAX:
                raise self.package.refused(f"it repeats more than {REPEATED_CELLS_MAX} values", position=f"row {row}")
            for place in range(row, row + times) if found else ():
                yield from ((place, *one) for one in found)

    def _rows(self, sheet: int) -> Iterator[tuple[int, int, list[Any]]]:
        """(row number, how often it is repeated, its cells) of the rows of a sheet."""
        current, row = -1, 1
        with self.package.stream(CONTENT) as source:
            for event, element in events(source, self.request.name, ("start", "end"), ("table", "table-row")):
                if event == "start":
                    current += local(element.tag) == "table" and _is_sheet(element)
                    if current > sheet:
                        return
                elif local(element.tag) == "table-row":
                    if current == sheet and _in_sheet(element):
                        times = _count(element, "number-rows-repeated")
                        yield row, times, [cell for cell in element if local(cell.tag).endswith("table-cell")]
                        row += times
                    _drop(element)


def _is_sheet(table: Any) -> bool:
    return table.getparent() is not None and local(table.getparent().tag) == "spreadsheet"


def _in_sheet(row: Any) -> bool:
    """Whether the row is of a sheet itself, not of a table within a cell."""
    parent = row.getparent()
    while parent is not None and local(parent.tag) != "table":
        parent = parent.getparent()
    return parent is not None and _is_sheet(parent)


def _drop(element: Any) -> None:
    element.clear(keep_tail=False)
    while element.getprevious() is not None:
        del element.getparent()[0]


def _get(element: Any, name: str) -> str:
    """An attribute by its local name; the plain kind before LibreOffice's own (calcext)."""
    found = [(key, value) for key, value in element.attrib.items() if local(key) == name]
    return next((value for key, value in found if "calcext" not in key), found[0][1] if found else "")


def _count(element: Any, name: str) -> int:
    count = int(_get(element, name) or 1)
    if count < 1:
        raise ValueError(f"{name} is {count}")
    return count


def _value(cell: Any) -> tuple[str | None, str]:
    """(text, what is wrong with it): None for a cell without a value."""
    kind, formula = _get(cell, "value-type"), _get(cell, "formula")
    shown = _shown(cell)
    failed = any(local(key) == "value-type" and value == "error" for key, value in cell.attrib.items())
    if failed or (formula and _ERROR.fullmatch(shown)):
        return shown, f"the error {shown}"
    if not kind:
        # A formula whose result is an empty text has a paragraph without text.
        return (shown or None), UNCALCULATED if formula and not any(local(part.tag) == "p" for part in cell) else ""
    if kind == "string":
        return _get(cell, "string-value") or shown, ""
    if kind == "boolean":
        return _get(cell, "boolean-value"), ""
    if kind == "date":
        return _get(cell, "date-value").removesuffix("T00:00:00"), ""
    if kind == "time":
        return _clock(_get(cell, "time-value")), ""
    value = _get(cell, "value")
    if formula and not value:
        return shown or None, UNCALCULATED
    if value in ("0", "1") and shown in ("FALSE", "TRUE"):
        return shown.lower(), ""
    text = number(value)
    # Leading zeros are the format's; what is shown has them.
    return (shown if re.fullmatch("0[0-9]+", shown) and shown.lstrip("0") == text.lstrip("0") else text), ""


def _clock(text: str) -> str:
    found = _DURATION.fullmatch(text)
    if not found:
        return text
    sign, days, hours, minutes, seconds, fraction = found.groups()
    clock = f"{int(days or 0) * 24 + int(hours or 0):02d}:{int(minutes or 0):02d}:{int(seconds or 0):02d}"
    rest = (fraction or "").rstrip("0")
    return f"{sign}{clock}.{rest}" if rest else f"{sign}{clock}"


def _paragraph(element: Any) -> str:
    """The text of a paragraph: line ends of the document folded, the spaces, tabs and line ends that it states put in.

    Several blanks stay as they are, though the standard folds them: LibreOffice writes them so and reads them so.
    """
    texts = [_LINE_END.sub(" ", element.text or "")]
    stated = 0
    for part in element:
        name = local(part.tag)
        if name == "s":
            stated += _count(part, "c")
            if stated > TEXT_CHARACTERS_MAX:
                raise ValueError(f"a cell states more than {TEXT_CHARACTERS_MAX} blanks")
            texts.append(" " * _count(part, "c"))
        elif name in ("tab", "line-break"):
            texts.append("\t" if name == "tab" else "\n")
        elif name != "annotation":
            texts.append(_paragraph(part))
        texts.append(_LINE_END.sub(" ", part.tail or ""))
    return "".join(texts)


def _shown(cell: Any) -> str:
    """The text of a cell as it was shown, its paragraphs as lines."""
    lines: list[str] = []
    characters = 0
    for part in cell:
        if local(part.tag) == "p":
            lines.append(_paragraph(part))
            characters += len(lines[-1])
            if characters > TEXT_CHARACTERS_MAX:
                raise ValueError(f"a cell has more than {TEXT_CHARACTERS_MAX} characters")
    return "\n".join(lines)
