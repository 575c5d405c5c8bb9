"""The received bytes, kept forever: one zstd file for each SHA-256."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

from gateway.errors import HouseError
from gateway.ledger.store import Bytes

CHUNK_BYTES = 1 << 20
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Stored:
    """What was archived: SHA-256 (hex) and size in bytes of the original."""

    sha256: str
    bytes: int


def name_of(sha256: str) -> str:
    """Name in the archive of the bytes with that hash."""
    return f"{sha256[:2]}/{sha256}.zst"


class Archiver:
    """Archives files; together they are safe, and in their places, after `settle`. `close` drops the others."""

    def __init__(self, archive: Bytes) -> None:
        self._archive = archive
        self._waiting: dict[Path, str] = {}

    def add(self, source: Path) -> Stored:
        """Archive a file. Raises as `take` does."""
        return self.take(_pieces(source))

    def take(self, pieces: Iterable[bytes]) -> Stored:
        """Hash and compress bytes, each piece once, into a temporary file.

        Raises OSError if they cannot be read or the disk is full (the temporary file is removed).
        """
        rest = iter(pieces)
        piece = next(rest, b"")
        self._archive.scratch.mkdir(parents=True, exist_ok=True)
        temporary = self._archive.scratch / f".{next(_NUMBERS)}.{os.getpid()}.tmp"
        digest, size = hashlib.sha256(), 0
        # Threads of their own cost more than a small file.
        threads = 2 if len(piece) >= CHUNK_BYTES else 0
        try:
            with temporary.open("wb") as sink:
                writer = zstandard.ZstdCompressor(level=1, threads=threads).stream_writer(sink, closefd=False)
                while piece:
                    digest.update(piece)
                    size += len(piece)
                    writer.write(piece)
                    piece = next(rest, b"")
                writer.close()  # type: ignore[no-untyped-call]
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._waiting[temporary] = digest.hexdigest()
        return Stored(digest.hexdigest(), size)

    def settle(self, hashes: Collection[str]) -> None:
        """Put what was added of these SHA-256 into its place, safely; bytes that are there already stay as they are.

        Raises OSError if one fails (their temporary files are removed).
        """
        waiting = {temporary: sha256 for temporary, sha256 in self._waiting.items() if sha256 in hashes}
        for temporary in waiting:
            del self._waiting[temporary]
        try:
            one_each = {sha256: temporary for temporary, sha256 in waiting.items()}
            self._archive.keep({temporary: name_of(sha256) for sha256, temporary in one_each.items()})
        finally:
            for temporary in waiting:
                temporary.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove what was added and not settled."""
        while self._waiting:
            self._waiting.popitem()[0].unlink(missing_ok=True)


def _pieces(source: Path) -> Iterator[bytes]:
    with source.open("rb", buffering=0) as origin:
        while piece := origin.read(CHUNK_BYTES):
            yield piece


def store(archive: Bytes, source: Path) -> Stored:
    """Archive one file's bytes. Raises OSError if it cannot be read or the disk is full."""
    archiver = Archiver(archive)
    stored = archiver.add(source)
    archiver.settle([stored.sha256])
    return stored


def restore(archive: Bytes, sha256: str, target: Path) -> Path:
    """Write the archived bytes to `target`. Raises HouseError if they are missing or damaged.

    Raises OSError if the disk is full. Nothing is left at `target` then.
    """
    digest = hashlib.sha256()
    try:
        with target.open("wb") as sink:
            for chunk in unpack(archive, sha256):
                digest.update(chunk)
                sink.write(chunk)
        if digest.hexdigest() != sha256:
            raise _lost(sha256, "the archived bytes are damaged")
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target


def unpack(archive: Bytes, sha256: str) -> Iterator[bytes]:
    """The archived bytes in pieces; their hash is for the caller to compare.

    Raises HouseError if they are missing or cannot be unpacked.
    """
    try:
        with archive.open(name_of(sha256)) as origin:
            yield from zstandard.ZstdDecompressor().read_to_iter(origin, read_size=CHUNK_BYTES)
    except FileNotFoundError:
        raise _lost(sha256, "not in the archive") from None
    except (OSError, zstandard.ZstdError) as error:
        raise _lost(sha256, str(error)) from error


def _lost(sha256: str, cause: str) -> HouseError:
    return HouseError("restore", sha256, "Bring it back from the backup.", cause)
