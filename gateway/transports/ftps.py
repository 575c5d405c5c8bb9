"""FTPS servers: FTP with explicit TLS on both connections, by the standard library.

The certificate is verified before anything secret is sent. Listings come from MLSD, and where the server does not
know that, from NLST, SIZE and MDTM; other listings are meant for people and are not read.
"""

from __future__ import annotations

import contextlib
import ftplib
import posixpath
import socket
import ssl
from collections.abc import Generator, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.settings import Config, Ftps, secret_of
from gateway.transports import names
from gateway.transports.remote import Entry, Places, RemoteServer, cause_of
from gateway.transports.transport import UnreachableError

CHUNK_BYTES = 1 << 16
LINE_BYTES_MAX = 1_024
"""So long may the lines of a listing be on average: a name, its size and its time."""
_BROKEN = (EOFError, TimeoutError, ConnectionError, ssl.SSLError, ftplib.error_proto, ftplib.error_reply, UnicodeError)


class RefusedError(OSError):
    """The server refused the command; its answer is the text."""


class FtpsServer(RemoteServer):
    """One server, over one connection."""

    broken = _BROKEN
    trouble = (*_BROKEN, OSError)

    def __init__(self, home: Path, settings: Ftps, config: Config, spool: Path) -> None:
        places = Places(settings.remote_in, settings.remote_done, settings.remote_out)
        where = f"{settings.host}:{settings.port}"
        super().__init__("ftps", where, settings, places, config, spool, settings.still_s)
        self.home, self.settings = home, settings
        self._ftp: _Ftp | None = None
        self._data: socket.socket | None = None
        self._in_step = True
        """Whether the server has answered everything: a transfer that was given up is answered some time."""

    # --- connection -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _session(self) -> Iterator[_Ftp]:
        """The connection. Raises RefusedError if the server refuses, UnreachableError if it does not answer."""
        ftp = self._connected()
        try:
            yield ftp
        except (ftplib.error_perm, ftplib.error_temp) as error:
            self._in_step = True
            if str(error).startswith("421"):
                raise EOFError from error
            raise RefusedError(str(error).rstrip(".")) from error
        except Exception as error:
            self._in_step &= isinstance(error, RefusedError)
            if self._ftp is not ftp:
                raise EOFError from error  # Another thread has closed it.
            raise

    def _connected(self) -> _Ftp:
        if self._ftp is not None and self._in_step:
            return self._ftp
        self.close()
        try:
            return self._connect()
        except ssl.SSLCertVerificationError as error:
            self.close()
            hint = (
                "Ask the partner which authority signed it and set ca_file to that; host must be a name that it is for."
            )
            raise self._unreachable(
                "connect to", f"its certificate is refused: {error.verify_message}", hint
            ) from error
        except (*_BROKEN, ftplib.Error, OSError) as error:
            self.close()
            raise self._unreachable("connect to", cause_of(error)) from error
        except UnreachableError:
            self.close()
            raise

    def _connect(self) -> _Ftp:
        s = self.settings
        password = secret_of(s.password_env)
        if not password:
            raise self._unreachable(
                "log in to", "there is no password", f"Set the environment variable {s.password_env}."
            )
        ftp = self._ftp = _Ftp(context=self._tls(), timeout=s.connect_timeout_s)
        ftp.connect(s.host, s.port)
        try:
            ftp.auth()
        except ftplib.error_perm as error:
            hint = "Ask the partner for explicit FTPS: without TLS nothing is sent."
            raise self._unreachable("connect to", f"it offers no TLS: {error}", hint) from error
        try:
            ftp.login(s.user, password)
        except (ftplib.error_perm, ftplib.error_reply) as error:
            hint = f"Check user, and the password in {s.password_env}."
            raise self._unreachable("log in to", f"user {s.user} was refused: {error}", hint) from error
        ftp.prot_p()
        ftp.ask_features()
        self._in_step = True
        return ftp

    def _tls(self) -> ssl.SSLContext:
        path = self.home / Path(self.settings.ca_file).expanduser()
        try:
            return ssl.create_default_context(cafile=str(path) if self.settings.ca_file else None)
        except OSError as error:
            hint = "Set ca_file to the certificate of an authority in PEM."
            raise self._unreachable("connect to", f"{path} cannot be used: {cause_of(error)}", hint) from error

    def _is_alive(self) -> bool:
        return self._ftp is not None

    def close(self) -> None:
        """Close the connection; what another thread waits for ends."""
        ftp, data, self._ftp, self._data = self._ftp, self._data, None, None
        for part in (data, ftp.sock if ftp is not None else None):
            if part is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(part, socket.SHUT_RDWR)
        if ftp is not None:
            with contextlib.suppress(OSError):
                ftp.close()

    # --- files ----------------------------------------------------------------------------------------

    def _list(self, folder: str) -> Iterable[Entry]:
        with self._session() as ftp:
            if ftp.has_facts:
                lines = self._lines(f"MLSD {folder}")
                listed = (_entry_of_facts(line.decode("utf-8", "surrogateescape")) for line in lines if line)
                return [entry for entry in listed if entry is not None]
            return self._list_singly(ftp, folder)

    def _lines(self, command: str) -> list[bytes]:
        """Of a listing. Raises ConnectionError for one of more bytes than so many files can have."""
        text, most = bytearray(), self.config.limits.listed_files_max * LINE_BYTES_MAX
        with contextlib.closing(self._retrieve(command)) as chunks:
            for chunk in chunks:
                text += chunk
                if len(text) > most:
                    raise ConnectionError("it lists more files than listed_files_max")
        return bytes(text).split(b"\r\n")

    def _list_singly(self, ftp: _Ftp, folder: str) -> list[Entry]:
        """Each name is asked for: what has no size is a folder."""
        lines = self._lines(f"NLST {folder}")
        # Some servers write the folder before each name, some do not.
        listed = [posixpath.basename(line.decode("utf-8", "surrogateescape")) for line in lines if line]
        entries = []
        for name in listed:
            if names.refusal(name, self.config.limits.file_name_chars_max):
                entries.append(Entry(name, 0, 0))  # It is left alone, and cannot even be asked for.
            else:
                entry = self._stat_singly(ftp, posixpath.join(folder, name), name)
                entries.append(entry or Entry(name, 0, 0, folder=True))
        return entries

    def _stat(self, path: str) -> Entry | None:
        with self._session() as ftp:
            if not ftp.has_facts:
                return self._stat_singly(ftp, path, posixpath.basename(path))
            try:
                facts = ftp.sendcmd(f"MLST {path}").splitlines()[1:2]
            except ftplib.error_perm:
                return None
        found = _entry_of_facts(facts[0].lstrip()) if facts else None
        return None if found is None or found.folder else found

    def _stat_singly(self, ftp: _Ftp, path: str, name: str) -> Entry | None:
        try:
            ftp.voidcmd("TYPE I")
            size = int(ftp.sendcmd(f"SIZE {path}").split()[1])
            return Entry(name, size, _instant(ftp.sendcmd(f"MDTM {path}").split()[1]))
        except ftplib.error_perm:
            return None
        except (IndexError, ValueError) as error:
            raise ftplib.error_proto(f"SIZE or MDTM of {path}: {error}") from error

    def _read(self, path: str, entry: Entry, start: int) -> Generator[bytes, None, None]:
        yield from self._retrieve(f"RETR {path}", start)

    def _retrieve(self, command: str, start: int = 0) -> Generator[bytes, None, None]:
        with self._session() as ftp:
            ftp.voidcmd("TYPE I")
            self._in_step = False
            with ftp.transfercmd(command, start or None) as data:
                self._data = data
                while chunk := data.recv(CHUNK_BYTES):
                    yield chunk
            self._end_transfer(ftp)

    def _write(self, file: Path, path: str) -> None:
        with file.open("rb") as source, self._session() as ftp:
            ftp.voidcmd("TYPE I")
            self._in_step = False
            with ftp.transfercmd(f"STOR {path}") as data:
                self._data = data
                while chunk := source.read(CHUNK_BYTES):
                    data.sendall(chunk)
                if isinstance(data, ssl.SSLSocket):
                    # Some servers want the end of the TLS session, some never answer it: their answer below counts.
                    with contextlib.suppress(OSError):
                        data.unwrap()
            self._end_transfer(ftp)
            written = self._stat(path)
            if written is None or written.size != file.stat().st_size:
                raise OSError("the server has not all of it")

    def _end_transfer(self, ftp: _Ftp) -> None:
        self._data = None
        ftp.voidresp()
        self._in_step = True

    def _move(self, path: str, target: str, tag: str = "") -> None:
        with self._session() as ftp:
            ftp.rename(path, target)

    def _remove(self, path: str) -> None:
        with self._session() as ftp:
            ftp.delete(path)


class _Ftp(ftplib.FTP_TLS):
    """A client whose data connections go on with the TLS session of the control connection, as servers demand."""

    has_facts = False
    """Whether the server lists files as facts, by MLSD."""

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        assert isinstance(self.sock, ssl.SSLSocket)
        try:
            return self.context.wrap_socket(data, server_hostname=self.host, session=self.sock.session), size
        except BaseException:
            data.close()
            raise

    def ask_features(self) -> None:
        try:
            features = self.sendcmd("FEAT").upper()
        except ftplib.error_perm:
            return  # An old server: it is asked for nothing that it does not say it has.
        self.has_facts = "MLST" in features
        if "UTF8" in features:
            with contextlib.suppress(ftplib.error_perm):
                self.sendcmd("OPTS UTF8 ON")


def _entry_of_facts(line: str) -> Entry | None:
    """ "type=file;size=1;modify=20261101093000; orders.csv" → the entry, None for the folder itself and the one
    above."""
    stated, _, name = line.partition(" ")
    facts: dict[str, Any] = {
        key.lower(): value for key, _, value in (part.partition("=") for part in stated.split(";"))
    }
    kind = facts.get("type", "").lower()
    if kind in ("cdir", "pdir"):
        return None
    if kind == "dir":
        return Entry(name, 0, 0, folder=True)
    try:
        return Entry(name, int(facts["size"]), _instant(facts["modify"]), ordinary=kind == "file")
    except (KeyError, ValueError) as error:
        if kind == "file":
            raise ftplib.error_proto(f"MLSD gave no size and time:  {line!r}") from error
        return Entry(name, 0, 0, ordinary=False)


def _instant(text: str) -> int:
    """ "20261101093000.123" → seconds since 1970."""
    return int(datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
