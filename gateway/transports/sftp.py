"""SFTP servers: poll, download to a temporary name, move on the server after the commit, deliver atomically.

The server's key is pinned and compared before anything secret is sent; any other key is refused.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import os
import posixpath
import re
import socket
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paramiko

from gateway.atomic import replacing
from gateway.config import Config, Sftp
from gateway.errors import Fault, GatewayError
from gateway.transports import names
from gateway.transports.contract import Drop, UnreachableError
from gateway.transports.stillness import Stillness

CHUNK_BYTES = 32_768
REQUESTS_MAX = 64
"""Read requests under way at once: OpenSSH's own client sends no more, and some servers hang beyond."""

# Whatever the library logs is raised too; without a handler its tracebacks would go to standard error.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
_BROKEN = (paramiko.SSHException, paramiko.SFTPError, EOFError, TimeoutError)


class SftpServer:
    """One server. A file is taken when its size and time were the same in two polls `still_s` apart."""

    def __init__(self, home: Path, settings: Sftp, config: Config, spool: Path) -> None:
        self.home, self.settings, self.config = home, settings, config
        self.name = f"sftp:{settings.name}"
        self.spool = spool / local_name(settings.name)
        self.problems: list[Fault] = []
        self.soon = False
        self._host_key = _host_key(settings)
        self._stillness = Stillness(settings.still_s)
        self._swept = False
        self._transport: paramiko.Transport | None = None
        self._client: paramiko.SFTPClient | None = None

    # --- connection -----------------------------------------------------------------------------------

    def _connected(self) -> paramiko.SFTPClient:
        client = self._client
        if client is not None and self._is_alive():
            return client
        self.close()
        try:
            client = self._client = self._connect()
        except (*_BROKEN, OSError) as error:
            self.close()
            raise self._unreachable("connect to", _cause(error)) from error
        except UnreachableError:
            self.close()
            raise
        return client

    def _connect(self) -> paramiko.SFTPClient:
        s = self.settings
        connection = socket.create_connection((s.host, s.port), timeout=s.connect_timeout_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = self._transport = paramiko.Transport(connection)
        transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = s.connect_timeout_s
        # A server has several keys and shows one: ask for the kind that is pinned.
        options = transport.get_security_options()
        options.key_types = sorted(options.key_types, key=lambda kind: not _is_kind(kind, self._host_key))
        transport.start_client(timeout=s.connect_timeout_s)
        self._check_key(transport.get_remote_server_key())
        self._authenticate(transport)
        client = _Client.from_transport(transport)
        channel = client.get_channel() if client is not None else None
        if client is None or channel is None:
            raise paramiko.SSHException("the server opened no sftp channel")
        channel.settimeout(s.connect_timeout_s)
        return client

    def _check_key(self, offered: paramiko.PKey) -> None:
        """Before authentication: nothing secret goes to a server that is not the configured one."""
        found = f"{offered.get_name()} {offered.get_base64()}"
        if found != self._host_key:
            kind = offered.get_name()
            raise self._unreachable(
                "connect to",
                f"its key is {kind} {fingerprint(found)}, configured is {fingerprint(self._host_key)}",
                "Ask the partner whether the server's key changed; only then put the new one into config.toml as host_key.",
            )

    def _authenticate(self, transport: paramiko.Transport) -> None:
        s = self.settings
        try:
            if s.key_file:
                transport.auth_publickey(s.user, self._user_key())
            else:
                transport.auth_password(s.user, self._password())
        except paramiko.AuthenticationException as error:
            hint = "Ask the partner whether this key is authorised." if s.key_file else "Check the password."
            raise self._unreachable("log in to", f"user {s.user} was refused: {_cause(error)}", hint) from error
        if not transport.is_authenticated():
            raise self._unreachable("log in to", "the server asks for more than one secret", "Use a key alone.")

    def _user_key(self) -> paramiko.PKey:
        path = self.home / Path(self.settings.key_file).expanduser()
        try:
            return paramiko.PKey.from_path(path)
        except Exception as error:
            # The library raises half a dozen unrelated kinds for files that are no private keys.
            hint = "Set key_file to an OpenSSH private key without a passphrase."
            raise self._unreachable("log in to", f"{path} cannot be used: {_cause(error)}", hint) from error

    def _password(self) -> str:
        variable = self.settings.password_env
        password = os.environ.get(variable, "") if variable else ""
        if not password:
            hint = "Set key_file, or password_env and that environment variable."
            raise self._unreachable("log in to", "there is neither a key nor a password", hint)
        return password

    def _is_alive(self) -> bool:
        client, transport = self._client, self._transport
        channel = client.get_channel() if client is not None else None
        return transport is not None and transport.is_active() and channel is not None and not channel.closed

    def _unreachable(self, operation: str, cause: str, hint: str = "") -> UnreachableError:
        where = f"{self.name} ({self.settings.host}:{self.settings.port})"
        return UnreachableError(
            operation, where, hint or "Check host and port in config.toml; it is tried again.", cause
        )

    @contextlib.contextmanager
    def _asking(self, operation: str, subject: str) -> Iterator[paramiko.SFTPClient]:
        """The connected client. Raises UnreachableError when the connection breaks, GatewayError when the server says no."""
        client = self._connected()
        try:
            yield client
        except (*_BROKEN, OSError) as error:
            if isinstance(error, _BROKEN) or not self._is_alive():
                self.close()
                raise self._unreachable(operation, _cause(error)) from error
            hint = "Check that it exists, its permissions and disk space; it is tried again."
            raise GatewayError(operation, f"{self.name}:{names.shown(subject)}", hint, _cause(error)) from error

    # --- in -------------------------------------------------------------------------------------------

    def poll(self) -> list[Drop]:
        """Download what is whole and still; what was downloaded before a crash is not downloaded again.

        At most `limits.files_per_commit_max` files are downloaded in one poll.
        """
        self.problems, self.soon = [], False
        self._stillness.begin()
        folder = self.settings.remote_in
        with self._asking("list", folder) as client:
            entries = sorted(client.listdir_attr(folder), key=lambda entry: entry.filename)
        entries = [entry for entry in entries if self._wanted(entry)]
        still = [entry for entry in entries if self._stillness.is_still(entry.filename, _version(entry))]
        self._sweep(entries)
        drops: list[Drop] = []
        room = self.config.limits.files_per_commit_max
        for entry in still:
            if not self._spooled(entry).exists():
                if not room:
                    break
                room -= 1
                try:
                    self._download(entry)
                except UnreachableError:
                    if not drops:
                        raise
                    break  # What came so far goes on; the next poll meets the same trouble and tells.
                except GatewayError as error:
                    self.problems.append(Fault("FILE_REJECT", str(error)))
                    continue
            drops.append(self._drop(entry))
        self.soon = self._stillness.waiting or len(drops) < len(still)
        return drops

    def _wanted(self, entry: paramiko.SFTPAttributes) -> bool:
        name, mode = entry.filename, entry.st_mode or 0
        if stat.S_ISDIR(mode) or names.ignored(name, self.config.daemon.ignore):
            return False
        if not stat.S_ISREG(mode):
            return self._left(name, "is a link or a device", "Upload ordinary files.")
        if (entry.st_size or 0) > self.settings.file_bytes_max:
            return self._left(name, f"has {entry.st_size} bytes, more than file_bytes_max", "Split it, or raise that.")
        if wrong := names.refusal(name, self.config.limits.file_name_chars_max):
            return self._left(name, wrong, "Rename the file.")
        return True

    def _left(self, name: str, message: str, hint: str) -> bool:
        self.problems.append(Fault("FILE_REJECT", f"{self.name}/{names.shown(name)} {message}", hint))
        return False

    def _spooled(self, entry: paramiko.SFTPAttributes) -> Path:
        size, modified = _version(entry)
        return self.spool / f"{size}-{modified}-{local_name(entry.filename)}"

    def _sweep(self, entries: Sequence[paramiko.SFTPAttributes]) -> None:
        """Once after the start: what an earlier process downloaded and the server has no more."""
        if self._swept or not self.spool.is_dir():
            return
        wanted = {self._spooled(entry) for entry in entries}
        for left in self.spool.iterdir():
            if left not in wanted:
                left.unlink()
        self._swept = True

    def _download(self, entry: paramiko.SFTPAttributes) -> None:
        remote = self._remote(entry.filename)
        size, modified = _version(entry)
        with self._asking("download", remote) as client, replacing(self._spooled(entry)) as temporary:
            with client.open(remote) as source, temporary.open("wb") as sink:
                written = sum(sink.write(chunk) for chunk in _chunks(source, size))
            if written < size or _version(client.lstat(remote)) != (size, modified):
                raise OSError("it changed while it was read")

    def _remote(self, name: str) -> str:
        return posixpath.join(self.settings.remote_in, name)

    def _drop(self, entry: paramiko.SFTPAttributes) -> Drop:
        size, modified = _version(entry)
        arrived = datetime.fromtimestamp(modified, UTC)
        token = f"{size}:{modified}:{self._remote(entry.filename)}"
        return Drop(self.settings.partner, entry.filename, self._spooled(entry), arrived, self.name, token)

    def settle(self, drop: Drop) -> None:
        """Move the file to `remote_done` (or remove it), unless it was replaced since; then drop the copy."""
        size, modified, remote = drop.token.split(":", 2)
        with self._asking("settle", remote) as client:
            try:
                now = _version(client.lstat(remote))
            except FileNotFoundError:
                now = None  # Settled before a crash, or taken back.
            if now == (int(size), int(modified)):
                self._put_away(client, remote)
        drop.path.unlink(missing_ok=True)

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

    # --- out ------------------------------------------------------------------------------------------

    def deliver(self, files: Sequence[Path], folder: str = "") -> None:
        """Upload to `remote_out` under a temporary name, then rename; the temporary file is removed if that fails.

        The temporary name is always the same: what a broken connection left is overwritten the next time.
        """
        for file in files:
            target = posixpath.join(self.settings.remote_out, folder, file.name)
            part = posixpath.join(posixpath.dirname(target), f".{file.name}.part")
            with self._asking("deliver", target) as client:
                try:
                    client.put(str(file), part, confirm=True)
                    _replace(client, part, target)
                except BaseException:
                    with contextlib.suppress(*_BROKEN, OSError):
                        client.remove(part)
                    raise

    def close(self) -> None:
        """Close the connection."""
        client, transport = self._client, self._transport
        self._client = self._transport = None
        for part in (client, transport):
            if part is not None:
                with contextlib.suppress(*_BROKEN, OSError):
                    part.close()


class _Client(paramiko.SFTPClient):
    """A client whose listing survives a name that is not UTF-8, and whose read-ahead dies quietly."""

    def _request(self, t: Any, *args: Any) -> Any:
        kind, message = super()._request(t, *args)  # type: ignore[misc]
        lenient = _Message()
        lenient.packet = message.packet
        return kind, lenient

    def _async_request(self, fileobj: Any, t: Any, *args: Any) -> Any:
        try:
            return super()._async_request(fileobj, t, *args)  # type: ignore[misc]
        except (*_BROKEN, OSError):
            if isinstance(fileobj, paramiko.SFTPFile):
                # In the library's own thread, where it would only be printed: the reader meets the same trouble.
                raise SystemExit from None
            raise


class _Message(paramiko.Message):
    def get_text(self) -> str:
        return self.get_string().decode("utf-8", "surrogateescape")


def fingerprint(key: str) -> str:
    """SHA256 fingerprint of "type base64" as OpenSSH shows it."""
    raw = base64.b64decode(key.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


def local_name(name: str) -> str:
    """A local file name for an untrusted remote one; different names stay different."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)[-120:].lstrip(".")
    return f"{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}-{plain}"


def _host_key(settings: Sftp) -> str:
    """The pinned key as "type base64". Raises GatewayError if it is not one."""
    parts = settings.host_key.split()[:2]
    try:
        blob = base64.b64decode(parts[1], validate=True)
        length = int.from_bytes(blob[:4], "big")
        if blob[4 : 4 + length].decode() == parts[0]:
            return " ".join(parts)
    except (IndexError, ValueError):
        pass
    raise GatewayError(
        "read host_key of",
        f"sftp:{settings.name}",
        'Write it like "ssh-ed25519 AAAA…", as `ssh-keyscan` prints it behind the name of the host.',
        f"{settings.host_key[:40]!r} is no public key",
    )


def _is_kind(kind: str, key: str) -> bool:
    """Whether a negotiated algorithm shows a key of this kind: RSA keys sign under names of their own."""
    own = key.partition(" ")[0]
    return kind == own or (own == "ssh-rsa" and kind.startswith("rsa-sha2-"))


def _version(entry: paramiko.SFTPAttributes) -> tuple[int, int]:
    return entry.st_size or 0, entry.st_mtime or 0


def _chunks(source: paramiko.SFTPFile, size: int) -> Iterator[bytes]:
    """The first `size` bytes of a file, asked for in windows of several requests."""
    window = CHUNK_BYTES * REQUESTS_MAX
    for start in range(0, size, window):
        end = min(size, start + window)
        yield from source.readv([(at, min(CHUNK_BYTES, end - at)) for at in range(start, end, CHUNK_BYTES)])


def _cause(error: BaseException) -> str:
    """What went wrong, in words."""
    if isinstance(error, EOFError):
        return "the connection was cut"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _exists(client: paramiko.SFTPClient, path: str) -> bool:
    try:
        client.lstat(path)
    except FileNotFoundError:
        return False
    return True


def _replace(client: paramiko.SFTPClient, part: str, target: str) -> None:
    try:
        client.posix_rename(part, target)
    except OSError:
        # Not every server has the rename that replaces.
        if _exists(client, target):
            client.remove(target)
        client.rename(part, target)
