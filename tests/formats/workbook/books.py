"""Workbooks made by hand for the tests: each part as it is given."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def xlsx(
    path: Path,
    rows: str,
    *,
    formats: Sequence[str] = (),
    strings: str = "",
    book: str = "",
    after: str = "",
    before: str = "",
    head: str = "<?xml version='1.0' encoding='UTF-8'?>",
    target: str = "",
) -> Path:
    """A workbook with one sheet "S" whose `<sheetData>` is `rows`; style n + 1 has the n-th of `formats`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", _relations(("officeDocument", "xl/workbook.xml")))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook {MAIN} xmlns:r="{REL}">{book}'
            f'<sheets><sheet name="S" sheetId="1" r:id="r0"/></sheets></workbook>',
        )
        targets = (
            ("worksheet", target or "worksheets/sheet1.xml"),
            ("styles", "styles.xml"),
            ("sharedStrings", "sharedStrings.xml"),
        )
        archive.writestr("xl/_rels/workbook.xml.rels", _relations(*targets, external=bool(target)))
        codes = "".join(f'<numFmt numFmtId="{170 + n}" formatCode="{code}"/>' for n, code in enumerate(formats))
        styles = "".join(f'<xf numFmtId="{170 + n}"/>' for n in range(len(formats)))
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet {MAIN}><numFmts>{codes}</numFmts><cellXfs><xf numFmtId="0"/>{styles}</cellXfs></styleSheet>',
        )
        archive.writestr("xl/sharedStrings.xml", f"<sst {MAIN}>{strings}</sst>")
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f"{head}<worksheet {MAIN}>{before}<sheetData>{rows}</sheetData>{after}</worksheet>",
        )
    return path


def _relations(*targets: tuple[str, str], external: bool = False) -> str:
    mode = ' TargetMode="External"' if external else ""
    return (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{REL}/{kind}" Target="{target}"{mode if n == 0 else ""}/>'
            for n, (kind, target) in enumerate(targets)
        )
        + "</Relationships>"
    )


def ods(path: Path, tables: str, styles: str = "") -> Path:
    """An OpenDocument spreadsheet with these tables."""
    names = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
        for prefix in ("office", "table", "text", "style")
    )
    calc = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml",
            f"<office:document-content {names} {calc}><office:automatic-styles>{styles}</office:automatic-styles>"
            f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>",
        )
    return path


# --- xlsb ---------------------------------------------------------------------------------------------


def record(kind: int, data: bytes = b"") -> bytes:
    """One record of MS-XLSB."""
    number = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size, length = b"", len(data)
    while True:
        size += bytes([length & 0x7F | (0x80 if length > 0x7F else 0)])
        length >>= 7
        if not length:
            return number + size + data


def wide(text: str) -> bytes:
    """A text as MS-XLSB has it."""
    return struct.pack("<I", len(text.encode("utf-16-le")) // 2) + text.encode("utf-16-le")


def xlsb(
    path: Path,
    rows: Sequence[Sequence[tuple[int, int, bytes]]],
    *,
    strings: Sequence[str] = (),
    formats: Sequence[str] = (),
    since_1904: bool = False,
    merged: Sequence[tuple[int, int, int, int]] = (),
    first_row: int = 0,
) -> Path:
    """A binary workbook; a cell is (record type, style, its data), style n + 1 has the n-th of `formats`."""
    sheet = record(129) + record(145)
    for row, cells in enumerate(rows, start=first_row):
        sheet += record(0, struct.pack("<IIHBBBI", row, 0, 300, 0, 0, 0, 0))
        for column, (kind, style, data) in enumerate(cells):
            sheet += record(kind, struct.pack("<II", column, style) + data)
    sheet += record(146)
    if merged:
        areas = b"".join(record(176, struct.pack("<IIII", *area)) for area in merged)
        sheet += record(177, struct.pack("<I", len(merged))) + areas + record(178)
    book = record(131) + record(153, struct.pack("<III", int(since_1904), 0, 0))
    book += record(143) + record(156, struct.pack("<II", 0, 1) + wide("r0") + wide("S")) + record(144) + record(132)
    codes = b"".join(record(44, struct.pack("<H", 170 + n) + wide(code)) for n, code in enumerate(formats))
    styles = record(278) + record(615, struct.pack("<I", len(formats))) + codes + record(616)
    styles += record(611, struct.pack("<I", 1)) + record(43, _FONT) + record(612)
    styles += record(603, struct.pack("<I", 1)) + record(45, _FILL) + record(604)
    styles += record(613, struct.pack("<I", 1)) + record(46, bytes(51)) + record(614)
    base = record(47, struct.pack("<HHHHHBBBBBB", 0xFFFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    styles += record(626, struct.pack("<I", 1)) + base + record(627)
    used = b"".join(
        record(47, struct.pack("<HHHHHBBBBBB", 0, code, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        for code in (0, *range(170, 170 + len(formats)))
    )
    styles += record(617, struct.pack("<I", 1 + len(formats))) + used + record(618) + record(279)
    texts = record(159, struct.pack("<II", len(strings), len(strings)))
    texts += b"".join(record(19, b"\0" + wide(text)) for text in strings) + record(160)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Override PartName="/xl/worksheets/sheet1.bin" ContentType="application/vnd.ms-excel.worksheet"/>'
            '<Override PartName="/xl/styles.bin" ContentType="application/vnd.ms-excel.styles"/>'
            '<Override PartName="/xl/sharedStrings.bin" ContentType="application/vnd.ms-excel.sharedStrings"/></Types>',
        )
        archive.writestr("_rels/.rels", _relations(("officeDocument", "xl/workbook.bin")))
        targets = (
            ("worksheet", "worksheets/sheet1.bin"),
            ("styles", "styles.bin"),
            ("sharedStrings", "sharedStrings.bin"),
        )
        archive.writestr("xl/_rels/workbook.bin.rels", _relations(*targets))
        for name, content in (
            ("workbook", book),
            ("worksheets/sheet1", sheet + record(130)),
            ("styles", styles),
            ("sharedStrings", texts),
        ):
            archive.writestr(f"xl/{name}.bin", content)
    return path


_FONT = (
    struct.pack("<HHHHBBBB", 220, 0, 400, 0, 0, 2, 0, 0)
    + struct.pack("<BBBBBBBBB", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    + wide("Arial")
)
_FILL = struct.pack("<I", 0) + bytes(64)


# --- compound files -----------------------------------------------------------------------------------


def compound(*names: str, last: int = 0xFFFFFFFE) -> bytes:
    """A compound file with these streams, each of eight sectors; behind the last sector of each comes `last`."""
    table = [0xFFFFFFFD, 0xFFFFFFFE]
    entries = _entry("Root Entry", 5, 0xFFFFFFFF, 1, 0xFFFFFFFE, 0)
    for number, name in enumerate(names, start=1):
        begin = len(table)
        entries += _entry(name, 2, number + 1 if number < len(names) else 0xFFFFFFFF, 0xFFFFFFFF, begin, 4096)
        table += [*range(begin + 1, begin + 8), last]
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 62, 3, 0xFFFE, 9, 6)
    head += bytes(10) + struct.pack("<8I", 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)
    sectors = struct.pack("<128I", *table, *[0xFFFFFFFF] * (128 - len(table)))
    return head + sectors + entries.ljust(512, b"\0") + bytes(512 * (len(table) - 2))


def _entry(name: str, kind: int, right: int, child: int, first: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    entry = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, 0xFFFFFFFF, right, child)
    return entry.ljust(116, b"\0") + struct.pack("<III", first, size, 0)
