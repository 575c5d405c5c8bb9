"""The asking side of the process that reads files: questions over one pipe, answers over another, rows in shared
memory.

Where the process ends, the question that it worked on is answered with `DiedError`, those behind it with `LostError`.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from gateway.errors import FileError
from gateway.reader_process import OUT_OF_MEMORY, OutOfTimeError
from gateway.reading import ReadRequest

PIPE_BYTES = 1 << 20
PIPE_LEAST_BYTES = 4096
"""What a pipe holds at least (POSIX allows 512; every system that has this program gives a page)."""
TOGETHER = 32
"""So many short questions share a message: each message wakes both processes."""
PATIENCE_S = 5
"""How long a process that stopped answering may take to end by itself."""
CPU_FIX = "Look at the file and at who sent it. To read it, raise `cpu_s_max` under [limits], then `gateway replay` it."
MEMORY_FIX = (
    "Look at the file and at who sent it. To read it, raise `memory_mb_max` under [limits], then `gateway replay` it."
)
STALLED = 1000
"""In place of an exit code: it was ended because it did nothing."""
STALL_S = 30.0
LOOK_S = 1.0
"""How long it may use no processor time while somebody waits for its answer, and how often that is looked at. Where a
thread finds no memory to start with, who started it waits for ever."""
PROGRESS_S = 0.02
DIED_FIX = "Look for the cause: the log of the system shows whether memory ran out. Then `gateway replay` the file."


class LostError(Exception):
    """The process ended before it came to this question, or it is not known whether it had."""


class DiedError(Exception):
    """The process ended over this question, by this signal (negative) or with this exit code."""

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
    def stalled(self) -> bool:
        """Whether it did nothing for so long that it was ended."""
        return self.code == STALLED

    @property
    def for_good(self) -> bool:
        """Whether the same question would end it again."""
        return self.out_of_time or self.out_of_memory or self.stalled


@dataclass(slots=True, eq=False)
class Asked:
    """A question and, once it is `done`, its answer."""

    question: tuple[str, tuple[Any, ...]]
    done: bool = False
    kind: str = ""
    value: Any = None

    def answer(self, kind: str, value: Any = None) -> None:
        """Note the answer."""
        self.done, self.kind, self.value = True, kind, value


@dataclass(slots=True)
class _Message:
    """Questions that were sent together and are not all answered, and the bytes that they took."""

    waiting: deque[Asked]
    size: int


class ReaderProcess:
    """One process that reads, started when it is needed. For any thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._files: socket.socket | None = None
        self._room = PIPE_LEAST_BYTES
        self._unsent: list[Asked] = []
        self._sent: deque[_Message] = deque()
        self._lock = threading.RLock()
        self._receiving = self._received = 0
        self._stalled = False
        self.numbers = itertools.count()
        self.ended = 0
        """How many times it ended: what was opened before is gone."""

    @property
    def is_there(self) -> bool:
        """Whether it was started and did not end, as far as is known."""
        return self._process is not None

    def start(self) -> None:
        """Start it if it is not there, without waiting for it."""
        with self._lock:
            if self._process is not None:
                return
            self._files, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", f"from gateway.reader_process import main; main({theirs.fileno()})"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, "MALLOC_ARENA_MAX": "2"},
                )
            self._stalled = False
            threading.Thread(target=self._watch, args=(self._process,), name="reader-watch", daemon=True).start()
            with suppress(OSError, AttributeError):
                fcntl.fcntl(self._pipe("stdout"), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
                self._room = fcntl.fcntl(self._pipe("stdin"), fcntl.F_GETPIPE_SZ)

    def ask(self, name: str, *arguments: Any, together: bool = False) -> Asked:
        """Ask, without waiting for the answer; `together` with questions that follow, as short ones may."""
        asked = Asked((name, arguments))
        with self._lock:
            self._unsent.append(asked)
            if not together or len(self._unsent) >= TOGETHER:
                self._send()
        return asked

    def result(self, asked: Asked) -> Any:
        """What was answered. Raises what was raised there, DiedError and LostError where it ended, MemoryError."""
        with self._lock:
            if asked in self._unsent:
                self._send()
            while not asked.done:
                self._receive()
        if asked.kind == "died":
            raise DiedError(asked.value)
        if asked.kind == "lost":
            raise LostError
        if asked.kind == "error":
            raise self._raised(*asked.value)
        return asked.value

    def sure(self, request: ReadRequest, name: str, *arguments: Any, asked: Asked | None = None) -> Any:
        """The answer about a file. Raises FileError where it takes too much, or ends the process twice."""
        deaths = 0
        while True:
            try:
                return self.result(asked or self.ask(name, *arguments))
            except LostError:
                asked = None
            except DiedError as error:
                asked = None
                deaths += 1
                if error.for_good or deaths > 1:
                    raise refused(request, error) from None
            except MemoryError as error:
                raise refused(request, error) from None

    def _raised(self, kind: type[Exception], arguments: Sequence[Any], attributes: dict[str, Any]) -> Exception:
        if kind is OutOfTimeError:
            return DiedError(-signal.SIGXCPU)
        if kind is MemoryError:
            self.end()
        error = kind.__new__(kind, *arguments)
        error.__dict__.update(attributes)
        return error

    def _pipe(self, which: str) -> IO[bytes]:
        return cast(IO[bytes], getattr(self._process, which))

    def _send(self) -> None:
        """Send what waits, as one message. With answers under way it must find room, or both sides would wait."""
        unsent, self._unsent = self._unsent, []
        data = pickle.dumps([asked.question for asked in unsent])
        while self._sent and sum(one.size for one in self._sent) + len(data) > self._room:
            self._receive()
        self.start()
        self._sent.append(_Message(deque(unsent), len(data)))
        try:
            self._pipe("stdin").write(data)
            self._pipe("stdin").flush()
        except OSError:
            self._died()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """End the process where somebody waits for an answer and it uses no processor time."""
        used, received, since = processor_s(process.pid), 0, time.monotonic()
        while used is not None and process.returncode is None:
            time.sleep(min(LOOK_S, STALL_S))
            now = processor_s(process.pid)
            if now is None or now - used > PROGRESS_S or received != self._received or not self._receiving:
                used, received, since = now, self._received, time.monotonic()
            elif time.monotonic() - since > STALL_S:
                self._stalled = True
                process.kill()
                return

    def _receive(self) -> None:
        """Take the next answer."""
        self._receiving += 1
        try:
            self._take()
        finally:
            self._receiving -= 1
            self._received += 1

    def _take(self) -> None:
        try:
            kind, value = pickle.load(self._pipe("stdout"))
            if kind == "rows":
                buffer = self._shared(value.size) if value.shared else self._inline(value.size)
                value = (pa.ipc.open_stream(buffer).read_next_batch(), value.place)
        except (EOFError, pickle.UnpicklingError, OSError):
            self._died()
            return
        message = self._sent[0]
        message.waiting.popleft().answer(kind, value)
        if not message.waiting:
            self._sent.popleft()

    def _inline(self, size: int) -> pa.Buffer:
        buffer = pa.allocate_buffer(size)
        if self._pipe("stdout").readinto(memoryview(buffer)) < size:  # type: ignore[attr-defined]
            raise EOFError
        return buffer

    def _shared(self, size: int) -> pa.Buffer:
        """A file of memory whose descriptor came over the socket; it is gone with the last batch that lies in it."""
        _, descriptors, _, _ = socket.recv_fds(cast(socket.socket, self._files), 1, 1)
        if not descriptors:
            raise EOFError
        try:
            # The map goes on without a descriptor: hundreds of batches are held at once.
            with pa.memory_map(f"/dev/fd/{descriptors[0]}") as file:
                return file.read_buffer(size)
        finally:
            os.close(descriptors[0])

    def _died(self) -> None:
        """It ended over the oldest message: of several questions, nobody knows which one it was."""
        first = self._sent.popleft().waiting if self._sent else deque[Asked]()
        code = self.end(PATIENCE_S)
        code = STALLED if self._stalled else code
        for asked in first:
            asked.answer("died" if len(first) == 1 else "lost", code)

    def end(self, patience_s: float = 0) -> int:
        """End it, if it does not end by itself; its exit code, or the signal that ended it as a negative number."""
        with self._lock:
            process, self._process = self._process, None
            while self._sent:
                for asked in self._sent.popleft().waiting:
                    asked.answer("lost")
            if process is None:
                return 0
            self.ended += 1
            try:
                process.wait(patience_s)
            except subprocess.TimeoutExpired:
                process.kill()
            for one in (process.stdin, process.stdout, self._files):
                with suppress(OSError):
                    cast(IO[bytes], one).close()
            return process.wait()


def processor_s(pid: int) -> float | None:
    """Processor time that a process used, None where it is gone or the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def refused(request: ReadRequest, error: Exception) -> FileError:
    """Why a file is set aside that takes too much."""
    limits = request.limits
    if isinstance(error, MemoryError) or (isinstance(error, DiedError) and error.out_of_memory):
        what = f"it takes more than {limits.memory_mb_max} MB of memory to read (limits.memory_mb_max)"
        return FileError(request.name, what, MEMORY_FIX)
    if isinstance(error, DiedError) and error.out_of_time:
        what = f"it takes more than {limits.cpu_s_max} s of processor time to read (limits.cpu_s_max)"
        return FileError(request.name, what, CPU_FIX)
    if isinstance(error, DiedError) and error.stalled:
        what = f"the process that read it did nothing for {STALL_S:.0f} s, as where no memory is left for a thread"
        return FileError(request.name, what, MEMORY_FIX)
    code = error.code if isinstance(error, DiedError) else -signal.SIGKILL
    ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return FileError(request.name, f"the process that read it ended with {ended}", DIED_FIX)
