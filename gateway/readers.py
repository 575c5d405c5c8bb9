"""Reading files of strangers, in a process of its own with bounds where `bounded` says so.

The rows come over a pipe, a batch ahead. A file that takes more processor time or memory than `[limits]` allows, or that
ends the process, is a FileError; the next file is read by a new process. It reads many files, one after the other.
"""

from __future__ import annotations

import atexit
import fcntl
import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, Protocol, cast

import pyarrow as pa

from gateway import formats
from gateway.errors import FileError
from gateway.log import log
from gateway.reader_process import OUT_OF_MEMORY, OutOfTimeError
from gateway.reading import Envelope, Reading, ReadRequest

PIPE_BYTES = 1 << 20
AHEAD_MAX = 8
"""Questions that wait for their answers: more would fill the pipe, where the answers are long."""
CPU_FIX = "Look at the file and at who sent it. To read it, raise `cpu_s_max` under [limits], then `gateway replay` it."
MEMORY_FIX = (
    "Look at the file and at who sent it. To read it, raise `memory_mb_max` under [limits], then `gateway replay` it."
)
DIED_FIX = "Look for the cause: the log of the system shows whether memory ran out. Then `gateway replay` the file."


LOST = -signal.SIGKILL
"""Of questions that it had not begun with when it ended."""


class _DiedError(Exception):
    """The process ended by itself, by this signal or with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    @property
    def out_of_time(self) -> bool:
        """Whether it used up its processor time."""
        return self.code == -signal.SIGXCPU

    @property
    def out_of_memory(self) -> bool:
        """Whether it used up its memory."""
        return self.code == OUT_OF_MEMORY

    @property
    def for_good(self) -> bool:
        """Whether the same question would end it again."""
        return self.out_of_time or self.out_of_memory


class Readers(Protocol):
    """How files are read."""

    def read(self, name: str, request: ReadRequest) -> Reading:
        """Open a file of that format. Raises FileError, PathError."""

    def units(self, name: str, request: ReadRequest) -> Callable[[], Envelope]:
        """Begin to look for the units of a file of that interchange format; gives them. Raises FileError."""

    def described(self, request: ReadRequest, looks: Sequence[str]) -> str:
        """What a file of one of these formats shows of itself, in words."""

    def forget(self) -> None:
        """Give back the memory of the files that were read last."""


class _Here:
    """In this process, without bounds."""

    def read(self, name: str, request: ReadRequest) -> Reading:
        return formats.named(name).read(request)

    def units(self, name: str, request: ReadRequest) -> Callable[[], Envelope]:
        interchange = formats.interchange_of(name)
        assert interchange is not None
        return lambda: interchange.units(request)

    def described(self, request: ReadRequest, looks: Sequence[str]) -> str:
        return formats.described(request, looks)

    def forget(self) -> None:
        formats.forget()


@dataclass(slots=True)
class _Answer:
    """What was asked and not yet answered."""

    done: bool = False
    kind: str = ""
    value: Any = None


class ReaderProcess:
    """One process that reads, started when it is needed. For any thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._waiting: deque[_Answer] = deque()
        self._lock = threading.RLock()
        self.numbers = itertools.count()
        self.ended = 0
        """How many times it ended: what was opened before is gone."""

    def read(self, name: str, request: ReadRequest) -> Reading:
        """As `Readers` says."""
        return _Remote(self, name, request)

    def units(self, name: str, request: ReadRequest) -> Callable[[], Envelope]:
        """As `Readers` says."""
        asked = self.ask("units", name, request, ahead=True)
        return lambda: cast(Envelope, self.sure(request, "units", name, request, asked=asked))

    def described(self, request: ReadRequest, looks: Sequence[str]) -> str:
        """As `Readers` says."""
        return str(self.sure(request, "described", request, list(looks)))

    def forget(self) -> None:
        """As `Readers` says."""
        if self._process is not None:
            with suppress(_DiedError):
                self.result(self.ask("forget"))

    def sure(self, request: ReadRequest, name: str, *arguments: Any, asked: _Answer | None = None) -> Any:
        """The answer about a file. Raises FileError where it takes too much, or ends the process twice."""
        for last in (False, True):
            try:
                return self.result(asked or self.ask(name, *arguments))
            except _DiedError as error:
                asked = None
                if last or error.for_good:
                    raise refused(request, error) from None
            except MemoryError as error:
                raise refused(request, error) from None
        raise AssertionError

    def start(self) -> None:
        """Start it if it is not there, without waiting for it."""
        with self._lock:
            if self._process is not None:
                return
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from gateway.reader_process import main; main()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env={**os.environ, "MALLOC_ARENA_MAX": "2"},
            )  # fmt: skip
            with suppress(OSError, AttributeError):
                fcntl.fcntl(cast(IO[bytes], self._process.stdout), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def ask(self, name: str, *arguments: Any, ahead: bool = False) -> _Answer:
        """Ask; `ahead` before what was asked earlier is answered, as few and short questions may."""
        with self._lock:
            while self._waiting and not (ahead and len(self._waiting) < AHEAD_MAX):
                self._receive()
            self.start()
            answer = _Answer()
            target = self._pipe("stdin")
            self._waiting.append(answer)
            try:
                pickle.dump((name, arguments), target)
                target.flush()
            except OSError:
                self._died()
            return answer

    def result(self, answer: _Answer) -> Any:
        """What was answered. Raises what was raised there, _DiedError where it ended, MemoryError."""
        with self._lock:
            while not answer.done:
                self._receive()
        if answer.kind == "died":
            raise _DiedError(answer.value)
        if answer.kind == "error":
            kind, arguments, attributes = answer.value
            if kind is OutOfTimeError:
                raise _DiedError(-signal.SIGXCPU)
            if kind is MemoryError:
                self.end()
            error = kind.__new__(kind)
            error.args = arguments
            error.__dict__.update(attributes)
            raise error
        return answer.value

    def _pipe(self, which: str) -> IO[bytes]:
        return cast(IO[bytes], getattr(self._process, which))

    def _receive(self) -> None:
        """Take the next answer."""
        try:
            kind, value = pickle.load(self._pipe("stdout"))
            if kind == "rows":
                value = (self._buffer(value.size), value.place)
        except (EOFError, pickle.UnpicklingError, OSError):
            self._died()
            return
        answer = self._waiting.popleft()
        answer.done, answer.kind, answer.value = True, kind, value

    def _buffer(self, size: int) -> pa.Buffer:
        buffer = pa.allocate_buffer(size)
        if self._pipe("stdout").readinto(memoryview(buffer)) < size:  # type: ignore[attr-defined]
            raise EOFError
        return buffer

    def _died(self) -> None:
        """It was working on the question that waits longest; it had not begun with the others."""
        first = self._waiting.popleft() if self._waiting else _Answer()
        first.done, first.kind, first.value = True, "died", self.end(patience_s=5)

    def end(self, patience_s: float = 0) -> int:
        """End it, if it does not end by itself; its exit code, or the signal that ended it as a negative number."""
        with self._lock:
            process, self._process = self._process, None
            while self._waiting:
                lost = self._waiting.popleft()
                lost.done, lost.kind, lost.value = True, "died", LOST
            if process is None:
                return 0
            self.ended += 1
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                process.kill()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    cast(IO[bytes], pipe).close()
            return process.wait()


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
        self._asked: _Answer | None = self._reader.ask("open", self._number, self._name, self.request, ahead=True)

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
        """As a reading says, by the process that has all of them open, unless something is done to rows of some here."""
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
            except _DiedError as error:
                # What somebody ended from outside is tried again; rows that were given cannot be taken back.
                if last or given or error.for_good:
                    raise refused(self.request, error) from None
            except MemoryError as error:
                raise refused(self.request, error) from None

    def _rows(self, readings: Sequence[_Remote]) -> Iterator[tuple[pa.RecordBatch, Any]]:
        reader = self._reader
        for one in readings:
            one._opened()
        schema = self.schema
        number = next(reader.numbers)
        reader.result(reader.ask("begin", number, [one._number for one in readings]))
        waiting = reader.ask("next", number)
        while True:
            found = reader.result(waiting)
            if isinstance(found, list):
                break
            waiting = reader.ask("next", number, ahead=True)
            buffer, place = found
            yield pa.ipc.read_record_batch(buffer, schema), place
        for one, (received, faults) in zip(readings, found, strict=True):
            one.received, one.faults = received, faults


def refused(request: ReadRequest, error: Exception) -> FileError:
    """Why a file is set aside that takes too much."""
    limits = request.limits
    if isinstance(error, MemoryError) or (isinstance(error, _DiedError) and error.out_of_memory):
        what = f"it takes more than {limits.memory_mb_max} MB of memory to read (limits.memory_mb_max)"
        return FileError(request.name, what, MEMORY_FIX)
    assert isinstance(error, _DiedError)
    if error.out_of_time:
        what = f"it takes more than {limits.cpu_s_max} s of processor time to read (limits.cpu_s_max)"
        return FileError(request.name, what, CPU_FIX)
    ended = signal.Signals(-error.code).name if error.code < 0 else f"exit code {error.code}"
    return FileError(request.name, f"the process that read it ended with {ended}", DIED_FIX)


_here: Readers = _Here()
_process = ReaderProcess()
atexit.register(_process.end)
_current: list[Readers] = [_here]


def current() -> Readers:
    """How files are read now: within `bounded` by a process of its own."""
    return _current[-1]


@contextmanager
def bounded() -> Iterator[None]:
    """Read files in a process with bounds, as far as the system knows bounds; where it does not, the log says so."""
    if sys.platform != "linux":
        log.warning(
            "readers.unbounded", consequence="limits.cpu_s_max and memory for reading files are not applied here"
        )
        yield
        return
    _process.start()
    _current.append(_process)
    try:
        yield
    finally:
        _current.pop()
        _process.forget()
