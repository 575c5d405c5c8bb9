"""Servers: what is the same for every kind of them.

Files are listed, downloaded to a spool, moved away on the server after the commit, and delivered under a temporary
name. A kind of server is a subclass that says how to list, look at, read, write, move and remove a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import posixpath
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from gateway.atomic import sync_folder
from gateway.errors import Fault, HouseError
from gateway.settings import Config, Server
from gateway.transports import names
from gateway.transports.stillness import Stillness
from gateway.transports.transport import Drop, UnreachableError

STEP_BYTES = 32 << 20
"""A download is made durable each time so many bytes came. A cut one is continued where that is sure."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as its server lists it.

    modified  seconds since 1970, UTC
    tag       what else changes when the file does, "" if the server has nothing of the kind
    ordinary  whether it is a file, not a link or a device
    folder    whether it is a folder; size and time are then 0
    """

    name: str
    size: int
    modified: int
    tag: str = ""
    ordinary: bool = True
    folder: bool = False

    @property
    def version(self) -> str:
        """Another one says that it is another file."""
        return f"{self.size}:{self.modified}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of a server: files are collected from `inbound`, moved to `done` ("": removed), delivered to
    `outbound`."""

    inbound: str
    done: str
    outbound: str


GRACE_S = 60.0
"""What a transfer may take beside the time that its bytes may."""
TOO_SLOW = "it transfers fewer bytes in a second than transfer_bytes_per_s_min"


class RemoteServer(ABC):
    """One server. A file is taken when it was the same in two polls that lie `still_s` apart.

    broken         exceptions that mean that the connection is gone
    trouble        those, and what may be an answer of the server
    fix           what to do when it does not answer
    downloads_max  how many files are downloaded at once
    """

    broken: tuple[type[Exception], ...] = (EOFError, TimeoutError, ConnectionError)
    trouble: tuple[type[Exception], ...] = (*broken, OSError)
    fix = "Check host and port in config.toml; it is tried again."
    downloads_max = 1

    def __init__(
        self, kind: str, where: str, settings: Server, places: Places, config: Config, spool: Path, still_s: float = 0.0
    ) -> None:
        self.name, self.where, self.config = f"{kind}:{settings.name}", where, config
        self.places = places
        self.spool = spool / local_name(settings.name)
        self.problems: list[Fault] = []
        self.soon = False
        self._common = settings
        if places.done and posixpath.normpath(places.done) == posixpath.normpath(places.inbound):
            hint = "Name another folder for files that are done; without one they are removed."
            raise HouseError("set up", self.name, hint, "what is done would be collected again and again")
        partner = config.partners.get(settings.partner)
        self._marker = partner.marker if partner else ""
        self._stillness = Stillness(still_s)
        self._swept = False

    # --- what a kind of server adds -------------------------------------------------------------------

    @abstractmethod
    def _list(self, folder: str) -> Iterable[Entry]:
        """The files of a folder, and the folders in it, of which nothing is taken."""

    @abstractmethod
    def _stat(self, path: str) -> Entry | None:
        """A file as it is now, None if there is none."""

    @abstractmethod
    def _read(self, path: str, entry: Entry, start: int) -> Generator[bytes, None, None]:
        """The bytes of a file from `start`."""

    @abstractmethod
    def _write(self, file: Path, path: str) -> None:
        """Upload a file, over what is there."""

    @abstractmethod
    def _move(self, path: str, target: str, tag: str = "") -> None:
        """Move a file to where none is, where the server can say so only if its tag is still this."""

    def _move_over(self, path: str, target: str) -> None:
        """Move a file over what is there, if the server can."""
        self._move(path, target)

    @abstractmethod
    def _remove(self, path: str) -> None:
        """Remove a file."""

    @abstractmethod
    def _is_alive(self) -> bool:
        """Whether the connection still stands: an error was then an answer of the server."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    # --- trouble --------------------------------------------------------------------------------------

    def _unreachable(self, operation: str, cause: str, hint: str = "", where: str = "") -> UnreachableError:
        return UnreachableError(
            operation,
            f"{self.name} ({where or self.where})",
            hint or self.fix,
            cause,
        )

    @contextlib.contextmanager
    def _attempt(self, operation: str, subject: str) -> Iterator[None]:
        """Raises UnreachableError when the connection breaks, HouseError when the server says no."""
        try:
            yield
        except self.trouble as error:
            if isinstance(error, self.broken) or not self._is_alive():
                self.close()
                raise self._unreachable(operation, cause_of(error)) from error
            hint = "Check that it exists, its permissions and disk space; it is tried again."
            raise HouseError(operation, f"{self.name}:{names.shown(subject)}", hint, cause_of(error)) from error

    @contextlib.contextmanager
    def _within(self, seconds: float, what: str) -> Iterator[None]:
        """Cut the connection where this takes longer: a server that drips answers each time before it is too late.

        Raises ConnectionError then, with `what` as its text.
        """
        late = threading.Event()

        def cut() -> None:
            late.set()
            self.close()

        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        except Exception as error:
            if late.is_set():
                raise ConnectionError(what) from error
            raise
        finally:
            timer.cancel()

    def _transfer_s_max(self, size: int) -> float:
        """How long the transfer of so many bytes may take."""
        return GRACE_S + size / self.config.limits.transfer_bytes_per_s_min

    # --- in -------------------------------------------------------------------------------------------

    def _listed(self, folder: str) -> list[Entry]:
        """What a folder lists. Raises OSError for more than the limit, ConnectionError where it never ends."""
        limits = self.config.limits
        with self._within(limits.listing_s_max, f"the listing did not end in {limits.listing_s_max} s (listing_s_max)"):
            listed = list(itertools.islice(self._list(folder), limits.listed_files_max + 1))
        if len(listed) > limits.listed_files_max:
            raise OSError(f"it lists more than {limits.listed_files_max} files (listed_files_max)")
        return listed

    def look(self) -> int:
        """Connect and list: how many names the folder has. Nothing is downloaded. Raises UnreachableError."""
        with self._attempt("list", self.places.inbound):
            return len(self._listed(self.places.inbound))

    def poll(self) -> list[Drop]:
        """Download what is whole and still; what was downloaded before a crash is not downloaded again.

        At most `limits.files_per_commit_max` files are downloaded in one poll.
        """
        self.problems, self.soon = [], False
        self._stillness.begin()
        with self._attempt("list", self.places.inbound):
            listed = sorted(self._files(self._listed(self.places.inbound)), key=lambda entry: entry.name)
        entries = [entry for entry in self._marked(listed) if self._wanted(entry)]
        still = [entry for entry in entries if self._stillness.is_still(entry.name, entry.version)]
        self._sweep(entries)
        missing = [entry for entry in still if not self._spooled(entry).exists()]
        cut = self._download_all(missing[: self.config.limits.files_per_commit_max])
        drops = [self._drop(entry) for entry in still if self._spooled(entry).exists()]
        if cut is not None and not drops:
            raise cut  # Otherwise what came so far goes on; the next poll meets the same trouble and raises it.
        self.soon = self._stillness.waiting or len(drops) < len(still)
        return drops

    def _files(self, listed: Iterable[Entry]) -> Iterator[Entry]:
        """What is no folder; folders that are not the server's places for files are reported."""
        own = [f"{posixpath.normpath(place)}/" for place in (self.places.done, self.places.outbound) if place]
        for entry in listed:
            if not entry.folder:
                yield entry
            elif not names.ignored(entry.name, self.config.daemon.ignore) and not any(
                place.startswith(f"{posixpath.normpath(self._remote(entry.name))}/") for place in own
            ):
                self._left(entry.name, "is a folder; files in it are not taken", "Drop files beside it, or remove it.")

    def _marked(self, listed: Sequence[Entry]) -> list[Entry]:
        """The files that have their marker, where markers are agreed; a marker that stays alone is reported."""
        if not self._marker:
            return list(listed)
        present = {entry.name for entry in listed}
        for entry in listed:
            if names.is_lone_marker(entry.name, self._marker, present) and self._stillness.is_still(
                (entry.name, "marker"), entry.version
            ):
                self._left(entry.name, *names.LONE_MARKER)
        return [entry for entry in listed if names.is_marked(entry.name, self._marker, present)]

    def _wanted(self, entry: Entry) -> bool:
        name = entry.name
        if names.ignored(name, self.config.daemon.ignore):
            return False
        if not entry.ordinary:
            return self._left(name, "is a link or a device", "Upload ordinary files.")
        if entry.size > self._common.file_bytes_max:
            return self._left(name, f"has {entry.size} bytes, more than file_bytes_max", "Split it, or raise that.")
        if wrong := names.refusal(name, self.config.limits.file_name_chars_max):
            return self._left(name, wrong, "Rename the file.")
        return True

    def _left(self, name: str, message: str, hint: str) -> bool:
        self.problems.append(Fault("FILE_REJECT", f"{self.name}/{names.shown(name)} {message}", hint))
        return False

    def _spooled(self, entry: Entry) -> Path:
        return self.spool / f"{entry.size}-{entry.modified}-{local_name(entry.tag + entry.name)}"

    def _sweep(self, entries: Sequence[Entry]) -> None:
        """What was begun of files that the server has no more; once after the start also what was downloaded."""
        if not self.spool.is_dir():
            return
        copies = [self._spooled(entry) for entry in entries]
        wanted = {*copies, *map(_part, copies)}
        for left in self.spool.glob(".*.tmp" if self._swept else "*"):
            if left not in wanted:
                left.unlink()
        self._swept = True

    def _download_all(self, entries: Sequence[Entry]) -> UnreachableError | None:
        """A file that the server refuses is reported, and the others go on. Returns the error of a lost connection."""
        cut: list[UnreachableError] = []

        def download(entry: Entry) -> None:
            if cut:
                return
            try:
                self._download(entry)
            except UnreachableError as error:
                cut.append(error)
            except HouseError as error:
                self.problems.append(
                    Fault("FILE_REJECT", f"{error.operation} {error.subject}: {error.cause}", error.hint)
                )

        if self.downloads_max == 1:
            for entry in entries:
                download(entry)
        else:
            with ThreadPoolExecutor(self.downloads_max, self.name) as pool:
                list(pool.map(download, entries))
        return cut[0] if cut else None

    def _download(self, entry: Entry) -> None:
        """A whole copy in the spool. What a cut connection leaves of a large file is continued the next time."""
        target, remote = self._spooled(entry), self._remote(entry.name)
        part = _part(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._attempt("download", remote):
                with self._within(self._transfer_s_max(entry.size), TOO_SLOW):
                    self._fill(part, entry)
                now = self._stat(remote)
                if now is None or now.version != entry.version:
                    raise OSError("it changed while it was read")
        except UnreachableError:
            if not _durable_bytes(part):
                part.unlink(missing_ok=True)
            raise
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        part.replace(target)
        sync_folder(target.parent)

    def _fill(self, part: Path, entry: Entry) -> None:
        start = synced = _durable_bytes(part)
        with part.open("r+b" if start else "wb") as sink:
            sink.truncate(start)
            sink.seek(start)
            with contextlib.closing(self._read(self._remote(entry.name), entry, start)) as chunks:
                for chunk in chunks:
                    sink.write(chunk)
                    if sink.tell() > entry.size:
                        raise OSError("it changed while it was read")
                    if sink.tell() >= synced + STEP_BYTES:
                        _sync(sink)
                        synced = sink.tell() // STEP_BYTES * STEP_BYTES
            if sink.tell() < entry.size:
                raise OSError("it changed while it was read")
            _sync(sink)

    def _remote(self, name: str) -> str:
        return posixpath.join(self.places.inbound, name)

    def _drop(self, entry: Entry) -> Drop:
        arrived = datetime.fromtimestamp(entry.modified, UTC)
        return Drop(self._common.partner, entry.name, self._spooled(entry), arrived, self.name, entry.version)

    def settle(self, drop: Drop) -> None:
        """Move the file to the folder for what is done (or remove it), unless it was replaced since; drop the copy."""
        remote = self._remote(drop.name)
        with self._attempt("settle", remote):
            now = self._stat(remote)  # None: settled before a crash, or taken back.
            if now is not None and now.version == drop.token:
                self._put_away(remote, now.tag)
                if self._marker and self._stat(remote + self._marker) is not None:
                    self._remove(remote + self._marker)
        drop.path.unlink(missing_ok=True)

    def _put_away(self, remote: str, tag: str) -> None:
        if not self.places.done:
            self._remove(remote)
            return
        base = posixpath.join(self.places.done, posixpath.basename(remote))
        target, number = base, 0
        while self._stat(target) is not None:
            number += 1
            target = f"{base}.{number}"
        self._move(remote, target, tag)

    # --- out ------------------------------------------------------------------------------------------

    def deliver(self, files: Sequence[Path], folder: str = "") -> None:
        """Upload to the folder for deliveries, each file whole or not at all."""
        for file in files:
            target = posixpath.join(self.places.outbound, folder, file.name)
            with (
                self._attempt("deliver", target),
                self._within(self._transfer_s_max(file.stat().st_size), TOO_SLOW),
            ):
                self._send(file, target)

    def _send(self, file: Path, target: str) -> None:
        """Upload under a temporary name, then rename; the temporary file is removed if that fails.

        The temporary name is always the same: what a broken connection left is overwritten the next time.
        """
        part = posixpath.join(posixpath.dirname(target), f".{file.name}.part")
        try:
            self._write(file, part)
            self._replace(part, target)
        except BaseException:
            if self._is_alive():
                with contextlib.suppress(*self.trouble, HouseError):
                    self._remove(part)
            raise

    def _replace(self, part: str, target: str) -> None:
        try:
            self._move_over(part, target)
        except OSError:
            # Not every server has the rename that replaces.
            if self._stat(target) is not None:
                self._remove(target)
            self._move(part, target)


def local_name(name: str) -> str:
    """A local file name for an untrusted remote one; different names stay different."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[-120:].lstrip(".")
    return f"{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}-{plain}"


def cause_of(error: BaseException) -> str:
    """What went wrong, in words."""
    if isinstance(error, EOFError):
        return "the connection was cut"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _part(target: Path) -> Path:
    """Where a download is written to: always the same place, so that a later process finds it."""
    return target.with_name(f".{target.name}.tmp")


def _durable_bytes(part: Path) -> int:
    """How many bytes of a cut download are surely on the disk: all steps but the last."""
    try:
        return max(0, part.stat().st_size // STEP_BYTES - 1) * STEP_BYTES
    except FileNotFoundError:
        return 0


def _sync(sink: BinaryIO) -> None:
    sink.flush()
    os.fsync(sink.fileno())
