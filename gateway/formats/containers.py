"""Files that hold files: gzip, zip and OpenPGP messages, also one within another. What comes out is bounded."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from gateway.errors import FileError
from gateway.reading import ReadRequest
from gateway.settings import Limits

DEPTH_MAX = 3
"""Containers within one another: a signed and encrypted zip of gzip files is the most that makes sense."""

CHUNK_BYTES = 1 << 20

Kind = Literal["gzip", "zip", "pgp", ""]

_TOO_MUCH = {-signal.SIGXCPU: ("processor time", "cpu_s_max"), -signal.SIGABRT: ("memory", "memory_mb_max")}
"""How the process ends that decrypts, where it has used up what the process that opens containers may use."""

_OFFICE = ("[Content_Types].xml", "mimetype")
"""A zip that begins with one of these is a workbook or another document, and read as it is."""


@dataclass(frozen=True, slots=True)
class Inner:
    """A file that came out: its own name (of which only messages and patterns make use), and where its bytes are."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens OpenPGP messages.

    secret      file of our secret key, None if there is none
    passphrase  of that key, "" if it needs none
    signer      file of the certificate that must have signed, None if nothing is demanded
    """

    secret: Path | None = None
    passphrase: str = ""
    signer: Path | None = None


def kind(path: Path) -> Kind:
    """What sort of container a file is; "" for none. A zip is looked into: it may be a document."""
    found = begins_as(path)
    return "" if found == "zip" and _is_office(path) else found


def begins_as(path: Path) -> Kind:
    """What sort of container a file may be, by its first bytes: a zip may also be a document; "" for none."""
    with path.open("rb") as source:
        head = source.read(64)
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"PK\x03\x04"):
        return "" if head[30:].startswith(tuple(name.encode() for name in _OFFICE)) else "zip"
    if head.lstrip().startswith(b"-----BEGIN PGP MESSAGE-----") or _is_encrypted(head):
        return "pgp"
    return ""


def _is_office(path: Path) -> bool:
    """A damaged zip is left to the readers of workbooks, which say what is wrong with it."""
    try:
        with zipfile.ZipFile(path) as container:
            return any(name in _OFFICE for name in container.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return True


def _is_encrypted(head: bytes) -> bool:
    """Whether a session key of OpenPGP comes first: encrypted for a key (RFC 9580, 5.1) or a passphrase (5.3)."""
    if len(head) < 12 or not head[0] & 0x80:
        return False
    if head[0] & 0x40:
        tag, length = head[0] & 0x3F, 1 if head[1] < 192 else 2
    else:
        tag, length = head[0] >> 2 & 0x0F, (1, 2, 4, 0)[head[0] & 3]
    version = head[1 + length]
    return (tag == 1 and version in (3, 6)) or (tag == 3 and version in (4, 5, 6))


def unpacked(request: ReadRequest, into: Path, keys: Keys) -> list[Inner] | None:
    """Every file within a container, as `unpack` gives them; None where the file is none."""
    if not kind(request.path):
        return None
    return list(unpack(request.path, request.name, into, request.limits, keys))


def unpack(path: Path, name: str, into: Path, limits: Limits, keys: Keys) -> Iterator[Inner]:
    """Every file within a container, containers within it opened as well. `into` is a folder of the caller's.

    Raises FileError where it cannot be opened, or what comes out is beyond `unpacked_bytes_max` or
    `unpacked_files_max`. What came out before stays in the folder.
    """
    left = _Left(name, limits.unpacked_bytes_max, limits.unpacked_files_max)
    yield from _unpack(Inner(name, path), into, left, keys, depth=1)


@dataclass(slots=True)
class _Left:
    """What may still come out of a container."""

    name: str
    size: int
    files: int

    def next_path(self, into: Path) -> Path:
        self.files -= 1
        if self.files < 0:
            raise FileError(
                self.name, "more files come out of it than unpacked_files_max", "Send fewer, or raise the limit."
            )
        return into / f"{self.files}.unpacked"

    def copy(self, source: IO[bytes] | gzip.GzipFile, target: Path) -> None:
        with target.open("wb") as sink:
            while chunk := source.read(CHUNK_BYTES):
                self.count(len(chunk))
                sink.write(chunk)

    def count(self, size: int) -> None:
        self.size -= size
        if self.size < 0:
            raise FileError(
                self.name, "more bytes come out of it than unpacked_bytes_max", "Split it, or raise the limit."
            )


def _unpack(outer: Inner, into: Path, left: _Left, keys: Keys, depth: int) -> Iterator[Inner]:
    sort = kind(outer.path)
    if not sort:
        yield outer
        return
    if depth > DEPTH_MAX:
        raise FileError(
            left.name, f"it holds containers nested more than {DEPTH_MAX} deep", "Send the files themselves."
        )
    found = {"gzip": _gunzip, "zip": _unzip, "pgp": _decrypt}[sort](outer, into, left, keys)
    for inner in found:
        yield from _unpack(inner, into, left, keys, depth + 1)
    if depth > 1:
        outer.path.unlink()


def _gunzip(outer: Inner, into: Path, left: _Left, keys: Keys) -> Iterator[Inner]:
    del keys
    target = left.next_path(into)
    try:
        with gzip.open(outer.path) as source:
            left.copy(source, target)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileError(left.name, f"the gzip data is damaged: {error}", "Send the file again, whole.") from None
    yield Inner(_without(outer.name, ".gz", ".gzip"), target)


def _unzip(outer: Inner, into: Path, left: _Left, keys: Keys) -> Iterator[Inner]:
    del keys
    try:
        with zipfile.ZipFile(outer.path) as container:
            for member in container.infolist():
                if member.is_dir() or PurePosixPath(member.filename).name.startswith("."):
                    continue
                if member.flag_bits & 0x1:
                    raise FileError(
                        left.name, f"{member.filename} in it is encrypted", "Encrypt with OpenPGP, or not at all."
                    )
                target = left.next_path(into)
                with container.open(member) as source:
                    left.copy(source, target)
                yield Inner(PurePosixPath(member.filename.replace("\\", "/")).name, target)
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise FileError(left.name, f"the zip is damaged: {error}", "Send the file again, whole.") from None


def _decrypt(outer: Inner, into: Path, left: _Left, keys: Keys) -> Iterator[Inner]:
    """In a process of its own: nothing else bounds what a message that is compressed inside grows to."""
    if keys.secret is None:
        raise FileError(
            left.name,
            "it is encrypted and no key is configured",
            "Set pgp.key_file in config.toml, and replay the file.",
        )
    target = left.next_path(into)
    command = [sys.executable, "-P", "-m", "gateway.formats.pgp", str(outer.path), str(target), str(keys.secret)]
    command += [str(left.size), *([str(keys.signer)] if keys.signer else [])]
    done = subprocess.run(command, input=keys.passphrase, capture_output=True, text=True, check=False)
    if done.returncode:
        with suppress(FileNotFoundError):
            target.unlink()
        if done.returncode in _TOO_MUCH:
            what, limit = _TOO_MUCH[done.returncode]
            fix = f"Look at who sent it. To open it, raise `{limit}` under [limits], then replay the file."
            raise FileError(left.name, f"it takes more {what} to decrypt than limits.{limit} allows", fix)
        lines = done.stderr.strip().splitlines()
        reason = lines[-1] if lines else f"the process ended with {done.returncode}"
        raise FileError(
            left.name, f"it cannot be decrypted: {reason}", "Check for which key it was encrypted, and who signed it."
        )
    left.count(target.stat().st_size)
    yield Inner(_without(outer.name, ".pgp", ".gpg", ".asc"), target)


def _without(name: str, *endings: str) -> str:
    ending = next((ending for ending in endings if name.lower().endswith(ending) and len(name) > len(ending)), "")
    return name[: len(name) - len(ending)]
