"""One transport at its own pace, in a thread of its own: one that is slow or gone delays no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue

from gateway.backoff import BackOff
from gateway.errors import HouseError
from gateway.log import log
from gateway.transports.deliveries import Deliveries
from gateway.transports.transport import Drop, Transport, UnreachableError

GAP_S = 0.1
"""Between two visits, however often the lane is woken: many changes in a folder are one."""
WORK_SHARE = 0.2
"""The share of the time that a lane may compute: looking at thousands of files must not delay their commit."""

Key = tuple[Path, str]
Found = Callable[["Lane", list[Drop]], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two visits: as a rule, and while files grow. After failures: at first, and at most."""

    usual_s: float
    soon_s: float
    back_off_s: float
    back_off_s_max: float


class Lane:
    """Visits a transport again and again: settles what was committed, polls, and delivers.

    A drop is handed to `found` once. It is handed over again only after `done` said that it was not committed,
    after a pause that grows each time.
    """

    def __init__(self, transport: Transport, pace: Pace, deliveries: Deliveries | None = None) -> None:
        self.transport, self.pace, self.deliveries = transport, pace, deliveries
        self.name = transport.name
        self._found: Found = lambda lane, drops: None
        self._done: SimpleQueue[tuple[Drop, bool]] = SimpleQueue()
        self._wake, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._back_off = BackOff(pace.back_off_s, pace.back_off_s_max)
        self._unsettled: list[Drop] = []
        self._busy: set[Key] = set()
        self._failed: dict[Key, BackOff] = {}
        self._reported: set[str] = set()
        self.error = ""
        """Why the last visit failed."""
        self.visited: float | None = None
        """When the last visit that worked ended (monotonic seconds)."""
        self.failures = 0
        """Visits in a row that failed."""
        self.failing_since: datetime | None = None
        """When the first of them was."""

    # --- for the thread that commits ------------------------------------------------------------------

    def start(self, found: Found) -> None:
        """Begin to visit; `found` is called in the lane's thread."""
        self._found = found
        self._thread.start()

    def wake(self) -> None:
        """Visit now."""
        self._wake.set()

    def done(self, drop: Drop, *, committed: bool) -> None:
        """What became of a drop that was handed over."""
        self._done.put((drop, committed))
        self._wake.set()

    def end(self) -> None:
        """Ask the lane to end after what it does now."""
        self._ended.set()
        self._wake.set()

    def join(self, seconds: float) -> None:
        """Wait for the end; a visit that takes longer is cut off: every step of it may be done again."""
        self._thread.join(seconds)
        self.transport.close()
        self._thread.join(0.2)

    # --- the lane's thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.clear()
            begun = time.thread_time()
            pause = self._visit_guarded()
            gap = max(GAP_S, (time.thread_time() - begun) * (1 / WORK_SHARE - 1))
            self._ended.wait(gap)
            self._wake.wait(max(0.0, pause - gap))

    def _visit_guarded(self) -> float:
        """A visit that outlives every failure; returns the pause until the next."""
        try:
            self.visit()
        except HouseError as error:
            if self._ended.is_set():
                return 0.0
            pause = self._failed_again(str(error))
            log.warning("transport.failed", transport=self.name, error=str(error), again_in_s=round(pause, 1))
            return pause
        except Exception as error:
            if self._ended.is_set():  # What was cut off may fail in any way.
                return 0.0
            log.exception("transport.failed", transport=self.name)
            with suppress(Exception):  # It is built again in any case.
                self.transport.close()
            return self._failed_again(repr(error))
        self._back_off.worked()
        if self.error:
            log.info("transport.back", transport=self.name, was=self.error)
        self.error, self.failures, self.failing_since, self.visited = "", 0, None, time.monotonic()
        return self.pace.soon_s if self.transport.soon else self.pace.usual_s

    def _failed_again(self, error: str) -> float:
        """Note a visit that failed; returns the pause until the next."""
        self.failing_since = self.failing_since or datetime.now(UTC)
        self.error, self.failures = error, self.failures + 1
        return self._back_off.failed()

    def visit(self) -> None:
        """Settle, poll, hand over, deliver. Raises HouseError when the other side does not answer."""
        problems = self._settle()
        drops = self.transport.poll()
        problems += [". ".join(filter(None, (p.message, p.hint))) for p in self.transport.problems]
        self._hand_over(drops)
        problems += self._deliver()
        self._report(problems)

    def _settle(self) -> list[str]:
        """Settle what was committed; what the other side refuses is tried again in the next visit."""
        while not self._done.empty():
            drop, committed = self._done.get()
            if committed:
                self._unsettled.append(drop)
                self._failed.pop(_key(drop), None)
            else:
                self._busy.discard(_key(drop))
                self._failed.setdefault(_key(drop), BackOff(self.pace.back_off_s, self.pace.back_off_s_max)).failed()
        problems: list[str] = []
        for drop in list(self._unsettled):
            try:
                self.transport.settle(drop)
            except UnreachableError:
                raise
            except HouseError as error:
                problems.append(str(error))
                continue
            self._unsettled.remove(drop)
            self._busy.discard(_key(drop))
        return problems

    def _hand_over(self, drops: list[Drop]) -> None:
        keys = {_key(drop) for drop in drops}
        self._failed = {key: back_off for key, back_off in self._failed.items() if key in keys | self._busy}
        free = [drop for drop in drops if self._is_free(_key(drop))]
        self._busy |= {_key(drop) for drop in free}
        if free:
            self._found(self, free)

    def _is_free(self, key: Key) -> bool:
        return key not in self._busy and (key not in self._failed or self._failed[key].ready())

    def _deliver(self) -> list[str]:
        if self.deliveries is None:
            return []
        problems: list[str] = []
        for delivery in self.deliveries.waiting():
            if self._ended.is_set():
                break
            try:
                self.transport.deliver([delivery.path])
            except UnreachableError:
                raise
            except HouseError as error:
                problems.append(str(error))
                continue
            self.deliveries.sent(delivery)
            log.info("file.delivered", transport=self.name, file=delivery.key)
        return problems + self.deliveries.problems

    def _report(self, problems: list[str]) -> None:
        """Log what is new: a problem that stays is logged once."""
        for problem in dict.fromkeys(problems):
            if problem not in self._reported:
                log.warning("transport.problem", transport=self.name, problem=problem)
        self._reported = set(problems)


def _key(drop: Drop) -> Key:
    return drop.path, drop.token
