"""The process that reads files of strangers: a request at a time, each within its processor time and memory.

`gateway.readers` starts it, writes requests to its standard input and reads answers from its standard output. It ends
when its input does, so it does not outlive who started it.
"""

from __future__ import annotations

import math
import os
import pickle
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from gateway import formats
from gateway.reading import Reading, ReadRequest
from gateway.settings import Limits

MB = 1 << 20
OUT_OF_MEMORY = 66
"""Its exit code where no room is left to answer."""
IO_THREADS = 2
STACK_BYTES = 1 << 20
LOOK_S = 1.0
"""How often it looks whether who started it is still there."""
SHARED_BYTES = 256 << 10
"""Rows from this size on lie in shared memory: below, the pipe is faster."""


class OutOfTimeError(Exception):
    """A file has used up its processor time."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows, as an Arrow stream of one batch, in so many bytes; `place` is whose rows these are.

    shared  whether they lie in a file of memory, whose descriptor came before; else they follow this answer
    """

    size: int
    place: Any
    shared: bool


@dataclass(slots=True)
class _Stream:
    """Rows of opened files, in order, and the processor time that the file of the last rows took so far."""

    readings: Sequence[Reading]
    batches: Iterator[tuple[pa.RecordBatch, Any]]
    place: Any = None
    spent_s: float = 0.0


class Reader:
    """What can be asked. Opened files and streams have the numbers that the asking side gives them."""

    def __init__(self) -> None:
        self._readings: dict[int, Reading] = {}
        self._streams: dict[int, _Stream] = {}
        formats.import_all()  # Before the memory is looked at that no file is to blame for.
        self._data_bytes = _data_bytes()
        self._memory_mb = 0

    def bound(self, limits: Limits, spent_s: float = 0.0, *, begins: bool = False) -> None:
        """Let what follows take what is left of a file's processor time, and its memory.

        A file that `begins` has its memory beside what the files before it left, which is as much again at the most.
        """
        left = limits.cpu_s_max - spent_s
        if left <= 0:
            raise OutOfTimeError
        _, hardest = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + left), hardest))
        if begins or limits.memory_mb_max != self._memory_mb:
            _, hardest = resource.getrlimit(resource.RLIMIT_DATA)
            own = limits.memory_mb_max * MB
            left = min(max(_data_bytes() - self._data_bytes, 0), own)
            resource.setrlimit(resource.RLIMIT_DATA, (self._data_bytes + left + own, hardest))
            self._memory_mb = limits.memory_mb_max

    def work(self, function: Callable[..., Any], request: ReadRequest, *arguments: Any) -> Any:
        """What a function gives for a file."""
        self.bound(request.limits, begins=True)
        return function(request, *arguments)

    def open(self, number: int, name: str, request: ReadRequest) -> Any:
        """(columns of an opened file, whether it says itself what they are, those that have another name in it)."""
        self.bound(request.limits, begins=True)
        reading = formats.named(name).read(request)
        self._readings[number] = reading
        return reading.columns, reading.described, dict(reading.headings)

    def begin(self, number: int, opened: Sequence[int]) -> Any:
        """Begin with the rows of opened files."""
        first, *others = readings = [self._readings.pop(one) for one in opened]
        batches = first.together(others) if others else ((batch, 0) for batch in first)
        self._streams[number] = _Stream(readings, batches)

    def next(self, number: int) -> Any:
        """The next (batch, place), or what the files counted: (received, faults) of each."""
        stream = self._streams[number]
        self.bound(stream.readings[0].request.limits, stream.spent_s)
        began = time.process_time()
        found = next(stream.batches, None)
        if found is None:
            del self._streams[number]
            return [(reading.received, reading.faults) for reading in stream.readings]
        place = found[1] if isinstance(found[1], int) else None
        stream.spent_s = time.process_time() - began + (stream.spent_s if place == stream.place else 0.0)
        stream.place = place
        return found

    def forget(self) -> None:
        """Give back the memory of the files that were read."""
        self._readings.clear()
        self._streams.clear()
        formats.forget()


def main(files: int) -> None:
    """Answer until there is nothing more to read. `files` is the socket for descriptors of rows in shared memory."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A service or a terminal sends these to all of its processes: who started it decides.
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The stack of each thread counts as memory, also where nothing is on it.
    pa.set_io_thread_count(IO_THREADS)
    threading.stack_size(STACK_BYTES)
    source, answers = sys.stdin.buffer, _Answers(os.fdopen(os.dup(1), "wb"), socket.socket(fileno=files))
    os.dup2(2, 1)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    reader = Reader()
    try:
        while questions := _questions(source):
            for name, arguments in questions:
                _answer(reader, name, arguments, answers)
            answers.pipe.flush()
    except MemoryError:
        # Not even the answer that there is none left found room.
        os._exit(OUT_OF_MEMORY)


def _questions(source: BinaryIO) -> Sequence[tuple[str, tuple[Any, ...]]]:
    """The next message; none when nobody asks any more."""
    try:
        return cast(Sequence[tuple[str, tuple[Any, ...]]], pickle.load(source))
    except EOFError:
        return ()


def _answer(reader: Reader, name: str, arguments: tuple[Any, ...], answers: _Answers) -> None:
    try:
        found = getattr(reader, name)(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is goes on where the question was asked
        answers.put("error", _packed(error))
        return
    if isinstance(found, tuple) and isinstance(found[0], pa.RecordBatch):
        answers.put_rows(*found)
    else:
        answers.put("value", found)


@dataclass(frozen=True, slots=True)
class _Answers:
    """Where answers go: to a pipe, many rows into shared memory, whose descriptors go to a socket."""

    pipe: BinaryIO
    files: socket.socket

    def put(self, kind: str, value: Any) -> None:
        """An answer."""
        pickle.dump((kind, value), self.pipe)

    def put_rows(self, batch: pa.RecordBatch, place: Any) -> None:
        """Rows, of one place or with the place of each."""
        if batch.nbytes < SHARED_BYTES:
            stream = pa.BufferOutputStream()
            _write(batch, stream)
            data = stream.getvalue()
            self.put("rows", Rows(data.size, place, shared=False))
            self.pipe.write(data)
            return
        with _memory_file() as file:
            _write(batch, pa.PythonFile(file, "w"))
            self.put("rows", Rows(file.tell(), place, shared=True))
            socket.send_fds(self.files, [b"."], [file.fileno()])


def _write(batch: pa.RecordBatch, sink: pa.NativeFile) -> None:
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)


def _memory_file() -> BinaryIO:
    """A file without a name: in memory where the system can, else in the folder for temporary files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("rows"), "w+b", buffering=0)
    return cast(BinaryIO, tempfile.TemporaryFile(buffering=0))


def _packed(error: Exception) -> tuple[type[Exception], tuple[Any, ...], dict[str, Any]]:
    if isinstance(error, MemoryError):
        return MemoryError, (), {}
    return type(error), error.args, error.__dict__


def _data_bytes() -> int:
    """What the limit on data counts already."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmData:")]
    return int(line.split()[1]) * 1024


def _end_with(parent: int) -> None:
    """End when who started it is gone, also in the middle of a file."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)
