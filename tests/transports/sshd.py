"""An OpenSSH server on loopback, with keys, configuration and folders of its own below a temporary folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.settings import Sftp

SSHD = Path("/usr/sbin/sshd")
MAKERS: dict[str, Callable[[], serialization.SSHPrivateKeyTypes]] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
}


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Return as soon as the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.01)


def make_key(path: Path, kind: str = "ed25519") -> str:
    """Write a new private key for its owner alone; returns the public key as "type base64"."""
    key = MAKERS[kind]()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    path.touch(0o600)
    path.write_bytes(private)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return public.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_known: dict[str, bool] = {}


def _knows(setting: str, *needed: str) -> bool:
    """Whether the server that is installed knows a setting; `needed` are those that it does not start without."""
    if setting not in _known:
        with tempfile.NamedTemporaryFile("w", suffix=".config") as config:
            config.write("\n".join([*needed, setting]) + "\n")
            config.flush()
            checked = subprocess.run([SSHD, "-t", "-f", config.name], capture_output=True, check=False)
        _known[setting] = checked.returncode == 0
    return _known[setting]


class Sshd:
    """`root/in`, `root/done` and `root/out` are the partner's folders; `host_keys` the public keys by kind."""

    def __init__(
        self,
        folder: Path,
        kinds: tuple[str, ...] = ("ed25519",),
        subsystem: str = "internal-sftp",
        more: tuple[str, ...] = (),
    ) -> None:
        self.root, self.port, self.log = folder / "partner", free_port(), folder / "sshd.log"
        for name in ("in", "done", "out"):
            (self.root / name).mkdir(parents=True)
        self.host_keys = {kind: make_key(folder / f"host_{kind}", kind) for kind in kinds}
        self.user_key = folder / "user_key"
        (folder / "authorized_keys").write_text(make_key(self.user_key) + "\n")
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            "PidFile none",
            "UsePAM no",
            "UseDNS no",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "MaxStartups 100",
            "LogLevel DEBUG1",
            f"AuthorizedKeysFile {folder / 'authorized_keys'}",
            f"Subsystem sftp {subsystem}",
            *(f"HostKey {folder / f'host_{kind}'}" for kind in kinds),
            *more,
        ]
        self.config = folder / "sshd_config"
        # Newer servers shut out an address after a few refused logins; older ones do not know the setting.
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        penalties = "PerSourcePenalties no"
        self.config.write_text("\n".join([*lines, *([penalties] if _knows(penalties, *lines) else [])]) + "\n")
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def settings(self, **changes: object) -> Sftp:
        """Settings that work."""
        works = {
            "name": "partner",
            "partner": "amazon-us",
            "host": "127.0.0.1",
            "port": self.port,
            "user": pwd.getpwuid(os.geteuid()).pw_name,
            "host_key": self.host_keys.get("ed25519", ""),
            "key_file": str(self.user_key),
            "remote_in": str(self.root / "in"),
            "remote_done": str(self.root / "done"),
            "remote_out": str(self.root / "out"),
            "still_s": 0.0,
            "connect_timeout_s": 5.0,
        }
        return Sftp.model_validate({**works, **changes})

    def as_jump(self, **changes: object) -> dict[str, object]:
        """Settings that lead through this server to another."""
        login = self.settings().model_dump(include={"host", "port", "user", "host_key", "key_file"})
        return {**login, **changes}

    def put(self, name: str, content: bytes) -> Path:
        """A whole file in the partner's `in`."""
        path = self.root / "in" / name
        path.write_bytes(content)
        return path

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).iterdir())

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.config], stderr=log)
        wait_for(self._answers, "sshd answers")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                return probe.recv(4) == b"SSH-"
        except OSError:
            return False

    def sessions(self) -> list[int]:
        """The processes of the connections that are open."""
        assert self.process is not None
        listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found - {self.process.pid})

    def cut(self) -> None:
        """Kill what serves the open connections; the server itself goes on."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the server and its connections, by their own process ids."""
        if self.process is None:
            return
        self.cut()
        self.process.terminate()
        self.process.wait(10)
        self.process = None
