"""`gateway run`: takes files at its own pace until it is stopped.

It works by ticks. A change in a drop folder only wakes it earlier; the sweep of the folders is the truth. One
transport that fails or is slow to answer backs off alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol

import structlog
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from gateway.atomic import write_atomically
from gateway.config import Config, Sftp
from gateway.errors import GatewayError
from gateway.ledger import lake
from gateway.pipeline import Gateway
from gateway.session import open_gateway
from gateway.transports import build
from gateway.transports.contract import Drop, Transport
from gateway.transports.sftp import BackOff
from gateway.workbooks import write_workbooks

log = structlog.get_logger()
DELIVERED = "delivered.json"


class Receipt(Protocol):
    """What became of a drop: `committed` says that it may be settled."""

    @property
    def drop(self) -> Drop: ...
    @property
    def committed(self) -> bool: ...


class Pipeline(Protocol):
    """What the daemon drives."""

    def take(self, drops: Sequence[Drop]) -> Sequence[Receipt]:
        """Take files; each committed or left alone."""

    def finish(self) -> list[Path]:
        """Bring the books up to date; the workbooks that were written."""


class Daemon:
    """The loop. `stop` may be called from a signal handler or another thread."""

    def __init__(
        self, home: Path, config: Config, pipeline: Pipeline, transports: Sequence[Transport], state: Path
    ) -> None:
        self.home, self.config, self.pipeline, self.transports, self.state = home, config, pipeline, transports, state
        self._stop = threading.Event()
        self._wake = threading.Event()
        daemon = config.daemon
        self._back_off = {t.name: BackOff(daemon.tick_s, daemon.back_off_s_max) for t in transports}
        self._unsettled: list[tuple[Transport, Drop]] = []

    def stop(self) -> None:
        """Finish what is being committed, then end."""
        self._stop.set()
        self._wake.set()

    def wake(self) -> None:
        """Tick now."""
        self._wake.set()

    def run(self) -> None:
        """Tick until stopped."""
        log.info("daemon.started", home=str(self.home), transports=[t.name for t in self.transports])
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.tick()
            except GatewayError as error:
                log.error("tick.failed", error=str(error))
            except Exception:
                # The loop must outlive a fault of one tick: nothing was settled, so nothing is lost.
                log.exception("tick.failed")
            self._wake.wait(self.config.daemon.tick_s)
        for transport in self.transports:
            transport.close()
        log.info("daemon.stopped")

    def tick(self) -> None:
        """Poll, take, settle; then the books and deliveries if anything came."""
        found = [(transport, drop) for transport in self.transports for drop in self._poll(transport)]
        waiting = {id(drop): transport for transport, drop in found}
        drops = [drop for _, drop in found]
        taken = False
        for start in range(0, len(drops), self.config.limits.files_per_commit_max):
            if self._stop.is_set():
                return
            part = drops[start : start + self.config.limits.files_per_commit_max]
            for receipt in self.pipeline.take(part):
                if receipt.committed:
                    taken = True
                    self._unsettled.append((waiting[id(receipt.drop)], receipt.drop))
            self._settle()
        self._settle()
        if taken and not self._stop.is_set():
            self._deliver(self.pipeline.finish())

    def _poll(self, transport: Transport) -> list[Drop]:
        back_off = self._back_off[transport.name]
        if not back_off.ready():
            return []
        try:
            drops = transport.poll()
        except GatewayError as error:
            log.warning("transport.failed", transport=transport.name, error=str(error), again_in_s=back_off.failed())
            return []
        back_off.worked(0.0 if transport.name == "folder" else self._pause(transport.name))
        for problem in getattr(transport, "problems", []):
            log.warning("drop.left_alone", transport=transport.name, problem=problem.message, hint=problem.hint)
        unsettled = {(drop.channel, drop.token) for _, drop in self._unsettled}
        return [drop for drop in drops if (drop.channel, drop.token) not in unsettled]

    def _pause(self, name: str) -> float:
        """An SFTP server is asked less often than a folder, but soon again while a file there is growing."""
        return min(self.config.daemon.sftp_poll_s, max(self._still(name), 0.05))

    def _still(self, name: str) -> float:
        return next((s.still_s for s in self.config.sftp if f"sftp:{s.name}" == name), 0.0)

    def _settle(self) -> None:
        """Take committed files out of their place; what fails is tried again next time."""
        left = []
        for transport, drop in self._unsettled:
            try:
                transport.settle(drop)
            except (GatewayError, OSError) as error:
                log.warning("settle.failed", transport=transport.name, name=drop.name, error=str(error))
                left.append((transport, drop))
        self._unsettled = left

    def _deliver(self, workbooks: Sequence[Path]) -> None:
        """Send new files of the outbound folders to the servers that want them, each once."""
        del workbooks
        for settings in self.config.sftp:
            transport = next(t for t in self.transports if t.name == f"sftp:{settings.name}")
            for folder in settings.deliver:
                self._deliver_folder(transport, settings, folder)

    def _deliver_folder(self, transport: Transport, settings: Sftp, folder: str) -> None:
        done = self._delivered()
        for file in sorted((self.home / "outbound" / folder).glob("*")):
            if file.name.startswith(".") or file.name == "README.md" or not file.is_file():
                continue
            key = f"{settings.name}|{folder}|{file.name}|{hashlib.sha256(file.read_bytes()).hexdigest()}"
            if key in done:
                continue
            try:
                transport.deliver([file])
            except (GatewayError, OSError) as error:
                log.warning("deliver.failed", transport=transport.name, file=file.name, error=str(error))
                return
            done.append(key)
            write_atomically(self.state / DELIVERED, json.dumps(done, indent=1).encode())

    def _delivered(self) -> list[str]:
        try:
            return list(json.loads((self.state / DELIVERED).read_text()))
        except FileNotFoundError:
            return []


class _Waker(FileSystemEventHandler):
    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "moved", "closed", "modified"):
            self.daemon.wake()


def run(home: Path) -> None:
    """Run the daemon on a home until SIGTERM or SIGINT."""
    with open_gateway(home) as gateway:
        folder = lake.folder_of(home, gateway.config)
        daemon = Daemon(home, gateway.config, _Home(gateway), build(home, gateway.config, folder / "spool"), folder)

        def stop(number: int, frame: FrameType | None) -> None:
            del number, frame
            daemon.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        observer = Observer()
        try:
            (home / "inbound").mkdir(exist_ok=True)
            observer.schedule(_Waker(daemon), str(home / "inbound"), recursive=True)
            observer.start()
        except OSError as error:
            log.warning("watch.failed", error=str(error), consequence="drops are found by polling alone")
        try:
            daemon.run()
        finally:
            with contextlib.suppress(RuntimeError):
                observer.stop()
                observer.join(5)


class _Home:
    """A gateway as the daemon drives it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def take(self, drops: Sequence[Drop]) -> Sequence[Receipt]:
        ordered = sorted(drops, key=lambda drop: not self.gateway.is_master_data(drop.partner))
        receipts = self.gateway.take(ordered)
        for receipt in receipts:
            for file in receipt.files:
                log.info("file.taken", partner=file.partner, name=file.name, state=file.state, received=file.received,
                         accepted=file.accepted, rejected=file.rejected, reason=file.reason, file_id=file.file_id)  # fmt: skip
        return receipts

    def finish(self) -> list[Path]:
        outcome = self.gateway.run_books()
        log.info("books.done", open=outcome.open, opened=outcome.opened, closed=outcome.closed)
        return write_workbooks(self.gateway)
