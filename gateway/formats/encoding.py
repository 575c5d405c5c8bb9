"""Which characters the bytes of a text file are, and where they are none."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from gateway.errors import Fault, FileError
from gateway.whitespace import shown

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


_TWICE = re.compile(
    b"\xc3\x83(?:\xc5[\x92\x93\xa0\xa1\xb8\xbd\xbe]|\xc2[\xa1-\xaa\xac\xae-\xba\xbc-\xbf])"
    b"|\xc3\xa2\xe2(?:\x82\xac|\x80\x9a\xc2\xac)"
)
"""Letters, and quotes, that were taken for cp1252 while they were UTF-8, and written as UTF-8 again: Ã¼ for ü, â€ for
one of several quotes. No word has these signs."""
_TWICE_BYTES = 7
"""One less than the most bytes of these."""


_WESTERN = ("cp1252", "iso8859-1", "iso8859-15", "cp850", "cp437", "mac-roman")
_LIKELY = ("cp1252", "cp850", "mac-roman")
"""What files of Windows, of DOS and of old Macs are written in."""
_SURE = 0.9
_OCTET = r"[\x80-\x84\x86-\x91\x93-\x95\x98-\x9f\xa1-\xff]"
"""Not the signs of cp1252 that stand within words of any text: apostrophe, dashes, ellipsis, hard space."""
_SMALL = re.compile(rf"(?<=[a-z])[\x82\x84\x8a\x8e]|(?<=[A-Za-z\x80-\xff]){_OCTET}(?=[a-z\x80-\xff])".encode("latin-1"))
_CAPITAL = re.compile(rf"(?<=[A-Z]){_OCTET}(?=[A-Z])".encode("latin-1"))
"""Bytes that stand where only a small, or a capital, letter can."""
_COUNTED_LINES = 10_000
"""Lines with letters beyond ASCII: these show what the file is written in."""

Letter = tuple[int, bool]
"""(byte, whether it stands for a capital)."""


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


def doubt(path: Path, codec: str) -> Fault | None:
    """The fault of a file whose letters are none in the codec that it is read with, but in another one; else None.

    Only codecs with one byte for each character can be wrong without an error. A line in UTF-8 decides, then all
    letters of the file within words.
    """
    own = codecs.lookup(codec).name
    if own in ("utf-8", "utf-8-sig"):
        return _written_twice(path)
    if own not in _WESTERN:
        return None
    found: Counter[Letter] = Counter()
    first: dict[Letter, tuple[int, bytes]] = {}
    counted = 0
    with path.open("rb") as source:
        for number, line in enumerate(source, start=1):
            if line.isascii():
                continue
            if utf8 := _LETTERS.search(line):
                return _in_utf8(utf8[0], own, number)
            counted += 1
            for letter in _letters(line) if counted <= _COUNTED_LINES else ():
                found[letter] += 1
                first.setdefault(letter, (number, line))
    others = _more_likely(found, own)
    return _not_letters(*min(first[one] for one in found if not _fits(one, own)), own, others) if others else None


def _written_twice(path: Path) -> Fault | None:
    rest, done = b"", 1
    with path.open("rb") as source:
        while chunk := source.read(SCAN_BYTES):
            chunk = rest + chunk
            found = None if chunk.isascii() else _TWICE.search(chunk)
            if found:
                line = done + chunk.count(b"\n", 0, found.start())
                text = found[0].decode()
                meant = text.encode("cp1252").decode(errors="ignore") or "another letter or sign"
                return Fault(
                    "ROW_DOUBTFUL",
                    f'this line has "{text}", which no word has: {meant} was turned into UTF-8 twice',
                    "Correct the program that wrote the file: it took UTF-8 for another encoding.",
                    f"line {line}",
                )
            rest = chunk[-_TWICE_BYTES:]
            done += chunk.count(b"\n", 0, len(chunk) - len(rest))
    return None


def _letters(line: bytes) -> list[Letter]:
    return [(one[0], False) for one in _SMALL.findall(line)] + [(one[0], True) for one in _CAPITAL.findall(line)]


def _not_letters(number: int, line: bytes, own: str, others: Sequence[str]) -> Fault:
    words = re.findall(rb"[A-Za-z\x80-\xff]+", line)
    word = next(word for word in words if any(not _fits(one, own) for one in _letters(word)))
    meant = " or ".join(f'"{word.decode(name, "replace")}" in {name}' for name in others)
    return Fault(
        "ROW_DOUBTFUL",
        f'this line has "{shown(word.decode(own, "replace"))}", which is {meant}, but the file is read as {own}',
        f'Send the file as UTF-8, or set encoding = "{others[0]}" in the mapping'
        + "".join(f', or "{name}"' for name in others[1:])
        + ".",
        f"line {number}",
    )


def _in_utf8(letter: bytes, codec: str, line: int) -> Fault:
    return Fault(
        "ROW_DOUBTFUL",
        f'this line has "{letter.decode(codec, "replace")}", which is "{letter.decode()}" in UTF-8, but '
        f"the file is not UTF-8: it is read as {codec}",
        "Send the file in one encoding.",
        f"line {line}",
    )


def _more_likely(found: Counter[Letter], codec: str) -> list[str]:
    """The codecs in which nearly all of these bytes are such letters, and more than in `codec`."""
    scores = {name: sum(n for one, n in found.items() if _fits(one, name)) for name in {codec, *_LIKELY}}
    best = max(scores[name] for name in _LIKELY)
    sure = best > scores[codec] and best >= _SURE * found.total()
    return [name for name in _LIKELY if sure and scores[name] == best]


def _fits(letter: Letter, codec: str) -> bool:
    text = bytes([letter[0]]).decode(codec, "replace")
    return text.isupper() if letter[1] else text.islower()


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
    other = f'encoding = "{_undefined(path)}"' if codec == "cp1252" else 'encoding = "cp1252" (or "auto")'
    return FileError(
        name,
        f"the byte 0x{wrong} is not {codec} text",
        f"Send the file as UTF-8, or set its encoding in the mapping, such as {other}.",
        f"line {line}",
    )


def _undefined(path: Path) -> str:
    """The codec that a file may be in that has bytes which cp1252 does not know."""
    with path.open("rb") as source:
        found = Counter(one for line in source if not line.isascii() for one in _letters(line))
    return next(iter(_more_likely(found, "cp1252")), "cp850")
