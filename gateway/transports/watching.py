"""Changes in drop folders, only to look there earlier: the sweep of a folder is the truth."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from gateway.log import log

ARRIVES = [FileCreatedEvent, FileClosedEvent, FileMovedEvent, DirCreatedEvent, DirMovedEvent]
"""What is done to a folder when a file arrives. Our own reading and removing of files is not among it."""
WATCHES_MAX = 200
"""Folders that are watched at once, each by a thread; changes in further ones are found by polling."""
BY_POLLING = "drops are found by polling alone"


class Wakes(Protocol):
    """What can be woken to look now."""

    def wake(self) -> None:
        """Look now."""


class _Waker(FileSystemEventHandler):
    """Watches a folder and those in it, and nothing deeper: what partners make must not add watches."""

    def __init__(self, sleeper: Wakes, folder: Path) -> None:
        self.sleeper, self.folder, self.observer = sleeper, folder, Observer()
        self._watches: dict[Path, ObservedWatch] = {}

    def on_any_event(self, event: FileSystemEvent) -> None:
        self.sleeper.wake()
        came = Path(os.fsdecode(event.dest_path or event.src_path))
        if event.is_directory and came.parent == self.folder:
            self.watch(came)

    def watch_all(self) -> None:
        """Watch the folder and those that are in it now."""
        self.watch(self.folder)
        for path in sorted(self.folder.iterdir()):
            self.watch(path)

    def watch(self, folder: Path) -> None:
        """Watch one folder; a folder that was made again is watched again."""
        if len(self._watches) >= WATCHES_MAX or folder.is_symlink() or not folder.is_dir():
            return
        try:
            if folder in self._watches:
                self.observer.unschedule(self._watches.pop(folder))
            self._watches[folder] = self.observer.schedule(self, str(folder), event_filter=ARRIVES)
        except (OSError, KeyError) as error:
            log.warning("watch.failed", error=str(error), consequence=BY_POLLING)


@contextlib.contextmanager
def watching(folder: Path, sleeper: Wakes) -> Iterator[None]:
    """Wake it when something changes in the folder or a folder in it. Where that cannot be had, polling does."""
    waker = _Waker(sleeper, folder)
    observer = waker.observer
    try:
        observer.start()
        waker.watch_all()
    except OSError as error:
        log.warning("watch.failed", error=str(error), consequence=BY_POLLING)
    try:
        yield
    finally:
        if observer.is_alive():
            observer.stop()
            observer.join(1.0)
