"""An FTPS server on loopback, with a certificate of its own, in a thread of the test's process."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import FTPHandler, TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from gateway.settings import Ftps

PASSWORD = "open sesame"


def make_certificate(folder: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """(certificate and key in one file, the certificate of the authority) for a host, both in PEM."""
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("authority", host)]

    def sign(number: int, extension: x509.ExtensionType, critical: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(names[number]).issuer_name(names[0])
        builder = builder.public_key(keys[number].public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        return builder.add_extension(extension, critical).sign(keys[0], hashes.SHA256())

    authority = sign(0, x509.BasicConstraints(ca=True, path_length=0), True)
    own = sign(1, x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), False)
    private = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + own.public_bytes(serialization.Encoding.PEM))
    (folder / "authority.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return folder / "server.pem", folder / "authority.pem"


class _DataHandler(TLS_DTPHandler):
    """Demands the TLS session of the control connection, as vsftpd does."""

    def handle_ssl_established(self) -> None:
        if not SSL._lib.SSL_session_reused(self.socket._ssl):
            self.cmd_channel.respond("522 SSL connection failed: session reuse required")
            self.close()


class Ftpd:
    """`root/in`, `root/done` and `root/out` are the partner's folders.

    facts        whether it knows MLSD and MLST
    tls          whether it knows TLS
    permissions  what the user may do, as pyftpdlib writes it
    """

    def __init__(
        self,
        folder: Path,
        facts: bool = True,
        tls: bool = True,
        permissions: str = "elradfmw",
        host: str = "127.0.0.1",
    ) -> None:
        self.root = folder / "partner"
        for name in ("in", "done", "out"):
            (self.root / name).mkdir(parents=True)
        certificate, self.ca_file = make_certificate(folder, host)
        self.authorizer = DummyAuthorizer()
        self.authorizer.add_user("acme", PASSWORD, str(self.root), permissions)
        base = TLS_FTPHandler if tls else FTPHandler
        self.commands: list[str] = []
        self.filesystem = type("Filesystem", (AbstractedFS,), {"rename": AbstractedFS.rename})
        known = {name: command for name, command in base.proto_cmds.items() if facts or name not in ("MLSD", "MLST")}
        own: dict[str, object] = {
            "authorizer": self.authorizer,
            "proto_cmds": known,
            "unicode_errors": "surrogateescape",
            "auth_failed_timeout": 0,
            "abstracted_fs": self.filesystem,
            "pre_process_command": self._noting(base),
        }
        if tls:
            context = SSL.Context(SSL.TLS_SERVER_METHOD)
            context.use_certificate_chain_file(str(certificate))
            context.use_privatekey_file(str(certificate))
            context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
            context.set_session_id(b"ftpd")
            own |= {
                "ssl_context": context,
                "tls_control_required": True,
                "tls_data_required": True,
                "dtp_handler": _DataHandler,
            }
        self._handler = type("Handler", (base,), own)
        self._running = threading.Event()
        self._awake = threading.Event()
        self.port = 0
        self.start()

    def _noting(self, base: type) -> Callable[..., None]:
        commands, process = self.commands, base.pre_process_command  # type: ignore[attr-defined]

        def note(handler: object, line: str, command: str, argument: str) -> None:
            commands.append(command)
            process(handler, line, command, argument)

        return note

    def settings(self, **changes: object) -> Ftps:
        """Settings that work, with the password in the environment variable FTPS_PASSWORD."""
        os.environ["FTPS_PASSWORD"] = PASSWORD
        works = {
            "name": "partner",
            "partner": "amazon-us",
            "host": "127.0.0.1",
            "port": self.port,
            "user": "acme",
            "password_env": "FTPS_PASSWORD",
            "ca_file": str(self.ca_file),
            "remote_in": "/in",
            "remote_done": "/done",
            "remote_out": "/out",
            "still_s": 0.0,
            "connect_timeout_s": 5.0,
        }
        return Ftps.model_validate({**works, **changes})

    def allow(self, permissions: str) -> None:
        """What the user may do from now on, as pyftpdlib writes it."""
        self.authorizer.user_table["acme"]["perm"] = permissions

    def put(self, name: str, content: bytes) -> Path:
        """A whole file in the partner's `in`."""
        path = self.root / "in" / name
        path.write_bytes(content)
        return path

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).iterdir())

    def start(self) -> None:
        """Serve, on the same port as before."""
        self._loop = IOLoop()
        self._server = FTPServer(("127.0.0.1", self.port), self._handler, ioloop=self._loop)
        self.port = self._server.address[1]
        self._running.set()
        self._awake.set()
        self._thread = threading.Thread(target=self._serve, name="ftpd", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._running.is_set():
            self._awake.wait(10)
            self._server.serve_forever(timeout=0.02, blocking=False, handle_exit=False)
        self._server.close_all()

    def hang(self) -> None:
        """Answer nobody until `stop`."""
        self._awake.clear()

    def cut(self) -> None:
        """Cut the open connections; the server itself goes on."""
        for number in list(self._loop.socket_map):
            if number != self._server.socket.fileno():
                with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as other:
                    other.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """End the server and its connections."""
        self._running.clear()
        self._awake.set()
        self._thread.join(10)
