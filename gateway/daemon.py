"""`gateway run`: takes files until it is stopped.

Each transport has a lane, a thread of its own, that finds files and hands them over; this thread alone commits. A
change in a drop folder only wakes its lane earlier; the sweep of the folder is the truth.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from queue import Empty, SimpleQueue

import structlog
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from gateway.errors import GatewayError
from gateway.pipeline import Gateway, Receipt
from gateway.session import open_gateway, taking_files
from gateway.transports import build
from gateway.transports.contract import Drop
from gateway.transports.lane import BackOff, Lane
from gateway.workbooks import write_workbooks

log = structlog.get_logger()
END_S_MAX = 3.0
"""How long the lanes together may take to end by themselves."""


class Daemon:
    """The loop that commits what the lanes find, and brings the books up to date."""

    def __init__(self, gateway: Gateway, lanes: list[Lane]) -> None:
        self.gateway, self.lanes = gateway, lanes
        self._stopping = False
        # Unlike an Event, this queue may be written to by a signal handler that interrupts its reader.
        self._inbox: SimpleQueue[tuple[Lane, list[Drop]] | None] = SimpleQueue()
        self._books_of: date | None = None
        daemon = gateway.config.daemon
        self._books_back_off = BackOff(daemon.tick_s, daemon.back_off_s_max)
        self._answered = False
        self._answers_back_off = BackOff(daemon.tick_s, daemon.back_off_s_max)

    def stop(self) -> None:
        """Commit what is under way, then end. May be called from a signal handler or another thread."""
        self._stopping = True
        self._inbox.put(None)

    def run(self) -> None:
        """Work until stopped."""
        log.info("daemon.started", home=str(self.gateway.home), transports=[lane.name for lane in self.lanes])
        for lane in self.lanes:
            lane.start(lambda lane, drops: self._inbox.put((lane, drops)))
        try:
            while not self._stopping:
                self._take(self._wait())
                self._answer()
                self._run_books()
        finally:
            for lane in self.lanes:
                lane.end()
            deadline = time.monotonic() + END_S_MAX
            for lane in self.lanes:
                lane.join(max(0.0, deadline - time.monotonic()))
        log.info("daemon.stopped")

    def _wait(self) -> dict[Drop, Lane]:
        """What the lanes have found, waiting for it for a tick."""
        found: dict[Drop, Lane] = {}
        with contextlib.suppress(Empty):
            item = self._inbox.get(timeout=self.gateway.config.daemon.tick_s)
            while True:
                if item is not None:
                    found.update(dict.fromkeys(item[1], item[0]))
                item = self._inbox.get_nowait()
        return found

    def _take(self, found: dict[Drop, Lane]) -> None:
        """Commit what was found. Whatever fails stays in its place, and its lane offers it again later."""
        # Master data first: the names in the other files are looked up in it.
        drops = sorted(found, key=lambda drop: not self.gateway.is_master_data(drop.partner))
        size = max(1, self.gateway.config.limits.files_per_commit_max)
        for start in range(0, len(drops), size):
            part = drops[start : start + size]
            for receipt in self._take_part(part):
                found[receipt.drop].done(receipt.drop, committed=receipt.committed)
                if receipt.committed:
                    self._books_of = None
                    self._answered = False
                for file in receipt.files:
                    log.info("file.taken", partner=file.partner, name=file.name, state=file.state,
                             received=file.received, accepted=file.accepted, rejected=file.rejected,
                             reason=file.reason, file_id=file.file_id)  # fmt: skip

    def _take_part(self, drops: list[Drop]) -> list[Receipt]:
        try:
            return self.gateway.take(drop for drop in drops if not self._stopping)
        except GatewayError as error:
            log.error("take.failed", error=str(error))
        except Exception:
            # The loop must outlive it: what was committed is found to be so when it is offered again.
            log.exception("take.failed")
        return [Receipt(drop, committed=False) for drop in drops]

    def _answer(self) -> None:
        """After files were taken, and at the start: what a killed process composed is written then."""
        if self._answered or not self._answers_back_off.ready():
            return
        try:
            written = self.gateway.write_acknowledgements()
        except GatewayError as error:
            log.error("answer.failed", error=str(error), again_in_s=round(self._answers_back_off.failed(), 1))
        except Exception:
            log.exception("answer.failed", again_in_s=round(self._answers_back_off.failed(), 1))
        else:
            self._answered = True
            self._answers_back_off.worked()
            for path in written:
                log.info("acknowledgement.written", partner=path.parent.name, name=path.name)
            if written:
                for lane in self.lanes:
                    lane.wake()

    def _run_books(self) -> None:
        """After files were taken, at the start, and once a day (UTC): what is late today was in time yesterday."""
        today = datetime.now(UTC).date()
        if self._stopping or self._books_of == today or not self._books_back_off.ready():
            return
        try:
            outcome = self.gateway.run_books()
            workbooks = write_workbooks(self.gateway)
        except GatewayError as error:
            log.error("books.failed", error=str(error), again_in_s=round(self._books_back_off.failed(), 1))
        except Exception:
            log.exception("books.failed", again_in_s=round(self._books_back_off.failed(), 1))
        else:
            self._books_of = today
            self._books_back_off.worked()
            log.info("books.done", open=outcome.open, opened=outcome.opened, closed=outcome.closed,
                     workbooks=[path.name for path in workbooks])  # fmt: skip
            for lane in self.lanes:
                lane.wake()


class _Waker(FileSystemEventHandler):
    def __init__(self, lane: Lane) -> None:
        self.lane = lane

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "moved", "closed", "modified"):
            self.lane.wake()


@contextlib.contextmanager
def watching(folder: Path, lane: Lane) -> Iterator[None]:
    """Wake the lane when something changes in the folder. Without it, where that cannot be had, polling does."""
    observer = Observer()
    try:
        observer.schedule(_Waker(lane), str(folder), recursive=True)
        observer.start()
    except OSError as error:
        log.warning("watch.failed", error=str(error), consequence="drops are found by polling alone")
    try:
        yield
    finally:
        if observer.is_alive():
            observer.stop()
            observer.join(1.0)


def run(home: Path) -> None:
    """Run the daemon on a home until SIGTERM or SIGINT. Raises GatewayError if another takes files there."""
    with open_gateway(home) as gateway, taking_files(gateway):
        lanes = build(home, gateway.config, gateway.lake.folder)
        daemon = Daemon(gateway, lanes)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, frame: daemon.stop())
        (home / "inbound").mkdir(exist_ok=True)
        with watching(home / "inbound", lanes[0]):
            daemon.run()
