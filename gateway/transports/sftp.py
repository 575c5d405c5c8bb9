"""SFTP servers: poll, download to a temporary name, move on the server after the commit, deliver atomically.

The server's key is pinned and compared before anything secret is sent; an unknown key is refused.
"""

from __future__ import annotations

import base64
import contextlib
import fnmatch
import hashlib
import os
import posixpath
import random
import re
import socket
import stat
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import paramiko

from gateway.atomic import sync_folder
from gateway.config import Config, Sftp
from gateway.errors import Fault, GatewayError
from gateway.transports.contract import Drop

Seen = tuple[int, int]
_TROUBLE = (paramiko.SSHException, OSError, EOFError)


class SftpServer:
    """One server. A file is taken when its size and time were the same in two polls `still_s` apart."""

    def __init__(self, settings: Sftp, config: Config, spool: Path) -> None:
        self.settings, self.config = settings, config
        self.name = f"sftp:{settings.name}"
        self.spool = spool / _safe(settings.name)
        self.problems: list[Fault] = []
        self._seen: dict[str, tuple[Seen, float]] = {}
        self._transport: paramiko.Transport | None = None
        self._client: paramiko.SFTPClient | None = None

    # --- connection -----------------------------------------------------------------------------------

    def _sftp(self) -> paramiko.SFTPClient:
        if self._client is not None and self._transport is not None and self._transport.is_active():
            return self._client
        self.close()
        s = self.settings
        try:
            connection = socket.create_connection((s.host, s.port), timeout=s.connect_timeout_s)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = paramiko.Transport(connection)
            transport.banner_timeout = transport.auth_timeout = s.connect_timeout_s
            transport.start_client(timeout=s.connect_timeout_s)
            self._transport = transport
            self._check_key(transport.get_remote_server_key())
            self._authenticate(transport)
            client = paramiko.SFTPClient.from_transport(transport)
        except _TROUBLE as error:
            self.close()
            raise self._error("connect to", error) from error
        except GatewayError:
            self.close()
            raise
        if client is None:
            raise GatewayError("connect to", self.name, "Allow the sftp subsystem for this user.", "no sftp channel")
        channel = client.get_channel()
        if channel is not None:
            channel.settimeout(s.connect_timeout_s)
        self._client = client
        return client

    def _check_key(self, offered: paramiko.PKey) -> None:
        """Before authentication: nothing secret goes to a server that is not the configured one."""
        wanted = " ".join(self.settings.host_key.split()[:2])
        found = f"{offered.get_name()} {offered.get_base64()}"
        if wanted != found:
            raise GatewayError(
                "connect to",
                f"{self.name} ({self.settings.host})",
                "Ask the partner whether the server's key changed; only then put the new one into config.toml as host_key.",
                f"its key is {found.split(maxsplit=1)[0]} {fingerprint(found)}, configured is {fingerprint(wanted)}",
            )

    def _authenticate(self, transport: paramiko.Transport) -> None:
        s = self.settings
        if s.key_file:
            transport.auth_publickey(s.user, paramiko.PKey.from_path(s.key_file))
            return
        password = os.environ.get(s.password_env, "") if s.password_env else ""
        if not password:
            raise GatewayError(
                "log in to", self.name, "Set key_file, or password_env and that environment variable.", "no secret"
            )
        transport.auth_password(s.user, password)

    def _error(self, operation: str, error: BaseException) -> GatewayError:
        return GatewayError(
            operation, self.name, "Check host, port, user and folders in config.toml; it is tried again.",
            str(error) or type(error).__name__,
        )  # fmt: skip

    @contextlib.contextmanager
    def _guarded(self, operation: str) -> Iterator[paramiko.SFTPClient]:
        try:
            yield self._sftp()
        except _TROUBLE as error:
            self.close()
            raise self._error(operation, error) from error

    # --- verbs ----------------------------------------------------------------------------------------

    def poll(self) -> list[Drop]:
        """Download what is whole and still; what was downloaded before a crash is not downloaded again."""
        self.problems = []
        drops = []
        with self._guarded("poll") as client:
            self.spool.mkdir(parents=True, exist_ok=True)
            present = set()
            for entry in sorted(client.listdir_attr(self.settings.remote_in), key=lambda e: e.filename):
                if not self._wanted(entry):
                    continue
                present.add(entry.filename)
                if self._is_still(entry):
                    drops.append(self._download(client, entry))
            self._seen = {name: seen for name, seen in self._seen.items() if name in present}
        return drops

    def _wanted(self, entry: paramiko.SFTPAttributes) -> bool:
        name = entry.filename
        if any(fnmatch.fnmatch(name, pattern) for pattern in self.config.daemon.ignore):
            return False
        if not stat.S_ISREG(entry.st_mode or 0):
            if not stat.S_ISDIR(entry.st_mode or 0):
                self._problem(name, "is a link or a device", "Upload ordinary files.")
            return False
        if (entry.st_size or 0) > self.settings.file_bytes_max:
            self._problem(name, f"has {entry.st_size} bytes, more than file_bytes_max", "Split it or raise the limit.")
            return False
        if any(ord(c) < 32 or ord(c) == 127 for c in name) or len(name) > self.config.limits.file_name_chars_max:
            self._problem(name[:80], "has control characters or is too long a name", "Rename the file.")
            return False
        return True

    def _problem(self, subject: str, message: str, hint: str) -> None:
        self.problems.append(Fault("FILE_REJECT", f"{self.name}/{subject} {message}", hint))

    def _is_still(self, entry: paramiko.SFTPAttributes) -> bool:
        now_seen = (entry.st_size or 0, entry.st_mtime or 0)
        before = self._seen.get(entry.filename)
        if before is None or before[0] != now_seen:
            self._seen[entry.filename] = (now_seen, time.monotonic())
            return self.settings.still_s <= 0
        return time.monotonic() - before[1] >= self.settings.still_s

    def _download(self, client: paramiko.SFTPClient, entry: paramiko.SFTPAttributes) -> Drop:
        size, modified = entry.st_size or 0, entry.st_mtime or 0
        remote = posixpath.join(self.settings.remote_in, entry.filename)
        target = self.spool / f"{size}-{modified}-{_safe(entry.filename)}"
        if not target.exists():
            part = target.with_name(target.name + ".part")
            client.get(remote, str(part), prefetch=True)
            if part.stat().st_size != size:
                part.unlink()
                raise GatewayError("download", remote, "It is tried again.", "the file changed while it was read")
            with part.open("rb") as whole:
                os.fsync(whole.fileno())
            part.replace(target)
            sync_folder(self.spool)
        arrived = datetime.fromtimestamp(modified, UTC)
        return Drop(self.settings.partner, entry.filename, target, arrived, self.name, f"{size}:{modified}:{remote}")

    def settle(self, drop: Drop) -> None:
        """Move the file to `remote_done` (or remove it), unless it was replaced since; then drop the copy."""
        size, modified, remote = drop.token.split(":", 2)
        with self._guarded("settle on") as client:
            try:
                now = client.stat(remote)
                if (now.st_size, now.st_mtime) == (int(size), int(modified)):
                    self._put_away(client, remote)
            except FileNotFoundError:
                pass  # Settled before a crash.
        drop.path.unlink(missing_ok=True)
        self._seen.pop(posixpath.basename(remote), None)

    def _put_away(self, client: paramiko.SFTPClient, remote: str) -> None:
        if not self.settings.remote_done:
            client.remove(remote)
            return
        base = posixpath.join(self.settings.remote_done, posixpath.basename(remote))
        target, number = base, 0
        while _exists(client, target):
            number += 1
            target = f"{base}.{number}"
        client.rename(remote, target)

    def deliver(self, files: Sequence[Path], folder: str = "") -> None:
        """Upload under a temporary name, then rename; the temporary file is removed if that fails."""
        with self._guarded("deliver to") as client:
            for file in files:
                target = posixpath.join(self.settings.remote_out, folder, file.name)
                part = posixpath.join(posixpath.dirname(target), f".{file.name}.part")
                try:
                    client.put(str(file), part, confirm=True)
                    client.posix_rename(part, target)
                except _TROUBLE:
                    with contextlib.suppress(*_TROUBLE):
                        client.remove(part)
                    raise

    def close(self) -> None:
        """Close the connection."""
        for part in (self._client, self._transport):
            if part is not None:
                with contextlib.suppress(*_TROUBLE):
                    part.close()
        self._client = self._transport = None


class BackOff:
    """When a server that failed is tried again: doubling pauses with jitter, up to a maximum (seconds)."""

    def __init__(self, first_s: float, max_s: float) -> None:
        self.first_s, self.max_s = first_s, max_s
        self._pause = 0.0
        self._until = 0.0

    def ready(self) -> bool:
        """Whether it may be tried now."""
        return time.monotonic() >= self._until

    def failed(self) -> float:
        """Note a failure; returns the pause in seconds."""
        self._pause = min(self.max_s, max(self.first_s, self._pause * 2))
        pause = self._pause * (0.75 + random.random() / 2)
        self._until = time.monotonic() + pause
        return pause

    def worked(self, pause_s: float = 0.0) -> None:
        """Note a success; it may be tried again after that pause."""
        self._pause = 0.0
        self._until = time.monotonic() + pause_s


def fingerprint(key: str) -> str:
    """SHA256 fingerprint of "type base64" as OpenSSH shows it."""
    parts = key.split()
    try:
        raw = base64.b64decode(parts[1])
    except (IndexError, ValueError):
        return "(not a key)"
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


def _exists(client: paramiko.SFTPClient, path: str) -> bool:
    try:
        client.stat(path)
    except FileNotFoundError:
        return False
    return True


def _safe(name: str) -> str:
    """A local file name for an untrusted remote one."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[-120:].lstrip(".")
    return f"{hashlib.sha256(name.encode()).hexdigest()[:8]}-{plain}"
