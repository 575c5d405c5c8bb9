"""Many partners' SFTP servers at once, some of them in trouble: everything arrives once, and trouble stays where it is.

FILES, PARTNERS  how much; `make nightly` takes more
"""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.settings import Sftp
from tests.test_books import GOOD
from tests.test_daemon import Run, ask, findings, run
from tests.transports.sshd import Sshd, make_key, wait_for

__all__ = ["run"]
FILES = int(os.environ.get("FILES", "60"))
PARTNERS = max(6, int(os.environ.get("PARTNERS", "6")))
PATIENCE_S = 120 + FILES
OTHER_KEY, SLOW, FORBIDDEN, GROWING, RENAMED = range(5)
"""Partners that are in trouble; all others are well, but for the cuts that meet everybody."""
PACE = """
[daemon]
tick_s = 0.2
still_s = 0.3
sftp_poll_s = 0.3
back_off_s_max = 1
"""


def content(number: int) -> str:
    return GOOD.replace("S1", f"S{number}")


class Link:
    """A link to a server: nothing passes until it is opened, and then every piece of 16 KB takes its time."""

    def __init__(self, port: int, delay_s: float) -> None:
        self.target, self.delay_s = port, delay_s
        self.opened, self._ended = threading.Event(), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            while not self.opened.wait(0.1):
                if self._ended.is_set():
                    return
            with socket.create_connection(("127.0.0.1", self.target)) as far, selectors.DefaultSelector() as ready:
                for here, there in ((near, far), (far, near)):
                    ready.register(here, selectors.EVENT_READ, there)
                while not self._ended.is_set():
                    for key, _ in ready.select(0.2):
                        piece = key.fileobj.recv(16_384)  # type: ignore[union-attr]
                        if not piece:
                            return
                        time.sleep(self.delay_s)
                        key.data.sendall(piece)

    def close(self) -> None:
        self._ended.set()
        self._listener.close()


@pytest.fixture
def link_to() -> Iterator[Callable[[int, float], Link]]:
    links: list[Link] = []

    def open_link(port: int, delay_s: float) -> Link:
        links.append(Link(port, delay_s))
        return links[-1]

    yield open_link
    for link in links:
        link.close()


class Partner:
    """A partner's folders on a server, and the numbers of the settlements that it sends."""

    def __init__(self, server: Sshd, number: int) -> None:
        self.server, self.name = server, f"p{number:02d}"
        self.numbers = list(range(number, FILES, PARTNERS))
        self.folder = server.root / self.name
        for place in ("in", "done"):
            (self.folder / place).mkdir(parents=True)

    def settings(self, **changes: object) -> Sftp:
        return self.server.settings(
            **{
                "name": self.name,
                "partner": self.name,
                "remote_in": str(self.folder / "in"),
                "remote_done": str(self.folder / "done"),
                **changes,
            }
        )

    def put(self, number: int) -> Path:
        """As a careful partner does: under another name, then renamed."""
        path = self.folder / "in" / f"settlement-{number}.txt"
        path.with_suffix(".part").write_text(content(number))
        return path.with_suffix(".part").rename(path)

    def waiting(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "in").iterdir())

    def is_done(self) -> bool:
        return len(list((self.folder / "done").iterdir())) == len(self.numbers)


def configure(home: Path, servers: list[Sftp]) -> None:
    """Partners with a mapping each, and their servers."""
    settings = (home / "config.toml").read_text() + PACE
    for server in servers:
        mapping = home / "mappings" / server.partner / "settlement.toml"
        mapping.parent.mkdir()
        mapping.write_text(
            f'based_on = "standard/amazon/settlement-v2"\nfeed = "{server.partner}.settlement"\n'
            f'partner = "{server.partner}"\n'
        )
        settings += f'\n[partners.{server.partner}]\nentity = "US"\nchannel = "amazon-us"\n\n[[sftp]]\n'
        for key, value in server.model_dump(mode="json", exclude_defaults=True).items():
            settings += f"{key} = {value!r}\n"
    (home / "config.toml").write_text(settings)


def test_everything_arrives_once_and_trouble_of_some_partners_delays_no_other(
    home: Path, run: Run, start_sshd: Callable[..., Sshd], link_to: Callable[[int, float], Link], tmp_path: Path
) -> None:
    draw = random.Random(FILES)
    server, strict = start_sshd(), start_sshd(subsystem="internal-sftp -P rename,posix-rename,remove")
    link = link_to(server.port, 0.005)
    partners = [Partner(strict if number == FORBIDDEN else server, number) for number in range(PARTNERS)]
    wrong_key = make_key(tmp_path / "another")
    changes: dict[int, dict[str, object]] = {
        OTHER_KEY: {"host_key": wrong_key},
        SLOW: {"port": link.port, "connect_timeout_s": PATIENCE_S},
        GROWING: {"still_s": 4.0},
    }
    configure(home, [partner.settings(**changes.get(n, {})) for n, partner in enumerate(partners)])
    well = [partner for n, partner in enumerate(partners) if n not in (OTHER_KEY, SLOW, FORBIDDEN)]
    growing, renamed = partners[GROWING].numbers[-1], partners[RENAMED].numbers[-1]

    uploads = [
        (partner, number) for partner in partners for number in partner.numbers if number not in (growing, renamed)
    ]
    draw.shuffle(uploads)
    half = len(uploads) // 2
    for partner, number in uploads[:half]:
        partner.put(number)
    process = run("run", books=False, quick=False)
    process.wait_for_log("file.taken")
    # Cuts while files go on arriving.
    for place, (partner, number) in enumerate(uploads[half:]):
        partner.put(number)
        if place % max(1, half // 4) == 0:
            server.cut()
    grows = partners[GROWING].folder / "in" / f"settlement-{growing}.txt"
    text = content(growing)
    grows.write_text(text[: len(text) // 2])
    moves = partners[RENAMED].put(renamed)
    with contextlib.suppress(FileNotFoundError):  # Taken already: that is right too.
        moves.rename(moves.with_name(f"settlement-{renamed}-final.txt"))
    for at in range(len(text) // 2, len(text), 150):
        time.sleep(0.1)
        with grows.open("a") as sink:
            sink.write(text[at : at + 150])

    wait_for(lambda: all(partner.is_done() for partner in well), "those who are well are served", PATIENCE_S)
    # Not one file came from those in trouble meanwhile, and none was lost.
    for number in (OTHER_KEY, SLOW):
        assert len(partners[number].waiting()) == len(partners[number].numbers)
    process.wait_for_log("its key is ssh-ed25519", "Ask the partner whether the server's key changed")
    # What may not be moved is still committed, reported, and not taken again.
    process.wait_for_log("settle sftp:p02")
    forbidden = partners[FORBIDDEN]
    taken = f"select count(*) from file where partner = '{forbidden.name}'"
    wait_for(lambda: ask(home, taken) == [(len(forbidden.numbers),)], "its files are taken", PATIENCE_S)
    assert len(forbidden.waiting()) == len(forbidden.numbers)

    link.opened.set()
    strict.stop()
    strict.config.write_text(strict.config.read_text().replace(" -P rename,posix-rename,remove", ""))
    strict.start()
    config = home / "config.toml"
    config.write_text(config.read_text().replace(wrong_key, server.host_keys["ed25519"]))
    wait_for(lambda: all(partner.is_done() for partner in partners), "everything is put away", PATIENCE_S)
    assert process.end() == 0

    assert [partner.waiting() for partner in partners] == [[]] * PARTNERS
    assert ask(home, "select count(*), count(distinct settlement_id) from settlement") == [(FILES, FILES)]
    states = dict(ask(home, "select state, count(*) from file group by 1"))
    assert states.pop("ACCEPTED") == FILES
    # A file that was renamed between its commit and its removal is a second delivery, with no effect.
    assert states in ({}, {"DUPLICATE": 1})
    assert findings(home) == []
    assert [path for path in (home / "ledger" / "spool").rglob("*") if path.is_file()] == []
    assert [line for line in process.log.read_text().splitlines() if "Traceback" in line] == []
