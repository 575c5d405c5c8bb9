"""The received bytes, kept for ever: one zstd file for each SHA-256."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

from gateway.atomic import sync_folder
from gateway.errors import GatewayError

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """What was archived: SHA-256 (hex) and size in bytes of the original."""

    sha256: str
    bytes: int


def path_of(folder: Path, sha256: str) -> Path:
    """Where the bytes with that hash are kept below the ledger's folder."""
    return folder / "files" / sha256[:2] / f"{sha256}.zst"


def store(folder: Path, source: Path) -> Stored:
    """Archive a file's bytes; bytes that are there already are not written again.

    The file is read once: hashed and compressed together into a temporary file, synced, then renamed.
    Raises OSError if it cannot be read or the disk is full (the temporary file is removed).
    """
    target_folder = folder / "files"
    target_folder.mkdir(parents=True, exist_ok=True)
    temporary = target_folder / f".{source.stat().st_ino}.{os.getpid()}.tmp"
    digest, size = hashlib.sha256(), 0
    try:
        with source.open("rb") as origin, temporary.open("wb") as sink:
            # Threads of their own cost more than a small file.
            threads = 2 if source.stat().st_size > CHUNK_BYTES else 0
            writer = zstandard.ZstdCompressor(level=1, threads=threads).stream_writer(sink, closefd=False)
            while chunk := origin.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                writer.write(chunk)
            writer.close()  # type: ignore[no-untyped-call]
            sink.flush()
            os.fsync(sink.fileno())
        sha256 = digest.hexdigest()
        target = path_of(folder, sha256)
        if not target.exists():
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                sync_folder(target_folder)
            temporary.replace(target)
            sync_folder(target.parent)
        return Stored(sha256, size)
    finally:
        temporary.unlink(missing_ok=True)


def restore(folder: Path, sha256: str, target: Path) -> Path:
    """Write the archived bytes to `target`. Raises GatewayError if they are missing or damaged.

    Raises OSError if the disk is full. Nothing is left at `target` then.
    """
    digest = hashlib.sha256()
    try:
        with target.open("wb") as sink:
            for chunk in unpack(folder, sha256):
                digest.update(chunk)
                sink.write(chunk)
        if digest.hexdigest() != sha256:
            raise _lost(sha256, "the archived bytes are damaged")
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target


def unpack(folder: Path, sha256: str) -> Iterator[bytes]:
    """The archived bytes in pieces; their hash is for the caller to compare.

    Raises GatewayError if they are missing or cannot be unpacked.
    """
    try:
        with path_of(folder, sha256).open("rb") as origin:
            yield from zstandard.ZstdDecompressor().read_to_iter(origin, read_size=CHUNK_BYTES)
    except FileNotFoundError:
        raise _lost(sha256, "not in the archive") from None
    except (OSError, zstandard.ZstdError) as error:
        raise _lost(sha256, str(error)) from error


def _lost(sha256: str, cause: str) -> GatewayError:
    return GatewayError("restore", sha256, "Bring it back from the backup.", cause)
