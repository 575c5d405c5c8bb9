"""Interchanges read stretch by stretch: whole segments, in UTF-8, each interchange with its own delimiters.

A stretch is some megabytes, cut behind a segment, so that the size of a file costs no memory.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

from gateway.errors import FileError
from gateway.formats.edi.octets import BLANK, HEADER_BYTES, Source
from gateway.formats.edi.segments import Delimiters, Segments, tokenize
from gateway.reading import ReadRequest, check_size
from gateway.settings import Limits

STRETCH_BYTES = 2 << 20
SMALL_FILES_KEPT = 2_048
"""As many as are claimed and then read together; `forget` gives them back."""

_LINE_ENDS = b"\r\n"
_CONTROLS = b"\x1c\x1d\x1e"


@dataclass(frozen=True, slots=True)
class Header:
    """What the beginning of an interchange says of how to read it.

    begins      what begins another interchange, at the start of a segment
    ends        what begins the segment that ends this one
    length      bytes at its beginning in which no other interchange can begin
    charset     codec of its text; "" for UTF-8 and, where that is not valid, Windows-1252
    terminator  the bytes of a terminator that is one character of several bytes (UTF-8), else b""
    """

    delimiters: Delimiters
    begins: tuple[bytes, ...]
    ends: tuple[bytes, ...]
    length: int
    charset: str = ""
    terminator: bytes = b""


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a format's interchanges are found.

    sniffs  what its files begin with
    header  (first bytes, name, byte in the file) → Header; raises FileError where no interchange begins
    binary  pairs of a segment that holds binary data and the number of the element with its length
    """

    sniffs: tuple[bytes, ...]
    header: Callable[[bytes, str, int], Header]
    binary: tuple[tuple[bytes, int], ...] = ()


@dataclass
class Stretch:
    """Whole segments of one interchange.

    data           UTF-8 without line ends, each segment with its terminator
    opens, closes  whether the interchange begins or ends with it
    rest           what stands behind the last terminator where the file was cut off
    """

    delimiters: Delimiters
    data: bytes
    opens: bool
    closes: bool
    rest: bytes = b""

    @cached_property
    def table(self) -> Segments:
        """The segments of the stretch, found when they are first needed."""
        return tokenize(self.data, self.delimiters)


def stretches(request: ReadRequest, syntax: Syntax, encoding: str = "") -> Iterator[Stretch]:
    """Every stretch of a file. Raises FileError where there is anything but interchanges.

    encoding  codec that the mapping names; it wins over what the interchange says
    """
    name, status = request.name, request.path.stat()
    check_size(request)
    if status.st_size > STRETCH_BYTES:
        return _read(request.path, name, request.limits, syntax, encoding)
    return iter(_small(request.path, status.st_size, status.st_mtime_ns, name, request.limits, syntax, encoding))


@lru_cache(maxsize=SMALL_FILES_KEPT)
def _small(
    path: Path, size: int, modified: int, name: str, limits: Limits, syntax: Syntax, encoding: str
) -> tuple[Stretch, ...]:
    """The stretches of a file that is not larger than one, kept from its claim to its reading."""
    del size, modified
    return tuple(_read(path, name, limits, syntax, encoding))


@lru_cache
def _any_of(tags: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """What finds the first of several tags in one pass over the data."""
    return re.compile(b"|".join(map(re.escape, tags)))


def forget() -> None:
    """Give back the memory of the small files that were read last."""
    _small.cache_clear()


def _read(path: Path, name: str, limits: Limits, syntax: Syntax, encoding: str) -> Iterator[Stretch]:
    with path.open("rb") as file:
        source = Source(file.read, name, syntax.sniffs, encoding)
        while source.skip_blank():
            header = syntax.header(source.peek(HEADER_BYTES), name, source.place)
            interchange = _Interchange(source, syntax, header, limits)
            yield from interchange.stretches()
            interchange.skip_terminators()


class _Interchange:
    """One interchange of a source, from its first byte on."""

    def __init__(self, source: Source, syntax: Syntax, header: Header, limits: Limits) -> None:
        self.source, self.header, self.limits = source, header, limits
        self.terminator = header.terminator or bytes([header.delimiters.segment])
        self.wraps = bytes(set(_LINE_ENDS) - set(self.terminator))
        separator = bytes([header.delimiters.element])
        self.binary = {tag + separator: number for tag, number in syntax.binary}
        self.free = next(b for b in _CONTROLS if b not in (header.delimiters.element, header.delimiters.component))
        self.parts: list[bytes] = []
        self.size = 0
        self.opens = True

    def stretches(self) -> Iterator[Stretch]:
        """Its stretches; afterwards the source stands behind it."""
        source, end = self.source, -1
        while True:
            if end < source.at:
                end = self._end()
            if end < 0:
                source.more(STRETCH_BYTES)
                end = self._end()
            stop = end if end >= 0 else self._behind_last_terminator()
            binary = self._first(tuple(self.binary), source.at, stop) if stop > source.at else -1
            if binary >= 0:
                self._take(binary)
                segment, moved = self._binary_segment()
                self._put(segment)
                end -= moved
            elif stop > source.at:
                self._take(stop)
                if end >= 0:
                    yield self._stretch(closes=True)
                    return
            elif source.ended:
                yield self._cut_off()
                return
            else:
                self._longer_segment()
            if self.size > STRETCH_BYTES // 2:
                yield self._stretch(closes=False)

    def skip_terminators(self) -> None:
        """Go behind further terminators: some senders write each twice."""
        while self.source.skip_blank() and self.source.peek(len(self.terminator)) == self.terminator:
            self.source.at += len(self.terminator)

    def _take(self, stop: int) -> None:
        """Put what is before `stop` into the stretch."""
        self._put(self.source.data[self.source.at : stop])
        self.source.at = stop

    def _put(self, part: bytes) -> None:
        self.parts.append(part)
        self.size += len(part)

    def _stretch(self, *, closes: bool, rest: bytes = b"") -> Stretch:
        data, delimiters = self._cleaned(b"".join(self.parts))
        made = Stretch(delimiters, data, self.opens, closes, rest)
        self.parts, self.size, self.opens = [], 0, False
        return made

    def _cut_off(self) -> Stretch:
        """The last stretch where the file ends before the interchange does."""
        source = self.source
        rest = source.data[source.at :].strip(BLANK)
        source.at = len(source.data)
        if rest.startswith(self.header.ends):
            # The very last terminator is often left out.
            self._put(rest + self.terminator)
            rest = b""
        if self.opens and not self.size:
            raise self._no_terminator(len(rest))
        return self._stretch(closes=True, rest=rest)

    def _longer_segment(self) -> None:
        """Read on for a segment that does not end in what was read."""
        source = self.source
        size = len(source.data) - source.at
        if size > self.limits.edi_segment_bytes_max:
            raise self._no_terminator(size)
        source.more(2 * size + HEADER_BYTES)

    def _no_terminator(self, size: int) -> FileError:
        mark = self.terminator.decode("latin-1")
        if not 32 < self.terminator[0] < 127:
            mark = f"0x{self.terminator.hex().upper()}"
        return FileError(
            self.source.name,
            f'no segment terminator "{mark}" within {size} bytes',
            "Send the file whole, and name in the interchange header the terminator that is used.",
            f"byte {self.source.place}",
        )

    # --- where segments begin and end -----------------------------------------------------------------

    def _end(self) -> int:
        """Where it ends in what was read: behind its end segment or before the next interchange; −1 if open."""
        data, at = self.source.data, self.source.at
        closing = self._first(self.header.ends, at, len(data))
        begin = at + (self.header.length if self.opens and not self.parts else 0)
        other = self._first(self.header.begins, begin, closing if closing >= 0 else len(data))
        if other >= 0:
            return other
        return self._behind_terminator(closing) if closing >= 0 else -1

    def _first(self, tags: tuple[bytes, ...], begin: int, end: int) -> int:
        """The first segment in [begin, end) that begins with one of the tags, −1 if none."""
        pattern = _any_of(tags)
        found = pattern.search(self.source.data, begin, end) if tags else None
        while found and not self._begins_segment(found.start()):
            found = pattern.search(self.source.data, found.start() + 1, end)
        return found.start() if found else -1

    def _begins_segment(self, place: int) -> bool:
        data, at = self.source.data, self.source.at
        while place > at and not self._ends_before(place) and data[place - 1] in BLANK:
            place -= 1
        return place <= at or (self._ends_before(place) and not self._released(place - len(self.terminator)))

    def _ends_before(self, place: int) -> bool:
        """Whether a terminator stands right before `place`."""
        begin = place - len(self.terminator)
        return begin >= self.source.at and self.source.data.startswith(self.terminator, begin)

    def _released(self, place: int) -> bool:
        """Whether the character at `place` stands for itself: an odd number of release characters before it."""
        release = self.header.delimiters.release
        if release < 0:
            return False
        data, before, count = self.source.data, place - 1, 0
        while before >= self.source.at and (data[before] == release or data[before] in _LINE_ENDS):
            count += data[before] == release
            before -= 1
        return count % 2 == 1

    def _behind_terminator(self, place: int) -> int:
        """Behind the first terminator from `place` on, −1 if there is none."""
        found = self.source.data.find(self.terminator, place)
        while found >= 0 and self._released(found):
            found = self.source.data.find(self.terminator, found + 1)
        return found + len(self.terminator) if found >= 0 else -1

    def _behind_last_terminator(self) -> int:
        """Behind the last terminator that was read, −1 if there is none."""
        found = self.source.data.rfind(self.terminator, self.source.at)
        while found >= 0 and self._released(found):
            found = self.source.data.rfind(self.terminator, self.source.at, found)
        return found + len(self.terminator) if found >= 0 else -1

    # --- binary data and text -------------------------------------------------------------------------

    def _binary_segment(self) -> tuple[bytes, int]:
        """The segment with binary data where the source stands, and by how much the source's data moved.

        The data are given as hexadecimal digits. Where their length is no number, or no terminator follows
        them, the segment is read like any other.
        """
        source, separator = self.source, bytes([self.header.delimiters.element])
        moved = source.more(HEADER_BYTES)
        head = source.data[source.at : source.at + HEADER_BYTES]
        number = self.binary[head[:4]]
        fields = head.split(separator, number + 1)
        length = fields[number].strip(BLANK) if len(fields) > number + 1 else b""
        if length.isdigit() and len(length) < 16 and int(length) <= self.limits.edi_segment_bytes_max:
            begin = sum(len(part) + 1 for part in fields[: number + 1])
            stop = begin + int(length)
            mark = self.terminator
            size = stop + len(_LINE_ENDS) + len(mark)
            moved += source.more(size)
            whole = source.data[source.at : source.at + size]
            behind = whole[stop:].lstrip(self.wraps)
            if behind.startswith(mark):
                source.at += len(whole) - len(behind) + len(mark)
                return whole[:begin] + whole[begin:stop].hex().encode() + mark, moved
        end = self._behind_terminator(source.at)
        end = len(source.data) if end < 0 else end
        plain, source.at = source.data[source.at : end], end
        return plain, moved

    def _cleaned(self, data: bytes) -> tuple[bytes, Delimiters]:
        """The bytes without line ends, in UTF-8, and delimiters that are ASCII."""
        delimiters = self.header.delimiters
        data = data.translate(None, delete=self.wraps)
        if self.terminator[0] >= 0x80:
            data = data.replace(self.terminator, bytes([self.free]))
            delimiters = replace(delimiters, segment=self.free)
        if data.isascii():
            return data, delimiters
        charset = self.source.charset or self.header.charset
        if charset:
            return data.decode(charset, "replace").encode(), delimiters
        return data.decode("utf-8", "gateway-cp1252").encode(), delimiters


def _windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Read bytes that are no UTF-8 as Windows-1252, and what that does not have as Latin-1."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in wrong), error.end


codecs.register_error("gateway-cp1252", _windows_1252)
