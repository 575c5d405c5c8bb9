"""The head of the audit chain, kept outside of the ledger: who rolls the ledger back or rewrites it is found.

An anchor is a line of JSON: number and hash of the newest audit row, the SHA-256 of the line before it, and signatures
where there are keys. A file gets a line after each commit, a bucket an object at most each minute.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.atomic import sync_folder, write_atomically
from gateway.errors import HouseError
from gateway.ledger.anchor_keys import Keys, keys_of
from gateway.ledger.bucket_bytes import BucketBytes
from gateway.ledger.store import folder_of
from gateway.log import log
from gateway.person import user
from gateway.regular_file import read_regular
from gateway.settings import Config

EVERY_S = 60.0
TAIL_BYTES = 1 << 16
KNOWN = "anchored.json"
"""Beside the ledger: how long each anchor file was and its last line, when it was made safe on the disk the last
time."""

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """The newest audit row: its number, its hash, and when it was committed (UTC)."""

    seq: int
    hash: str
    at: datetime

    @property
    def text(self) -> str:
        """As people copy it, and `gateway verify --head` takes it: NUMBER:HASH."""
        return f"{self.seq}:{self.hash}"

    def entry(self) -> Entry:
        """What an anchor says of it."""
        return {"seq": self.seq, "hash": self.hash, "at": self.at.astimezone(UTC).isoformat()}


class AnchorFile:
    """A file that only grows, for its owner alone (0600). `name` is what the settings call it."""

    def __init__(self, name: str, path: Path, known: Path, keys: Keys) -> None:
        self.name, self.path, self._known, self._keys = name, path, known, keys
        self._size, self._last = -1, ""

    def write(self, entry: Entry) -> None:
        """Append an anchor. It survives the end of the process, and after `sync` that of the machine. Raises
        OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            cut_off = self._catch_up(descriptor, size)
            text = self._keys.line_of(entry | {"after": self._last})
            added = (b"\n" if cut_off else b"") + text + b"\n"
            if os.write(descriptor, added) != len(added):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._size, self._last = size + len(added), hashlib.sha256(text).hexdigest()
        finally:
            os.close(descriptor)

    def _catch_up(self, descriptor: int, size: int) -> bool:
        """Find the hash of the last whole line where another process wrote it. Returns whether the end was cut off."""
        if size == self._size:
            return False
        lines = os.pread(descriptor, TAIL_BYTES, max(0, size - TAIL_BYTES)).split(b"\n")
        known = known_of(self._known).get(self.name, {})
        if size < known.get("bytes", 0):
            # The next line names what is gone: `gateway verify` finds the gap.
            self._last = str(known.get("last", ""))
        else:
            whole = [line for line in lines if parsed(line) is not None]
            self._last = hashlib.sha256(whole[-1]).hexdigest() if whole else ""
        return bool(lines[-1])

    def sync(self) -> None:
        """Make it safe on the disk, and note beside the ledger how long it is. Raises OSError."""
        with self.path.open("rb") as written:
            os.fsync(written.fileno())
        sync_folder(self.path.parent)
        known = known_of(self._known) | {self.name: {"bytes": self._size, "last": self._last}}
        write_atomically(self._known, json.dumps(known).encode())


class AnchorBucket:
    """Objects in a bucket, each called by number and hash of its audit row; none is written twice."""

    def __init__(self, name: str, bytes_: BucketBytes, keys: Keys) -> None:
        self.name, self.bytes, self._keys = name, bytes_, keys

    def write(self, entry: Entry) -> None:
        """Add an anchor; a statement of a restoration names the objects that it settles. Raises OSError or
        HouseError."""
        kind = ""
        if "restored" in entry:
            kind = f"-restored-{entry['restored']['at']}"
            later = [name for name, _ in self.bytes.files() if name > f"{entry['seq'] + 1:012d}"]
            entry = entry | {"settled": sorted(later)}
        self.bytes.put(f"{entry['seq']:012d}-{entry['hash']}{kind}.json", self._keys.line_of(entry))

    def sync(self) -> None:
        """What a bucket has accepted is safe."""


class Anchors:
    """All anchors of a ledger. What cannot be written is logged, once until it works, and written with the next
    commit."""

    def __init__(self, home: Path, config: Config, *, writing: bool = True) -> None:
        """Raises HouseError where the settings name a key that is not there; only who writes needs the private one."""
        self.keys = keys_of(home, config, writing=writing)
        folder = folder_of(home, config)
        self.known = folder / KNOWN
        self.files: list[AnchorFile] = []
        self.buckets: list[AnchorBucket] = []
        for place in config.audit.anchor:
            if place.startswith("s3://"):
                bucket = BucketBytes(place, config.ledger.s3, home, folder)
                self.buckets.append(AnchorBucket(place, bucket, self.keys))
            else:
                self.files.append(AnchorFile(place, home / place, self.known, self.keys))
        self._head: Head | None = None
        self._pending: dict[str, Head] = {}
        self._synced = time.monotonic()
        self._failing: set[str] = set()

    @property
    def names(self) -> list[str]:
        """The places as the settings call them: audit rows say where heads go."""
        return [place.name for place in self.places]

    @property
    def places(self) -> list[AnchorFile | AnchorBucket]:
        """Files, then buckets."""
        return [*self.files, *self.buckets]

    def note(self, head: Head) -> None:
        """Write the head to each file; within the writer's lock, so that the lines are in order."""
        if head == self._head or not head.seq:
            return
        self._head = head
        for file in self.files:
            if self._try(file, head.entry()):
                self._pending[file.name] = head
        self._pending |= {bucket.name: head for bucket in self.buckets}

    def flush(self, *, now: bool = False) -> None:
        """Make the files safe and write to the buckets, at most each minute or `now`."""
        if not self._pending or not (now or time.monotonic() > self._synced + EVERY_S):
            return
        self._synced = time.monotonic()
        for file in self.files:
            if file.name in self._pending and self._try(file, None):
                del self._pending[file.name]
        for bucket in self.buckets:
            if bucket.name in self._pending and self._try(bucket, self._pending[bucket.name].entry()):
                del self._pending[bucket.name]

    def state_restored(self, head: Head, source: str) -> None:
        """Record that the ledger was put back to this head on purpose: who, when, and from where or why.

        Raises HouseError where an anchor cannot be written: later heads of it would count as removed.
        """
        said = {"by": user(), "at": datetime.now(UTC).isoformat(timespec="seconds"), "from": source}
        for place in self.places:
            try:
                place.write(head.entry() | {"restored": said})
                place.sync()
            except OSError as error:
                fix = 'Make it writable, then run `gateway verify --restored "why"`.'
                raise HouseError("record the restoration in", place.name, fix, str(error.strerror)) from error

    def close(self) -> None:
        """Write what waits."""
        self.flush(now=True)
        for bucket in self.buckets:
            bucket.bytes.close()

    def _try(self, place: AnchorFile | AnchorBucket, entry: Entry | None) -> bool:
        """Write an entry, or make safe what was written. The commit stands whether it works or not."""
        try:
            if entry is not None:
                place.write(entry)
            else:
                place.sync()
        except (OSError, HouseError) as error:
            if place.name not in self._failing:
                hint = "Make the place writable; the next commit writes it."
                log.warning("anchor.failed", place=place.name, error=str(error), fix=hint)
            self._failing.add(place.name)
            return False
        self._failing.discard(place.name)
        return True


def parsed(line: bytes) -> Entry | None:
    """The entry of a line, None where it is none: the end of a process or of the machine cut it off."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or type(entry.get("seq")) is not int or not isinstance(entry.get("hash"), str):
        return None
    return entry


def known_of(path: Path) -> dict[str, Any]:
    """What `KNOWN` says; empty where it is not there or cannot be read."""
    try:
        known = json.loads(read_regular(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}
