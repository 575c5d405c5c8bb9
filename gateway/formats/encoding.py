"""Which characters the bytes of a text file are, and where they are none."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from gateway.errors import Fault, FileError

CHUNK_BYTES = 4 << 20
SCAN_BYTES = 256 << 10
"""As much as stays near the processor, where bytes are only looked at."""

_EBCDIC = ("cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


_LETTERS = re.compile(rb"\xc3[\x80-\xbf]|\xc2[\xa0-\xbf]|\xe2\x82\xac|\xe2\x80[\x90-\xaf]")
"""Letters, signs and quotes of Western languages in UTF-8. As cp1252 they are two or three signs that no word has."""


def _known(name: str) -> str:
    try:
        "".encode("ascii" if name == "auto" else name)
    except LookupError:
        raise ValueError(f'"{name}" is not a known encoding; write e.g. "utf-8" or "cp1252"') from None
    return name


Encoding = Annotated[str, AfterValidator(_known)]
"""A format's option: the name of a text codec, or "auto"."""


def detect(path: Path, wanted: str) -> str:
    """The codec: that of a byte order mark, else the wanted one; "auto" finds UTF-16, UTF-8, else cp1252."""
    with path.open("rb") as source:
        head = source.read(4)
        for bom, codec in _BOMS:
            if head.startswith(bom):
                return codec
        if wanted != "auto":
            return codecs.lookup(wanted).name
        if len(head) >= 4 and head[1] == 0 and head[3] == 0:
            return "utf-16-le"
        if len(head) >= 4 and head[0] == 0 and head[2] == 0:
            return "utf-16-be"
    return "utf-8" if is_utf8(path) else "cp1252"


def mixed(path: Path) -> Fault | None:
    """The fault of a file that is read as cp1252 and has a line with letters in UTF-8, None of another."""
    with path.open("rb") as source:
        for number, line in enumerate(source, start=1):
            if not line.isascii() and (found := _LETTERS.search(line)):
                shown, meant = found[0].decode("cp1252", "replace"), found[0].decode()
                return Fault(
                    "ROW_DOUBTFUL",
                    f'this line has "{shown}", which is "{meant}" in UTF-8, but '
                    f"the file is not UTF-8: it is read as cp1252",
                    "Send the file in one encoding.",
                    f"line {number}",
                )
    return None


def is_utf8(path: Path) -> bool:
    """Whether all bytes of a file are UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as source:
            while chunk := source.read(SCAN_BYTES):
                if decoder.getstate()[0] or not chunk.isascii():
                    decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def lines(path: Path, name: str, codec: str, bytes_max: int) -> Iterator[list[str]]:
    """The lines of a file without their ends (LF, CR LF or CR; NEL in EBCDIC), many at a time.

    Raises FileError for bytes that are no text, and for a line longer than the limit.
    """
    rest, done = "", 0
    try:
        with path.open("r", encoding="utf-8-sig" if codec == "utf-8" else codec, newline=None) as source:
            while chunk := source.read(CHUNK_BYTES):
                found = (rest + (chunk.replace("\x85", "\n") if codec in _EBCDIC else chunk)).split("\n")
                rest = found.pop()
                if len(rest) > bytes_max:
                    raise FileError(
                        name,
                        f"a line is longer than {bytes_max} bytes",
                        "Check that the file has line ends.",
                        f"line {done + len(found) + 1}",
                    )
                yield found
                done += len(found)
    except UnicodeDecodeError:
        raise undecodable(path, name, codec) from None
    if rest:
        yield [rest]


def undecodable(path: Path, name: str, codec: str) -> FileError:
    """The line and the byte where a file stops being text of that codec."""
    decoder = codecs.getincrementaldecoder(codec)()
    line, wrong = 1, ""
    with path.open("rb") as source:
        while True:
            chunk = source.read(CHUNK_BYTES)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line += error.object.count(b"\n", 0, error.start)
                wrong = error.object[error.start : error.start + 1].hex()
                break
            if not chunk:
                break
            line += chunk.count(b"\n")
    other = 'encoding = "cp850"' if codec == "cp1252" else 'encoding = "cp1252" (or "auto")'
    return FileError(
        name,
        f"the byte 0x{wrong} is not {codec} text",
        f"Send the file as UTF-8, or set its encoding in the mapping, such as {other}.",
        f"line {line}",
    )
