"""A day of the daemon in a few minutes, with what goes wrong at night: nothing is lost, nothing happens twice.

`HOURS` in the environment says how many hours pass; `make nightly` lets a whole day pass.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.daemon import Daemon
from gateway.errors import HouseError
from gateway.home import Home, open_home
from gateway.intake import take as loop
from gateway.intake.take import Intake
from gateway.ledger import verify
from gateway.once import taking_files
from gateway.transports import build, opening
from tests.conftest import reconcile_only
from tests.intake.test_together import shipment
from tests.test_books import GOOD, ITEMS

HOURS = float(os.environ.get("HOURS", "2.25"))
TICK = timedelta(minutes=15)
BEGIN = datetime(2026, 11, 5, 6, tzinfo=UTC)
TROUBLES = ("none", "half", "renamed", "replaced", "disk full", "killed", "clock", "broken settings", "again")


@dataclass
class Night:
    """What partners did: the bytes that were dropped whole, by partner, and how often each of them."""

    home: Path
    draw: random.Random
    dropped: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    number: int = 0

    def content(self) -> tuple[str, str, bytes]:
        """(partner, name, bytes) of the next file."""
        self.number += 1
        if self.draw.random() < 0.5:
            return "3pl-east", f"945-{self.number}.edi", shipment(self.number, "SKU-1", f"SKU-{self.number % 4}")
        return "amazon-us", f"settlement-{self.number}.txt", GOOD.replace("S1", f"S{self.number}").encode()

    def drop(self, partner: str, name: str, content: bytes) -> Path:
        """A whole file."""
        path = self.home / "inbound" / partner / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        self.dropped[partner, content] += 1
        return path


@contextmanager
def daemon_at(home: Path, now: datetime) -> Iterator[Daemon]:
    """A daemon whose lanes are visited by the test, at an instant of the simulated day."""
    with open_home(home, now=now) as gateway, taking_files(intake := Intake(gateway)):
        daemon = Daemon(intake, build(home, gateway.settings, gateway.lake.folder))
        for lane in daemon.lanes:
            lane._found = lambda lane, drops: daemon._inbox.put((lane, drops))
        yield daemon


def turn(daemon: Daemon) -> None:
    """What the loop does in a tick."""
    for lane in daemon.lanes:
        lane.visit()
    daemon._take(daemon._wait())
    daemon._answer()
    daemon._run_books()
    daemon._reload()


def settle(daemon: Daemon) -> None:
    for lane in daemon.lanes:
        lane._settle()


class Killed(BaseException):
    """Takes the place of kill -9: nothing is cleaned up after it but what the system cleans up."""


def test_a_day_and_its_night(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.daemon.write_workbooks", lambda *_, **__: [])
    reconcile_only(home, "j")
    config = home / "config.toml"
    settings = config.read_text() + "\n[daemon]\ntick_s = 0.01\nstill_s = 0\n"
    config.write_text(settings)
    night = Night(home, random.Random(5))
    night.drop("master-data", "items.csv", ITEMS.encode())
    half: list[tuple[Path, bytes, str]] = []
    seen: list[tuple[str, str, bytes]] = []
    met: Counter[str] = Counter()
    ticks = int(timedelta(hours=HOURS) / TICK)
    with capture_logs():
        for tick in range(ticks):
            now = BEGIN + tick * TICK
            trouble = TROUBLES[tick % len(TROUBLES)]
            met[trouble] += 1
            for path, rest, partner in half:
                whole = path.read_bytes() + rest
                path.write_bytes(whole)
                path.rename(path.with_suffix(""))
                night.dropped[partner, whole] += 1
            half.clear()
            seen += [night.content() for _ in range(3)]
            for partner, name, content in seen[-3:]:
                night.drop(partner, name, content)
            if trouble == "clock":
                now -= timedelta(hours=2)
            elif trouble == "half":
                partner, name, content = night.content()
                path = home / "inbound" / partner / f"{name}.part"
                path.write_bytes(content[:50])
                half.append((path, content[50:], partner))
            elif trouble == "again":
                night.drop(*night.draw.choice(seen))
            elif trouble == "broken settings":
                config.write_text(settings + "\n[nonsense]\n")
            with monkeypatch.context() as patch:
                try:
                    with daemon_at(home, now) as daemon:
                        _inject(patch, trouble, daemon.home, night, seen)
                        turn(daemon)
                        settle(daemon)
                except Killed:
                    assert trouble == "killed"
                except HouseError:
                    assert trouble == "broken settings"
            config.write_text(settings)
        for _ in range(3):
            with daemon_at(home, BEGIN + timedelta(hours=HOURS)) as daemon:
                turn(daemon)
                settle(daemon)
    assert all(met[trouble] for trouble in TROUBLES[: min(ticks, len(TROUBLES))])
    assert not [path for path in (home / "inbound").glob("*/*") if path.is_file() and path.suffix != ".part"]
    with open_home(home, read_only=True) as gateway:
        _compare(gateway, night)


def _inject(
    patch: pytest.MonkeyPatch, trouble: str, gateway: Home, night: Night, seen: list[tuple[str, str, bytes]]
) -> None:
    """Let the trouble happen once in this tick."""
    partner, name, content = seen[-1]
    path = night.home / "inbound" / partner / name
    claim, copy, write = loop.taken_of, opening.copied, loop._Batch._write
    if trouble in ("renamed", "replaced"):

        def changes(home: Home, one: object) -> object:
            if path.exists() and trouble == "renamed":
                path.rename(path.with_name(f"renamed-{path.name}"))
            elif path.exists():
                path.write_bytes(content + b"\n")
                night.dropped[partner, content + b"\n"] += 1
                night.dropped[partner, content] -= 1
            patch.setattr(loop, "taken_of", claim)
            return claim(home, one)  # type: ignore[arg-type]

        patch.setattr(loop, "taken_of", changes)
    elif trouble == "disk full":

        def full(source: Path, version: opening.Version, target: Path) -> Iterator[bytes]:
            if source == path:
                raise OSError(28, "No space left on device")
            yield from copy(source, version, target)

        patch.setattr(opening, "copied", full)
    elif trouble == "killed":

        def dies(*given: object) -> object:
            write(*given)  # type: ignore[arg-type]
            raise Killed

        patch.setattr(loop._Batch, "_write", dies)


def _compare(gateway: Home, night: Night) -> None:
    """Each content that was dropped whole was taken once; what came again had no second effect."""
    assert verify.verify(gateway.lake) == []
    con = gateway.lake.con
    wanted = Counter(partner for (partner, _), count in night.dropped.items() if count > 0)
    found = dict(
        con.execute(
            "select partner, count(distinct sha256) from lake.file where state in ('ACCEPTED', 'HELD') group by 1"
        ).fetchall()
    )
    assert found == dict(wanted)
    twice = "select 1 from lake.file where state = 'ACCEPTED' group by sha256, partner having count(*) > 1"
    assert con.execute(twice).fetchall() == []
    settlements = sum(count > 0 for (partner, _), count in night.dropped.items() if partner == "amazon-us")
    assert con.execute("select count(*) from settlement_current").fetchone() == (settlements,)
    assert con.execute("select sum(debit) - sum(credit) from journal_line").fetchone() in ((0,), (None,))
