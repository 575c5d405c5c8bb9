"""Reading files of strangers, in a process of its own with bounds where `bounded` says so.

A file that takes more processor time or memory than `[limits]` allows, or that ends the process, is a FileError; the
next file is read by a new process. It reads many files, one after the other.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import pyarrow as pa

from gateway import formats
from gateway.formats import Looked, containers
from gateway.formats.containers import Inner, Keys
from gateway.log import log
from gateway.reader_client import Asked, DiedError, LostError, ReaderProcess, refused
from gateway.reading import Envelope, Reading, ReadRequest

T = TypeVar("T")


class Readers(Protocol):
    """How files are read."""

    def look(self, request: ReadRequest) -> Callable[[], Looked]:
        """Begin to look at a file; gives what it looks like. Raises FileError."""

    def read(self, name: str, request: ReadRequest) -> Reading:
        """Open a file of that format. Raises FileError, PathError."""

    def units(self, name: str, request: ReadRequest) -> Envelope:
        """The units of a file of that interchange format. Raises FileError."""

    def described(self, request: ReadRequest, looks: Sequence[str]) -> str:
        """What a file of one of these formats shows of itself, in words. Raises FileError."""

    def unpacked(self, request: ReadRequest, into: Path, keys: Keys) -> list[Inner] | None:
        """The files within a container, written to a folder; None where it is none. Raises FileError."""

    def work(self, function: Callable[..., T], request: ReadRequest, *arguments: Any) -> T:
        """What a public function of a module gives for a file and further arguments. Raises FileError."""

    def forget(self) -> None:
        """Give back the memory of the files that were read last."""


class Here:
    """In this process, without bounds."""

    def look(self, request: ReadRequest) -> Callable[[], Looked]:
        """As `Readers` says."""
        return lambda: formats.looked(request)

    def read(self, name: str, request: ReadRequest) -> Reading:
        """As `Readers` says."""
        return formats.named(name).read(request)

    def units(self, name: str, request: ReadRequest) -> Envelope:
        """As `Readers` says."""
        return formats.units(request, name)

    def described(self, request: ReadRequest, looks: Sequence[str]) -> str:
        """As `Readers` says."""
        return formats.described(request, looks)

    def unpacked(self, request: ReadRequest, into: Path, keys: Keys) -> list[Inner] | None:
        """As `Readers` says."""
        return containers.unpacked(request, into, keys)

    def work(self, function: Callable[..., T], request: ReadRequest, *arguments: Any) -> T:
        """As `Readers` says."""
        return function(request, *arguments)

    def forget(self) -> None:
        """As `Readers` says."""
        formats.forget()


class Elsewhere:
    """In a process of its own, which is started when it is needed; containers are opened meanwhile by a second one."""

    def __init__(self) -> None:
        self.process, self.opener = ReaderProcess(), ReaderProcess()

    def look(self, request: ReadRequest) -> Callable[[], Looked]:
        """As `Readers` says."""
        asked = self.process.ask("work", formats.looked, request, together=True)
        return lambda: cast(Looked, self.process.sure(request, "work", formats.looked, request, asked=asked))

    def read(self, name: str, request: ReadRequest) -> Reading:
        """As `Readers` says."""
        return _Remote(self.process, name, request)

    def units(self, name: str, request: ReadRequest) -> Envelope:
        """As `Readers` says."""
        return self.work(formats.units, request, name)

    def described(self, request: ReadRequest, looks: Sequence[str]) -> str:
        """As `Readers` says."""
        return self.work(formats.described, request, list(looks))

    def unpacked(self, request: ReadRequest, into: Path, keys: Keys) -> list[Inner] | None:
        """As `Readers` says."""
        found = self.opener.sure(request, "work", containers.unpacked, request, into, keys)
        return cast("list[Inner] | None", found)

    def work(self, function: Callable[..., T], request: ReadRequest, *arguments: Any) -> T:
        """As `Readers` says."""
        return cast(T, self.process.sure(request, "work", function, request, *arguments))

    def forget(self) -> None:
        """As `Readers` says."""
        if self.process.is_there:
            with suppress(DiedError, LostError):
                self.process.result(self.process.ask("forget"))

    def end(self) -> None:
        """End the processes."""
        self.process.end()
        self.opener.end()


_Opened = tuple[tuple[str, ...], bool, Mapping[str, str]]
"""What is known of a file once it is open: its `columns`, `described` and `headings`."""


class _Remote(Reading):
    """A file that the process has open."""

    def __init__(self, process: ReaderProcess, name: str, request: ReadRequest) -> None:
        self._reader, self._name, self.request = process, name, request
        self.received = 0
        self.faults = []
        self._found: _Opened = ((), True, {})
        self._open()

    def _open(self) -> None:
        """Ask for it to be opened; what it has is looked at later, when others were asked for."""
        self._number = next(self._reader.numbers)
        self._ended = self._reader.ended
        self._asked: Asked | None = self._reader.ask("open", self._number, self._name, self.request, together=True)

    def _opened(self) -> _Opened:
        if self._asked is not None or self._ended != self._reader.ended:
            asked, self._asked = self._asked, None
            arguments = (self._number, self._name, self.request)
            self._found = self._reader.sure(self.request, "open", *arguments, asked=asked)
            self._ended = self._reader.ended
        return self._found

    @property
    def columns(self) -> tuple[str, ...]:  # type: ignore[override]
        """As a reading says."""
        return self._opened()[0]

    @property
    def described(self) -> bool:  # type: ignore[override]
        """As a reading says."""
        return self._opened()[1]

    @property
    def headings(self) -> Mapping[str, str]:  # type: ignore[override]
        """As a reading says."""
        return self._opened()[2]

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return (batch for batch, _ in self.together([]))

    def together(self, others: Sequence[Reading]) -> Iterator[tuple[pa.RecordBatch, Any]]:
        """As a reading says, by the process that has all of them open, unless something is done to rows of some
        here."""
        readings = [self, *(one for one in others if isinstance(one, _Remote))]
        if len(readings) <= len(others):
            yield from super().together(others)
            return
        given = False
        for last in (False, True):
            try:
                for batch in self._rows(readings):
                    given = True
                    yield batch
                return
            except (DiedError, LostError) as error:
                # What somebody ended from outside is tried again; rows that were given cannot be taken back.
                if last or given or (isinstance(error, DiedError) and error.for_good):
                    raise refused(self.request, error) from None
            except MemoryError as error:
                raise refused(self.request, error) from None

    def _rows(self, readings: Sequence[_Remote]) -> Iterator[tuple[pa.RecordBatch, Any]]:
        reader = self._reader
        for one in readings:
            one._opened()
        number = next(reader.numbers)
        reader.result(reader.ask("begin", number, [one._number for one in readings]))
        waiting = reader.ask("next", number)
        while True:
            found = reader.result(waiting)
            if isinstance(found, list):
                break
            waiting = reader.ask("next", number)
            yield found
        for one, (received, faults) in zip(readings, found, strict=True):
            one.received, one.faults = received, faults


_here: Readers = Here()
_elsewhere = Elsewhere()
atexit.register(_elsewhere.end)
_current: list[Readers] = [_here]


def current() -> Readers:
    """How files are read now: within `bounded` by a process of its own."""
    return _current[-1]


@contextmanager
def bounded() -> Iterator[None]:
    """Read files in a process with bounds, as far as the system knows bounds; where it does not, the log says so.

    The process starts with the first file.
    """
    if sys.platform != "linux":
        log.warning(
            "readers.unbounded", consequence="limits.cpu_s_max and memory for reading files are not applied here"
        )
        yield
        return
    _current.append(_elsewhere)
    try:
        yield
    finally:
        _current.pop()
        _elsewhere.forget()
