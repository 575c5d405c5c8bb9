"""The zip around a workbook: bounded, never followed to anything outside of it."""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from lxml import etree

from gateway.errors import FileError
from gateway.formats.safe_xml import events
from gateway.reading import ReadRequest

PART_BYTES_MAX = 64 << 20
"""Of parts that are held in memory as a tree: styles, relations, the list of sheets."""
ENTRIES_MAX = 10_000
SAVE_AGAIN = "Open the workbook in Excel, save it as .xlsx and send it again."
DAMAGE = (
    etree.XMLSyntaxError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    LookupError,
    OverflowError,
)
"""What reading a broken file raises, other than FileError."""


class Package:
    """The parts of a workbook by name; names are compared without case, as Excel does."""

    def __init__(self, request: ReadRequest) -> None:
        self.path, self.name = request.path, request.name
        limits = request.limits
        try:
            with zipfile.ZipFile(self.path) as archive:
                entries = archive.infolist()
        except DAMAGE as error:
            raise damaged(self.name, error) from None
        total = sum(entry.file_size for entry in entries)
        ratio = total / max(self.path.stat().st_size, 1)
        if total > limits.xlsx_expanded_bytes_max or ratio > limits.xlsx_expansion_ratio_max:
            raise self.refused(
                f"it would unpack to {total} bytes, {ratio:.0f} times its size: this looks like a zip bomb",
                "Send an ordinary workbook; the limits are xlsx_expanded_bytes_max and xlsx_expansion_ratio_max.",
            )
        if len(entries) > ENTRIES_MAX:
            raise self.refused(f"it has {len(entries)} parts, more than {ENTRIES_MAX}", SAVE_AGAIN)
        if any(entry.flag_bits & 1 for entry in entries):
            raise self.refused("the workbook has a password", "Remove the password and send it again.")
        self.parts = {_key(entry.filename): entry for entry in entries}

    def has(self, part: str) -> bool:
        """Whether the part is there."""
        return _key(part) in self.parts

    @contextmanager
    def stream(self, part: str) -> Iterator[IO[bytes]]:
        """The bytes of a part. Raises FileError if it is not there."""
        entry = self.parts.get(_key(part))
        if entry is None:
            raise self.refused(f"its part {part} is missing", SAVE_AGAIN)
        with zipfile.ZipFile(self.path) as archive, archive.open(entry) as source:
            yield source

    def whole(self, part: str) -> bytes:
        """All bytes of a small part. Raises FileError if it is larger than PART_BYTES_MAX."""
        self._small(part)
        with self.stream(part) as source:
            return source.read()

    def elements(self, part: str) -> Iterator[Any]:
        """Every element of a small part, each at its end."""
        self._small(part)
        with self.stream(part) as source:
            yield from (element for _, element in events(source, self.name, ("end",)))

    def _small(self, part: str) -> None:
        entry = self.parts.get(_key(part))
        if entry is not None and entry.file_size > PART_BYTES_MAX:
            raise self.refused(f"its part {part} has {entry.file_size} bytes", SAVE_AGAIN)

    def targets(self, part: str, kind: str) -> dict[str, str]:
        """Relationship id → part, of one kind ("worksheet"). Raises FileError for a target outside of the file."""
        folder, name = posixpath.split(part)
        relations = posixpath.join(folder, "_rels", f"{name}.rels")
        found: dict[str, str] = {}
        for element in self.elements(relations) if self.has(relations) else ():
            if element.get("Type", "").rpartition("/")[2] != kind:
                continue
            target = element.get("Target", "").replace("\\", "/")
            if element.get("TargetMode", "Internal") != "Internal":
                raise self.refused(f"its {kind} is outside of the file: {target}", SAVE_AGAIN)
            found[element.get("Id", "")] = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        return found

    def refused(self, cause: str, hint: str = SAVE_AGAIN, position: str = "") -> FileError:
        """The error for a workbook that is refused; `position` is a sheet, cell or row."""
        return FileError(self.name, cause, hint, position)


def damaged(name: str, error: Exception) -> FileError:
    """The error for a workbook that is damaged; `error` is the library's."""
    return FileError(name, f"the workbook is damaged: {error}", "Save it again and send the whole file.")


def _key(name: str) -> str:
    return name.replace("\\", "/").casefold()
