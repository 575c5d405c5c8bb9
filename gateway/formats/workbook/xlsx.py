"""Office Open XML workbooks (.xlsx, .xlsm), streamed from their zip.

Rows as almost every program writes them are taken apart by one regular expression; a sheet in another
notation goes through the XML parser from its beginning, which is slower and gives the same cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import FileError
from gateway.formats.safe_xml import emptied, local
from gateway.formats.workbook.cells import (
    BLOCK_CELLS,
    COLUMNS_MAX,
    ROWS_MAX,
    UNCALCULATED,
    Area,
    Block,
    Blocks,
    Formatter,
    Sheet,
    Wrong,
    address,
    block,
    column_number,
    format_code,
    formatter,
    numbers,
    replaced,
)
from gateway.formats.workbook.package import Package
from gateway.reading import ReadRequest

CHUNK_BYTES = 4 << 20
ROW_BYTES_MAX = 64 << 20
BLOCK_BYTES_MAX = 256 << 20
"""Of the shared texts that the cells of one chunk name: each can be named any number of times."""
NUMBER, SHARED, TEXT, BOOLEAN, ERROR, DATE, UNKNOWN = range(7)
_TYPES = {"": NUMBER, "n": NUMBER, "s": SHARED, "str": TEXT, "inlineStr": TEXT, "b": BOOLEAN, "e": ERROR, "d": DATE}
# Behind "<c ": column letters, row, style, type, whether there is a formula, and the value or the inline text.
_CELL = (
    r'^r="(?P<column>[A-Z]{1,3})(?P<row>[0-9]{1,7})"(?: s="(?P<style>[0-9]{1,6})")?(?: t="(?P<type>[a-zA-Z]{1,9})")?'
    r"(?:/>|>(?P<formula><f(?:[^>]*/>|[^>]*>[^<]*</f>))?"
    r"(?:<v(?: [^>]*)?>(?P<value>[^<]*)</v>|<v/>|<is><t(?: [^>]*)?>(?P<inline>[^<]*)</t></is>|<is/>)?</c>)"
)
_FIELDS = ("column", "row", "style", "type", "formula", "value", "inline")
_STRING = re.compile(rb"<si><t(?: [^>]*)?>([^<]*)</t></si>")
Cells = dict[str, pa.Array]
"""What `_FIELDS` names, as text and escaped as in the document, of the cells of whole rows."""


class Xlsx:
    """One workbook."""

    sheets: tuple[Sheet, ...]

    def __init__(self, request: ReadRequest, package: Package) -> None:
        self.request, self.package = request, package
        book = next(iter(package.targets("", "officeDocument").values()), "xl/workbook.xml")
        related = package.targets(book, "worksheet")
        sheets: list[Sheet] = []
        self.sheet_parts: list[str] = []
        self.since_1904 = False
        for element in package.elements(book):
            name = local(element.tag)
            if name == "workbookPr":
                self.since_1904 = element.get("date1904") in ("1", "true")
            elif name == "sheet":
                key = next((value for key, value in element.attrib.items() if local(key) == "id"), "")
                if key in related:
                    sheets.append(Sheet(element.get("name", ""), element.get("state", "visible") == "visible"))
                    self.sheet_parts.append(related[key])
        self.sheets = tuple(sheets)
        self.formats = self._formats(package.targets(book, "styles").values())
        self.strings = self._strings(package.targets(book, "sharedStrings").values())

    def _formats(self, parts: Iterable[str]) -> list[Formatter | None]:
        """What the format of each cell style makes of a number."""
        custom: dict[int, str] = {}
        styles: list[int] = []
        for element in (element for part in parts if self.package.has(part) for element in self.package.elements(part)):
            name = local(element.tag)
            if name == "numFmts":
                custom = {int(one.get("numFmtId", "")): one.get("formatCode", "") for one in element}
            elif name == "cellXfs":
                styles = [int(style.get("numFmtId", 0)) for style in element]
        known = {style: formatter(format_code(style, custom), self.since_1904) for style in set(styles)}
        return [known[style] for style in styles]

    def _strings(self, parts: Iterable[str]) -> pa.Array:
        for part in parts:
            if self.package.has(part):
                found = self._plain_strings(part)
                if found is None:
                    with self.package.stream(part) as stream:
                        found = pa.array([_text(si) for si in emptied(stream, self.request.name, "si")], pa.utf8())
                return _unescaped(found)
        return pa.array([], pa.utf8())

    def _plain_strings(self, part: str) -> pa.Array | None:
        """The strings where none has parts of its own format, None where some have."""
        found: list[pa.Array] = [pa.array([], pa.utf8())]
        with self.package.stream(part) as stream:
            for chunk in _chunks(stream, b"<sst", b"</si>", b"</sst>"):
                strings = _STRING.findall(chunk) if chunk is not None else []
                if chunk is None or len(strings) != chunk.count(b"<si"):
                    return None
                found.append(pa.array(strings, pa.binary()).cast(pa.utf8()))
        return pa.concat_arrays(found)

    # --- cells ------------------------------------------------------------------------------------------

    def merged(self, sheet: int) -> list[Area]:
        """The merged cells of a sheet."""
        with self.package.stream(self.sheet_parts[sheet]) as stream:
            found = emptied(stream, self.request.name, "row", "mergeCell")
            return [self._area(element.get("ref", "")) for element in found if local(element.tag) == "mergeCell"]

    def _area(self, text: str) -> Area:
        corners = [re.fullmatch(r"([A-Z]{1,3})([0-9]{1,7})", corner) for corner in text.split(":")]
        if corners[0] is None or corners[-1] is None:
            raise self.package.refused(f"{text} is not a range of merged cells")
        first, last = corners[0], corners[-1]
        return int(first[2]), column_number(first[1]), int(last[2]), column_number(last[1])

    def blocks(self, sheet: int) -> Blocks:
        """The rows of a sheet."""
        last = 0
        title = self.sheets[sheet].title
        for cells in self._cells(self.sheet_parts[sheet]):
            made = self._block(cells, title)
            if made.rows[0] <= last:
                raise self._disorder(title, last)
            last = int(made.rows[-1])
            yield made

    def _disorder(self, title: str, row: int) -> FileError:
        return self.package.refused(
            "its rows are not in order, or beyond the size of a sheet", position=f"{title}!A{row}"
        )

    def _cells(self, part: str) -> Iterator[Cells]:
        """The cells of whole rows: by the expression as far as it fits, by the parser behind that."""
        done = 0
        with self.package.stream(part) as stream:
            for chunk in _chunks(stream, b"<sheetData", b"</row>", b"</sheetData>"):
                cells = _matched(chunk) if chunk is not None else None
                if chunk is None or cells is None:
                    break
                done += chunk.count(b"<row")
                if len(cells["row"]):
                    yield cells
            else:
                return
        yield from self._parsed(part, done)

    def _parsed(self, part: str, done: int) -> Iterator[Cells]:
        """The cells of all rows but the first ones."""
        found: list[tuple[str, ...]] = []
        row = 0
        with self.package.stream(part) as stream:
            for number, element in enumerate(emptied(stream, self.request.name, "row")):
                row = int(element.get("r", row + 1))
                column = 0
                for cell in element if number >= done else ():
                    place = re.fullmatch("([A-Z]{1,3})[0-9]+", cell.get("r", ""))
                    column = column_number(place[1]) if place else column + 1
                    found.append((address(0, column)[:-1], str(row), *_parts(cell)))
                if len(found) >= BLOCK_CELLS:
                    yield _columns(found)
                    found = []
        if found:
            yield _columns(found)

    def _block(self, cells: Cells, title: str) -> Block:
        rows = cells["row"].cast(pa.int64()).to_numpy()
        columns = _mapped(cells["column"], column_number)
        if (rows[1:] < rows[:-1]).any() or rows[-1] > ROWS_MAX or rows[0] < 1 or columns.max() > COLUMNS_MAX:
            raise self._disorder(title, int(rows[0]))
        kinds = _mapped(cells["type"], lambda one: _TYPES.get(one, UNKNOWN))
        if (kinds == UNKNOWN).any():
            n = int(np.argmax(kinds == UNKNOWN))
            where = f"{title}!{address(int(rows[n]), int(columns[n]))}"
            raise self.package.refused(f"a cell is of the unknown type {cells['type'][n]}", position=where)
        texts = cells["value"]
        if pc.any(pc.not_equal(cells["inline"], "")).as_py():
            texts = pc.if_else(pc.equal(cells["inline"], ""), texts, cells["inline"])
        empty = pc.equal(texts, "").to_numpy(zero_copy_only=False) & (kinds != TEXT)
        texts = self._texts(texts, np.where(empty, TEXT, kinds), cells["style"], title)
        uncounted = pc.not_equal(cells["formula"], "").to_numpy(zero_copy_only=False) & empty & (kinds == NUMBER)
        wrong = [
            Wrong(int(rows[n]), int(columns[n]), f"the error {texts[n]}" if kinds[n] == ERROR else UNCALCULATED)
            for n in np.flatnonzero(uncounted | (kinds == ERROR))
        ]
        if empty.any():
            # Cells that have a style and nothing in it.
            texts = pc.if_else(pa.array(empty), pa.scalar(None, pa.utf8()), texts)
        return block(rows, columns, texts, wrong)

    def _texts(self, texts: pa.Array, kinds: Any, styles: pa.Array, title: str) -> pa.Array:
        """What the cells say: shared strings looked up, numbers under their formats, words for booleans."""
        shared, numeric = kinds == SHARED, kinds == NUMBER
        texts = _unescaped(texts, ~shared & ~numeric)
        texts = replaced(texts, kinds == BOOLEAN, lambda text: {"1": "true", "0": "false"}.get(text, text))
        texts = replaced(texts, kinds == DATE, lambda text: text.removesuffix("Z").removesuffix("T00:00:00"))
        if shared.any():
            places = pc.cast(texts.filter(pa.array(shared)), pa.int64())
            if pc.max(places).as_py() >= len(self.strings) or pc.min(places).as_py() < 0:
                raise self.package.refused("a cell names a text that is not there", position=title)
            if (pc.sum(pc.binary_length(self.strings).take(places)).as_py() or 0) > BLOCK_BYTES_MAX:
                raise self.package.refused("a few of its rows hold more text than fits in memory", position=title)
            texts = pc.replace_with_mask(texts, pa.array(shared), self.strings.take(places))
        style = _mapped(styles, lambda one: int(one or 0))
        for used in np.unique(style[numeric]):
            make = self.formats[used] if used < len(self.formats) else None
            if make is not None:
                texts = replaced(texts, numeric & (style == used), make)
                numeric &= style != used
        return numbers(texts, numeric)


# --- text of parts ------------------------------------------------------------------------------------


def _chunks(stream: IO[bytes], begin: bytes, item_end: bytes, end: bytes) -> Iterator[bytes | None]:
    """The content between `begin` and `end`, cut behind whole items; None, and no more, where only a parser can decide.

    The stream is read to its end, so that its checksum is proved.
    """
    head = stream.read(CHUNK_BYTES)
    place = head.find(begin)
    encoding = re.search(rb"""encoding=["']([^"']+)""", head[:200])
    if place < 0 or b"<!" in head[:place] or (encoding and encoding[1].lower() not in (b"utf-8", b"us-ascii")):
        yield None
        return
    rest = head[place:]
    while end not in rest:
        cut = rest.rfind(item_end) + len(item_end)
        if cut >= len(item_end):
            yield _line_ends(rest[:cut])
            rest = rest[cut:]
        more = stream.read(CHUNK_BYTES)
        if not more or len(rest) > ROW_BYTES_MAX:
            yield None
            return
        rest += more
    yield _line_ends(rest[: rest.find(end)])
    while stream.read(CHUNK_BYTES):
        pass


def _line_ends(chunk: bytes) -> bytes:
    """As an XML parser gives them."""
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in chunk else chunk


def _parts(cell: Any) -> tuple[str, str, str, str, str]:
    """Style, type, formula, value and inline text of a parsed cell."""
    formula = value = inline = ""
    for part in cell:
        name = local(part.tag)
        if name == "v":
            value = _escaped(part.text or "")
        elif name == "f":
            formula = "f"
        elif name == "is":
            inline = _text(part)
    return cell.get("s", ""), cell.get("t", ""), formula, "" if inline else value, inline


def _text(element: Any) -> str:
    """The text of a string, escaped; readings of characters (rPh) are none of it."""
    texts = [
        part.text or "" for part in element.iter() if local(part.tag) == "t" and local(part.getparent().tag) != "rPh"
    ]
    return _escaped("".join(texts))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;")


def _matched(chunk: bytes) -> Cells | None:
    """The cells by the expression, None if some are written in another way. Raises pa.ArrowInvalid."""
    pieces = pc.split_pattern(pa.array([chunk], pa.binary()).cast(pa.utf8()), "<c ").flatten().slice(1)
    found = pc.extract_regex(pieces, _CELL)
    if found.null_count or len(found) != chunk.count(b"<c"):
        return None
    return dict(zip(_FIELDS, found.flatten(), strict=True))


def _columns(cells: Sequence[tuple[str, ...]]) -> Cells:
    return {name: pa.array(texts, pa.utf8()) for name, texts in zip(_FIELDS, zip(*cells, strict=True), strict=True)}


def _mapped(texts: pa.Array, function: Callable[[str], int]) -> Any:
    """Numbers for texts, worked out once for each different one."""
    encoded = texts.dictionary_encode()
    known = np.array([function(text) for text in encoded.dictionary.to_pylist()], dtype=np.int64)
    return known[encoded.indices.to_numpy()]


_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6});|#([0-9]{1,7});|(amp|lt|gt|quot|apos);)?")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_HIDDEN = re.compile("_x([0-9a-fA-F]{4})_")


def _unescaped(texts: pa.Array, chosen: Any = True) -> pa.Array:
    """Texts with XML's references and Excel's own `_x000D_` resolved. Raises ValueError for other entities."""
    for mark, function in (("&", _resolved), ("_x", _shown)):
        found = pc.match_substring(texts, mark).to_numpy(zero_copy_only=False)
        texts = replaced(texts, found & chosen, function)
    return texts


def _resolved(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        hexadecimal, decimal, name = found.groups()
        if not (hexadecimal or decimal or name):
            raise ValueError(f"a text has an entity: {text[found.start() : found.start() + 20]}")
        return _NAMED[name] if name else chr(int(hexadecimal, 16) if hexadecimal else int(decimal))

    return _REFERENCE.sub(one, text)


def _shown(text: str) -> str:
    shown = _HIDDEN.sub(lambda found: chr(int(found[1], 16)), text)
    return shown.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
