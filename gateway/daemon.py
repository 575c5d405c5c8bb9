"""`gateway run`: takes files until it is stopped.

Each transport has a lane, a thread of its own, that finds files and hands them over; this thread alone commits. A
change in a drop folder only wakes its lane earlier; the sweep of the folder is the truth.
"""

from __future__ import annotations

import contextlib
import logging
import operator
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

import duckdb

from gateway import settings as configuration
from gateway.backoff import BackOff
from gateway.books import feeds
from gateway.books.reconcile import Outcome
from gateway.dispatch import Dispatch
from gateway.errors import HouseError
from gateway.failures import explained
from gateway.home import Home, open_home
from gateway.init import make_drop_folders, open_to_others
from gateway.intake.result import Receipt
from gateway.intake.take import Intake
from gateway.log import log
from gateway.monitor import Monitor
from gateway.notifications import Notifier, NotifierThread
from gateway.notifications.places import Place
from gateway.once import run_books, taking_files
from gateway.reports import exceptions
from gateway.state_server import serving, token_of_this_run
from gateway.transports import build
from gateway.transports.delivered import Recorder
from gateway.transports.deliveries import Deliveries
from gateway.transports.lane import Lane
from gateway.transports.transport import Drop
from gateway.transports.watching import watching
from gateway.watched_settings import Watched
from gateway.workbooks.write import write_workbooks

T = TypeVar("T")
END_S_MAX = 0.3
"""How long the lanes together may take to end by themselves."""
EXIT_S = 0.95
"""A process that is asked to stop exits after this time, whatever it does: every step can be repeated."""
LEVELS = {"HELD": logging.WARNING, "QUARANTINED": logging.WARNING, "FAILED": logging.ERROR}
"""Of the log line of a file that a person must look at, by its state."""
BOOKS_SHARE = 0.2
"""The share of the time that the books may take while files keep coming."""
BOOKS_WAIT_S = 600.0
"""So long the books wait for the end of a flood of files."""
AS_BEFORE = "the settings of before stay in force"
FAILED_PAUSE_S_MAX = 5.0
"""The longest pause after a turn that failed."""
STOP_S = 0.5
"""How long what is being committed may take to its end after the stop was asked for; then it is undone."""


class Daemon:
    """The loop that commits what the lanes find, and brings the books up to date."""

    def __init__(self, intake: Intake, lanes: list[Lane]) -> None:
        self.intake, self.lanes = intake, lanes
        home = intake.home
        self._dispatch = Dispatch(home)
        self.monitor = Monitor()
        self.monitor.lanes = lanes
        self._expect_partners(home)
        self.notifier_thread = NotifierThread(self._notifier(home))
        self._watched = Watched(home.folder)
        self._running = False
        self._stopping = False
        self._lanes_due = False
        # Unlike an Event, this queue may be written to by a signal handler that interrupts its reader.
        self._inbox: SimpleQueue[tuple[Lane, list[Drop]] | None] = SimpleQueue()
        self._backlog: dict[Drop, Lane] = {}
        self._books_of: datetime | None = None
        self._books_not_before = time.monotonic()
        self._turns = _turns(home)
        daemon = home.settings.daemon
        self._books_back_off = BackOff(daemon.tick_s, daemon.back_off_s_max)
        self._recorder = Recorder(home.lake, self._servers)
        self._recording_back_off = BackOff(daemon.tick_s, daemon.back_off_s_max)
        self._answered = False
        self._answers_back_off = BackOff(daemon.tick_s, daemon.back_off_s_max)

    @property
    def home(self) -> Home:
        """The home that files are taken into."""
        return self.intake.home

    def stop(self) -> None:
        """Commit what is under way, or undo it if it takes long, then end. For signal handlers and other threads."""
        if not self._stopping:
            self._stopping = True
            self._inbox.put(None)
            threading.Thread(target=self._cut_short, name="stop", daemon=True).start()

    def _cut_short(self) -> None:
        """End the queries of what takes long: its commit is undone, and the files are taken at the next start."""
        time.sleep(STOP_S)
        while self._running:
            self.home.lake.con.interrupt()
            time.sleep(0.02)

    def wake(self) -> None:
        """Look at the drop folders now."""
        for lane in self.lanes[:1]:
            lane.wake()

    def run(self) -> None:
        """Work until stopped."""
        log.info("daemon.started", home=str(self.home.folder), transports=[lane.name for lane in self.lanes])
        self._running = True
        if wrong := open_to_others(self.home.folder):
            log.warning("home.open", problem=wrong)
        self._report_faults(self.home)
        self._start_lanes()
        self.notifier_thread.start()
        try:
            while not self._stopping:
                self._turn()
        except duckdb.InterruptException:
            # Only a stop interrupts. It may hit a query between two steps.
            log.info("step.undone")
        finally:
            self._running = False
            self.monitor.ended()
            self.notifier_thread.end()
            self._end_lanes()
            self._record_deliveries()
        log.info("daemon.stopped")

    def _turn(self) -> None:
        """One round of the loop. Whatever fails in it is logged and tried again: files must go on."""
        try:
            self._renew_lanes()
            self._take(self._wait())
            self._answer()
            self._record_deliveries()
            self._run_books()
            self._reload()
        except duckdb.InterruptException:
            raise
        except Exception:
            log.exception("daemon.failed", consequence="it is tried again")
            time.sleep(min(self.home.settings.daemon.tick_s, FAILED_PAUSE_S_MAX))

    def reload(self) -> None:
        """Read settings and mappings again at the next turn, changed or not. For signal handlers."""
        self._watched.ask()
        self._inbox.put(None)

    def _start_lanes(self) -> None:
        self.monitor.lanes = self.lanes
        for lane in self.lanes:
            lane.start(lambda lane, drops: self._inbox.put((lane, drops)))

    def _end_lanes(self) -> None:
        for lane in self.lanes:
            lane.end()
        deadline = time.monotonic() + END_S_MAX
        for lane in self.lanes:
            lane.join(max(0.0, deadline - time.monotonic()))

    # --- settings and mappings ------------------------------------------------------------------------

    def _reload(self) -> None:
        """Load changed settings and mappings. Broken ones are reported, and those of before stay in force."""
        if self._stopping or not self._watched.changed():
            return
        old = self.home
        try:
            config = configuration.load(old.folder)
            build(old.folder, config, old.lake.folder)  # Refuses what cannot work before anything ends.
            new = old.reloaded(config)
            notifier = self._notifier(new)
        except HouseError as error:
            log.error("reload.refused", error=str(error), consequence=AS_BEFORE)
            self.monitor.configured([str(error)])
            return
        except duckdb.InterruptException:
            raise
        except Exception as error:
            # A file that vanishes or loses its rights while it is read.
            log.exception("reload.refused", consequence=AS_BEFORE)
            self.monitor.configured([f"read settings and mappings: {error}"])
            return
        self.intake = Intake(new, self.intake.suspects)
        self._dispatch = Dispatch(new)
        self._expect_partners(new)
        self.notifier_thread.notifier = notifier
        log.info("reloaded", mappings=len(new.library.mappings), faults=len(new.library.faults))
        self._report_faults(new)
        self._books_of = None
        self._turns = _turns(new)
        if config == old.settings:
            return
        needs_restart = [
            name
            for name in ("ledger", "audit", "limits.memory_mb_max", "daemon.listen", "daemon.token_env")
            if operator.attrgetter(name)(config) != operator.attrgetter(name)(old.settings)
        ]
        if needs_restart:
            log.warning("reload.restart_needed", settings=needs_restart)
        self._end_lanes()
        # What the old lanes had handed over, the new ones find again.
        self._inbox = SimpleQueue()
        self._backlog.clear()
        # Built when the old ones have ended: what these delivered last is not delivered again.
        self._lanes_due = True
        self._renew_lanes()

    def _notifier(self, home: Home) -> Notifier:
        return Notifier(home.folder, home.settings, home.rules, home.feeds, self._places)

    def _places(self) -> list[Place]:
        """How the folders and servers are; called in the notifier's thread."""
        return [
            Place(one.name, one.failures, one.failing_since, one.error, not one.error and one.visited is not None)
            for one in list(self.lanes)
        ]

    def _renew_lanes(self) -> None:
        """Build the lanes again where they ended; what fails is tried again at the next turn."""
        if self._lanes_due:
            self.lanes = build(self.home.folder, self.home.settings, self.home.lake.folder)
            self._lanes_due = False
            self._start_lanes()

    def _expect_partners(self, home: Home) -> None:
        """What a partner has from the moment it is configured: a drop folder, and its figures."""
        self.monitor.expect(home)
        for problem in make_drop_folders(home.folder, home.partners):
            log.warning("inbound.not_made", problem=problem)

    def _report_faults(self, home: Home) -> None:
        self.monitor.configured(map(str, home.library.faults))
        for fault in home.library.faults:
            log.warning("mapping.refused", file=fault.file, line=fault.line, message=fault.message, fix=fault.fix)

    # --- files and books ------------------------------------------------------------------------------

    def _wait(self) -> dict[Drop, Lane]:
        """What the lanes have found, waiting for it for a tick where there is nothing yet."""
        found, self._backlog = self._backlog, {}
        with contextlib.suppress(Empty):
            item = self._inbox.get(not found, self.home.settings.daemon.tick_s)
            while True:
                if item is not None:
                    found.update(dict.fromkeys(item[1], item[0]))
                item = self._inbox.get_nowait()
        return found

    def _take(self, found: dict[Drop, Lane]) -> None:
        """Commit what was found. Whatever fails stays in its place, and its lane offers it again later.

        Who sends few files comes before who sends many. When something else was found meanwhile, the rest waits for
        one commit of it: a flood of one partner's files delays no other's.
        """
        many = Counter(drop.partner for drop in found)
        drops = self.intake.in_order(sorted(found, key=lambda drop: many[drop.partner]))
        try:
            with contextlib.closing(self.intake.take(drops, lambda: self._stopping)) as commits:
                while (receipts := self._next(commits)) is not None:
                    for receipt in receipts:
                        found.pop(receipt.drop).done(receipt.drop, committed=receipt.committed)
                        self._note(receipt)
                    self.monitor.took(receipts, datetime.now(UTC))
                    if not self._inbox.empty():
                        self._backlog, found = found, {}
                        return
        finally:
            if not self._stopping:
                for drop, lane in found.items():
                    lane.done(drop, committed=False)

    def _note(self, receipt: Receipt) -> None:
        if receipt.committed:
            self._books_of = None
            self._answered = False
        for file in receipt.files:
            log.log(
                LEVELS.get(file.state, logging.INFO),
                "file.taken",
                partner=file.partner,
                name=file.name,
                state=file.state,
                received=file.received,
                accepted=file.accepted,
                rejected=file.rejected,
                reason=file.reason,
                file_id=file.file_id,
            )

    def _next(self, commits: Iterator[list[Receipt]]) -> list[Receipt] | None:
        """What the next commit took, None when there is none or it failed."""
        try:
            with self.monitor.step("take"):
                return next(commits, None)
        except HouseError as error:
            log.error("take.failed", error=str(error))
        except duckdb.InterruptException:
            log.info("take.undone")
        except Exception as error:  # noqa: BLE001 - the loop must outlive it: what was committed is found to be so
            self._log_failed("take.failed", error)
        return None

    def _answer(self) -> None:
        """After files were taken, when a document is due, and at the start: what a killed process composed is
        written."""
        if self._answered and not self._dispatch.is_due():
            return
        written = self._try("answer", self._answers_back_off, self._dispatch.write)
        if written is None:
            return
        self._answered = True
        for path in written:
            log.info("outbound.written", partner=path.parent.name, name=path.name)
        if written:
            self._wake_lanes()

    @property
    def _servers(self) -> list[Deliveries]:
        return [lane.deliveries for lane in self.lanes if lane.deliveries is not None]

    def _record_deliveries(self) -> None:
        """Commit what the lanes have delivered: what is not recorded now is recorded at the next start."""
        self._try("record", self._recording_back_off, lambda: self._recorder.record(self._servers))

    def _run_books(self) -> None:
        """After files were taken, at the start, each day (UTC), and when a file that is expected becomes late."""
        turn = self._turns.last(datetime.now(UTC))
        if self._stopping or self._books_of == turn:
            return
        begun = time.monotonic()
        if begun < self._books_not_before + (BOOKS_WAIT_S if self._backlog else 0.0):
            return
        done = self._try("books", self._books_back_off, self._books_and_workbooks)
        if done is None:
            return
        outcome, workbooks = done
        self._books_of = turn
        ended = time.monotonic()
        self._books_not_before = ended + (ended - begun) * (1 / BOOKS_SHARE - 1)
        self.monitor.booked(exceptions.by_owner(self.home.lake.con))
        log.info(
            "books.done",
            open=outcome.open,
            opened=outcome.opened,
            closed=outcome.closed,
            workbooks=[path.name for path in workbooks],
        )
        self._wake_lanes()

    def _books_and_workbooks(self) -> tuple[Outcome, list[Path]]:
        home = self.home
        outcome = run_books(home)
        return outcome, write_workbooks(
            home.folder, home.lake, home.context, home.rules.metrics, reconciled=home.reconciled
        )

    def _try(self, step: str, back_off: BackOff, work: Callable[[], T]) -> T | None:
        """The result, None if it failed or must wait: it is tried again later, and files go on."""
        if not back_off.ready():
            return None
        failed, undone = f"{step}.failed", f"{step}.undone"
        try:
            with self.monitor.step(step):
                result = work()
        except HouseError as error:
            log.error(failed, error=str(error), again_in_s=round(back_off.failed(), 1))
        except duckdb.InterruptException:
            log.info(undone)
        except Exception as error:  # noqa: BLE001 - the other steps go on, whatever it is
            self._log_failed(failed, error, again_in_s=round(back_off.failed(), 1))
        else:
            back_off.worked()
            return result
        return None

    def _log_failed(self, event: str, error: Exception, **more: object) -> None:
        """What the machine refused in a sentence; of a defect of the program the traceback."""
        refused = explained(error, "go on at", str(self.home.folder), *self.home.lake.store.folders)
        if refused is None:
            log.error(event, exc_info=error, **more)
        else:
            log.error(event, error=str(refused), **more)

    def _wake_lanes(self) -> None:
        for lane in self.lanes:
            lane.wake()


def _turns(home: Home) -> feeds.Turns:
    awaits = any(partner.acknowledge.expect != "none" for partner in home.settings.partners.values())
    return feeds.Turns(home.feeds, hourly=awaits)


def _stop(daemon: Daemon) -> None:
    def leave() -> None:
        time.sleep(EXIT_S)
        daemon.intake.suspects.close()
        log.info("daemon.stopped", cut_off=True)
        os._exit(0)

    daemon.stop()
    threading.Thread(target=leave, name="leave", daemon=True).start()


@contextlib.contextmanager
def _token(variable: str, folder: Path) -> Iterator[str]:
    """What the state is asked for with: that of the settings, or one of this run."""
    if not variable:
        with token_of_this_run(folder) as token:
            yield token
        return
    token = configuration.secret_of(variable)
    if not token:
        hint = f"Set the environment variable {variable}, or remove daemon.token_env."
        raise HouseError("show the state to", "those who have the token", hint, "there is no token")
    yield token


def run(folder: Path) -> None:
    """Run the daemon on a home until SIGTERM or SIGINT. Raises HouseError if another takes files there."""
    with open_home(folder) as home:
        intake = Intake(home)
        with taking_files(intake):
            daemon = Daemon(intake, build(folder, home.settings, home.lake.folder))
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda number, frame: _stop(daemon))
            signal.signal(signal.SIGHUP, lambda number, frame: daemon.reload())
            shown = home.settings.daemon
            with (
                _token(shown.token_env, home.lake.folder) as token,
                serving(daemon.monitor, shown.listen, token, private=bool(shown.token_env)) as address,
                watching(folder / "inbound", daemon),
            ):
                if address:
                    log.info("daemon.listening", address=address)
                daemon.run()
