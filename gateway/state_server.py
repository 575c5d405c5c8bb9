"""Where a running gateway shows its state: HTTP at `daemon.listen`, and nowhere else.

Without the token nobody sees what names a partner, a file or a server.
"""

from __future__ import annotations

import errno
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateway.errors import HouseError
from gateway.monitor import Monitor
from gateway.settings.strict import LOOPBACK

TOKEN_FILE = "state.token"
CONNECTIONS_MAX = 16
ASK_TIMEOUT_S = 10.0
"""So long the server waits for a request, and for the answer to be taken."""


class _Server(ThreadingHTTPServer):
    """Answers a few at once; further connections are closed, so that nobody uses up the process's threads."""

    daemon_threads = True
    request_queue_size = 4 * CONNECTIONS_MAX
    """Connections that come at once wait here; where there is no room, a client tries again after a second or more."""

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up or is too slow is no fault of the gateway."""


_REFUSED = {
    errno.EADDRINUSE: "Write another port as daemon.listen in config.toml, or stop the program that has "
    "this one: `ss -ltnp` names it.",
    errno.EACCES: "Write a port from 1024 on as daemon.listen in config.toml.",
}
"""The fix by the number of the error, where the server cannot listen."""


class _Handler(BaseHTTPRequestHandler):
    monitor: Monitor
    token: str
    hosts: frozenset[str]
    timeout = ASK_TIMEOUT_S

    def do_GET(self) -> None:
        """/metrics, /health, /ready, /state. What names a partner, a file or a server needs the token."""
        if self.path == "/health" or self._may_ask():
            self._answer()
        elif not self.hosts or self.path == "/state":
            self._say(401, f"Send the token as Authorization: Bearer.{self._where()}\n".encode(), "text/plain")
        elif self._asked_host() not in self.hosts:
            # A page in a browser of this machine that was led here by a name of its own.
            self._say(421, b"Ask for it by the name that daemon.listen has.\n", "text/plain")
        else:
            self._answer(public=True)

    def _where(self) -> str:
        return f" It is in ledger/{TOKEN_FILE} of the home, or set daemon.token_env." if self.hosts else ""

    def _asked_host(self) -> str:
        try:
            return urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        except ValueError:
            return ""

    def _may_ask(self) -> bool:
        sent = self.headers.get("Authorization", "").encode()
        return hmac.compare_digest(sent, f"Bearer {self.token}".encode())

    def _answer(self, *, public: bool = False) -> None:
        monitor = self.monitor
        if self.path == "/metrics":
            self._say(200, monitor.metrics(public=public), CONTENT_TYPE_LATEST)
        elif self.path == "/health":
            self._judge(monitor.health())
        elif self.path == "/ready":
            self._judge(monitor.unready(public=public))
        elif self.path == "/state" and not public:
            self._say(200, json.dumps(monitor.state()).encode(), "application/json")
        else:
            self._say(404, b"There are /metrics, /health, /ready and /state.\n", "text/plain")

    def _judge(self, problems: list[str]) -> None:
        self._say(503 if problems else 200, "\n".join([*problems, "" if problems else "ok\n"]).encode(), "text/plain")

    def _say(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Who asks is not logged."""


@contextmanager
def token_of_this_run(folder: Path) -> Iterator[str]:
    """A token of this run's own, in the ledger's folder as long as it runs: who may read the home may see the state."""
    path, token = folder / TOKEN_FILE, secrets.token_urlsafe(24)
    path.unlink(missing_ok=True)
    path.touch(0o640, exist_ok=False)
    path.write_text(token)
    try:
        yield token
    finally:
        path.unlink(missing_ok=True)


def token_of_a_run(folder: Path) -> str:
    """The token that the run in progress wrote there, "" if there is none."""
    try:
        return (folder / TOKEN_FILE).read_text()
    except FileNotFoundError:
        return ""


@contextmanager
def serving(monitor: Monitor, listen: str, token: str, *, private: bool) -> Iterator[str]:
    """Serve the monitor at "host:port", "" for nowhere; gives the address. Raises HouseError if it is taken.

    token    what must be sent to see what names partners, files and servers
    private  whether those who send no token see nothing but the health
    """
    if not listen:
        yield ""
        return
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    hosts = frozenset() if private else frozenset({host.lower(), *LOOPBACK})
    handler = type("Handler", (_Handler,), {"monitor": monitor, "token": token, "hosts": hosts})
    try:
        server = _Server((host, int(port)), handler)
    except OSError as error:
        hint = _REFUSED.get(error.errno or 0, "Name an address of this machine as daemon.listen in config.toml.")
        raise HouseError("listen at", listen, hint, str(error.strerror)) from error
    thread = threading.Thread(target=server.serve_forever, name="monitor", daemon=True, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield f"{server.server_address[0]!s}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
