"""The process that reads files of strangers: a request at a time, each within its processor time and memory.

`gateway.readers` starts it, writes requests to its standard input and reads answers from its standard output. It ends when
its input does, so it does not outlive who started it.
"""

from __future__ import annotations

import math
import os
import pickle
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from gateway import formats
from gateway.reading import Reading, ReadRequest
from gateway.settings import Limits

MB = 1 << 20
OUT_OF_MEMORY = 66
"""Its exit code where no room is left to answer."""
LOOK_S = 1.0
"""How often it looks whether who started it is still there."""


class OutOfTimeError(Exception):
    """A file has used up its processor time."""


@dataclass(frozen=True, slots=True)
class Rows:
    """An answer that so many bytes of a record batch follow; `place` is whose rows these are."""

    size: int
    place: Any


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
        self._data_bytes = _data_bytes()
        self._memory_mb = 0

    def bound(self, limits: Limits, spent_s: float = 0.0) -> None:
        """Let what follows take what is left of a file's processor time, and its memory beside what is used now."""
        left = limits.cpu_s_max - spent_s
        if left <= 0:
            raise OutOfTimeError
        _, hardest = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + left), hardest))
        if limits.memory_mb_max != self._memory_mb:
            _, hardest = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (self._data_bytes + limits.memory_mb_max * MB, hardest))
            self._memory_mb = limits.memory_mb_max

    def units(self, name: str, request: ReadRequest) -> Any:
        """The units of an interchange."""
        self.bound(request.limits)
        interchange = formats.interchange_of(name)
        assert interchange is not None
        return interchange.units(request)

    def described(self, request: ReadRequest, looks: Sequence[str]) -> Any:
        """What a file shows of itself."""
        self.bound(request.limits)
        return formats.described(request, looks)

    def open(self, number: int, name: str, request: ReadRequest) -> Any:
        """(columns of an opened file, whether it says itself what they are, those that have another name in it)."""
        self.bound(request.limits)
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


def main() -> None:
    """Answer until there is nothing more to read."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A service or a terminal sends these to all of its processes: who started it decides.
        signal.signal(number, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    reader = Reader()
    try:
        while _answer(reader, source, target):
            target.flush()
    except MemoryError:
        # Not even the answer that there is none left found room.
        os._exit(OUT_OF_MEMORY)


def _answer(reader: Reader, source: BinaryIO, target: BinaryIO) -> bool:
    try:
        name, arguments = pickle.load(source)
    except EOFError:
        return False
    try:
        found = getattr(reader, name)(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is goes on where the question was asked
        pickle.dump(("error", _packed(error)), target)
        return True
    if isinstance(found, tuple) and isinstance(found[0], pa.RecordBatch):
        data = found[0].serialize()
        pickle.dump(("rows", Rows(data.size, found[1])), target)
        target.write(data)
    else:
        pickle.dump(("value", found), target)
    return True


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


if __name__ == "__main__":
    main()
