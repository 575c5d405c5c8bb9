"""SFTP servers, also behind a jump host.

The server's key is pinned and compared before anything secret is sent; any other key is refused.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import socket
import stat
import threading
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

import paramiko

from gateway.errors import HouseError
from gateway.settings import Config, Jump, Sftp, secret_of
from gateway.transports.remote import Entry, Places, RemoteServer, cause_of
from gateway.transports.transport import UnreachableError

CHUNK_BYTES = 32_768
REQUESTS_MAX = 64
"""Read requests under way at once: OpenSSH's own client sends no more, and some servers hang beyond."""

# Whatever the library logs is raised too; without a handler its tracebacks would go to standard error.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
_BROKEN = (EOFError, TimeoutError, ConnectionError, paramiko.SSHException, paramiko.SFTPError)


class SftpServer(RemoteServer):
    """One server: one connection, and a channel of it for each download that is under way."""

    broken = _BROKEN
    trouble = (*_BROKEN, OSError)

    def __init__(self, home: Path, settings: Sftp, config: Config, spool: Path) -> None:
        places = Places(settings.remote_in, settings.remote_done, settings.remote_out)
        super().__init__("sftp", _where(settings), settings, places, config, spool, settings.still_s)
        self.home, self.settings = home, settings
        self.downloads_max = settings.downloads_max
        _host_key(settings, self.name)
        if settings.jump.host:
            _host_key(settings.jump, self.name)
        self._connecting = threading.Lock()
        self._transports: list[paramiko.Transport] = []
        self._idle: list[_Client] = []

    # --- connection -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _client(self) -> Iterator[_Client]:
        """A client that no other thread uses meanwhile. Raises UnreachableError when there is no connection."""
        with self._connecting:
            client = self._ready()
        try:
            yield client
        except OSError as error:
            if _is_closed(client) and not isinstance(error, self.broken):
                raise EOFError from error
            raise
        finally:
            if not _is_closed(client):
                self._idle.append(client)

    def _ready(self) -> _Client:
        try:
            if not self._is_alive():
                self.close()
                self._connect()
            while self._idle:
                if not _is_closed(client := self._idle.pop()):
                    return client
            return self._open_client(self._transports[-1])
        except self.trouble as error:
            self.close()
            raise self._unreachable("connect to", cause_of(error)) from error
        except UnreachableError:
            self.close()
            raise

    def _connect(self) -> None:
        s, jump = self.settings, self.settings.jump
        first = jump if jump.host else s
        connection = socket.create_connection((first.host, first.port), timeout=s.connect_timeout_s)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = self._log_in(connection, first)
        if first is jump:
            try:
                way = transport.open_channel(
                    "direct-tcpip", (s.host, s.port), ("127.0.0.1", 0), timeout=s.connect_timeout_s
                )
            except paramiko.ChannelException as error:
                hint = "Ask whoever runs the jump host whether it lets us through to there."
                raise self._unreachable("connect to", f"through {_where(jump)}: {error.text}", hint) from error
            self._log_in(way, s)

    def _log_in(self, connection: socket.socket | paramiko.Channel, hop: Sftp | Jump) -> paramiko.Transport:
        transport = paramiko.Transport(connection)
        self._transports.append(transport)
        patience_s = self.settings.connect_timeout_s
        transport.banner_timeout = transport.auth_timeout = transport.channel_timeout = patience_s
        # A server has several keys and shows one: ask for the kind that is pinned.
        pinned = _host_key(hop, self.name)
        options = transport.get_security_options()
        options.key_types = sorted(options.key_types, key=lambda kind: not _is_kind(kind, pinned))
        transport.start_client(timeout=patience_s)
        self._check_key(transport.get_remote_server_key(), pinned, hop)
        self._authenticate(transport, hop)
        return transport

    def _check_key(self, offered: paramiko.PKey, pinned: str, hop: Sftp | Jump) -> None:
        """Before authentication: nothing secret goes to a server that is not the configured one."""
        found = f"{offered.get_name()} {offered.get_base64()}"
        if found != pinned:
            kind = offered.get_name()
            raise self._unreachable(
                "connect to",
                f"its key is {kind} {fingerprint(found)}, configured is {fingerprint(pinned)}",
                (
                    "Ask the partner whether the server's key changed; only then put the new one into config.toml as "
                    "host_key."
                ),
                _where(hop),
            )

    def _authenticate(self, transport: paramiko.Transport, hop: Sftp | Jump) -> None:
        try:
            if hop.key_file:
                transport.auth_publickey(hop.user, self._user_key(hop))
            else:
                transport.auth_password(hop.user, self._password(hop))
        except paramiko.AuthenticationException as error:
            hint = "Ask the partner whether this key is authorised." if hop.key_file else "Check the password."
            cause = f"user {hop.user} was refused: {cause_of(error)}"
            raise self._unreachable("log in to", cause, hint, _where(hop)) from error
        if not transport.is_authenticated():
            cause = "the server asks for more than one secret"
            raise self._unreachable("log in to", cause, "Use a key alone.", _where(hop))

    def _user_key(self, hop: Sftp | Jump) -> paramiko.PKey:
        path = self.home / Path(hop.key_file).expanduser()
        try:
            return paramiko.PKey.from_path(path)
        except Exception as error:
            # The library raises half a dozen unrelated kinds for files that are no private keys.
            hint = "Set key_file to an OpenSSH private key without a passphrase."
            cause = f"{path} cannot be used: {cause_of(error)}"
            raise self._unreachable("log in to", cause, hint, _where(hop)) from error

    def _password(self, hop: Sftp | Jump) -> str:
        password = secret_of(hop.password_env)
        if not password:
            hint = "Set key_file, or password_env and that environment variable."
            raise self._unreachable("log in to", "there is neither a key nor a password", hint, _where(hop))
        return password

    def _open_client(self, transport: paramiko.Transport) -> _Client:
        try:
            client = _Client.from_transport(transport)
        except paramiko.ChannelException as error:
            hint = "Set downloads_max to as many as the server allows at once."
            raise HouseError("open a channel to", self.name, hint, cause_of(error)) from error
        channel = client.get_channel() if client is not None else None
        if client is None or channel is None:
            raise paramiko.SSHException("the server opened no sftp channel")
        channel.settimeout(self.settings.connect_timeout_s)
        return client

    def _is_alive(self) -> bool:
        return bool(self._transports) and self._transports[-1].is_active()

    def close(self) -> None:
        """Close the connection."""
        transports, self._transports, self._idle = self._transports, [], []
        for transport in reversed(transports):
            with contextlib.suppress(*_BROKEN, OSError):
                transport.close()

    # --- files ----------------------------------------------------------------------------------------

    def _list(self, folder: str) -> Iterable[Entry]:
        with self._client() as client:
            client.bound_listing(self.config.limits.listed_files_max)
            listed = client.listdir_attr(folder)
        return [
            Entry(each.filename, 0, 0, folder=True) if stat.S_ISDIR(each.st_mode or 0) else _entry(each, each.filename)
            for each in listed
        ]

    def _stat(self, path: str) -> Entry | None:
        with self._client() as client:
            try:
                return _entry(client.lstat(path), path)
            except FileNotFoundError:
                return None

    def _read(self, path: str, entry: Entry, start: int) -> Generator[bytes, None, None]:
        """Asked for in windows of several requests."""
        window = CHUNK_BYTES * REQUESTS_MAX
        with self._client() as client, client.open(path) as source:
            for begin in range(start, entry.size, window):
                end = min(entry.size, begin + window)
                yield from source.readv([(at, min(CHUNK_BYTES, end - at)) for at in range(begin, end, CHUNK_BYTES)])

    def _write(self, file: Path, path: str) -> None:
        with self._client() as client:
            client.put(str(file), path, confirm=True)

    def _move(self, path: str, target: str, tag: str = "") -> None:
        with self._client() as client:
            client.rename(path, target)

    def _move_over(self, path: str, target: str) -> None:
        with self._client() as client:
            client.posix_rename(path, target)

    def _remove(self, path: str) -> None:
        with self._client() as client:
            client.remove(path)


class _Client(paramiko.SFTPClient):
    """A client that lists names that are not UTF-8, and whose read-ahead fails without a traceback."""

    _left = 0

    def bound_listing(self, files_max: int) -> None:
        """Refuse a listing of more files: an endless one would fill the memory."""
        self._left = files_max

    def _request(self, t: Any, *args: Any) -> Any:
        kind, message = super()._request(t, *args)  # type: ignore[misc]
        if kind == paramiko.sftp.CMD_NAME and t == paramiko.sftp.CMD_READDIR:
            # Behind the number of the request stands how many names follow.
            self._left -= int.from_bytes(message.packet.getvalue()[4:8], "big")
            if self._left < 0:
                raise OSError("it lists more files than listed_files_max")
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


def _host_key(hop: Sftp | Jump, name: str) -> str:
    """The pinned key as "type base64". Raises HouseError if it is not one."""
    parts = hop.host_key.split()[:2]
    try:
        blob = base64.b64decode(parts[1], validate=True)
        length = int.from_bytes(blob[:4], "big")
        if blob[4 : 4 + length].decode() == parts[0]:
            return " ".join(parts)
    except (IndexError, ValueError):
        pass
    raise HouseError(
        "read host_key of",
        name if isinstance(hop, Sftp) else f"the jump host of {name}",
        'Write it like "ssh-ed25519 AAAA…", as `ssh-keyscan` prints it behind the name of the host.',
        f"{hop.host_key[:40]!r} is not a public key",
    )


def _is_kind(kind: str, key: str) -> bool:
    """Whether a negotiated algorithm shows a key of this kind: RSA keys sign under names of their own."""
    own = key.partition(" ")[0]
    return kind == own or (own == "ssh-rsa" and kind.startswith("rsa-sha2-"))


def _where(hop: Sftp | Jump) -> str:
    return f"{hop.host}:{hop.port}"


def _is_closed(client: paramiko.SFTPClient) -> bool:
    channel = client.get_channel()
    return channel is None or channel.closed


def _entry(attributes: paramiko.SFTPAttributes, name: str) -> Entry:
    ordinary = stat.S_ISREG(attributes.st_mode or 0)
    return Entry(name, attributes.st_size or 0, attributes.st_mtime or 0, ordinary=ordinary)
