"""`gateway doctor`: each thing that would stop the gateway is found, with its fix, and hides no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway import doctor, init, settings
from gateway.ledger import locking
from gateway.ledger.lake import open_lake
from gateway.ledger.store import store_of


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A home with a ledger and one partner."""
    home = tmp_path / "home"
    init.lay_down(home, examples=False)
    (home / "config.toml").write_text('[entities.US]\ncurrency = "USD"\n[partners.acme]\nentity = "US"\n')
    (home / "inbound" / "acme").mkdir()
    with open_lake(home, settings.load(home)):
        pass
    return home


def wrong(home: Path) -> dict[str, tuple[str, str]]:
    return {one.subject: (one.what, one.fix) for one in doctor.examine(home) if not one.good}


def test_a_home_in_order_has_nothing_wrong(place: Path) -> None:
    found = list(doctor.examine(place))
    assert [one.subject for one in found if not one.good] == []
    assert {one.subject for one in found} == {"rights", "settings", "mappings", "disk", "ledger", "clock", "locks"}


def no_settings(home: Path) -> None:
    (home / "config.toml").write_text("[entities.US]\ncurrncy = 'USD'\n")


def broken_mapping(home: Path) -> None:
    (home / "mappings" / "acme").mkdir()
    (home / "mappings" / "acme" / "stock.toml").write_text('feed = "acme.stock"\n')


def no_folder(home: Path) -> None:
    (home / "inbound" / "acme").rmdir()


def open_home(home: Path) -> None:
    home.chmod(0o755)


def no_outbound(home: Path) -> None:
    (home / "outbound").rmdir()


def no_server(home: Path) -> None:
    with (home / "config.toml").open("a") as config:
        config.write(
            """[[sftp]]
name = "s"
partner = "acme"
host = "127.0.0.1"
port = 9
user = "u"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2mFBx0m3cyzUUXbrEZS+rWpq8S5JGtYrhJr7G5yZBq"
password_env = "DOCTOR_PASSWORD"
remote_in = "in"
"""
        )


def no_catalog(home: Path) -> None:
    (home / "ledger" / "catalog.sqlite").write_bytes(b"no database at all, and long enough to be looked at" * 100)


@pytest.mark.parametrize(
    ("break_", "subject", "what", "fix"),
    [
        (no_settings, "settings", "config.toml:2: unknown key `entities.US.currncy`", "rename the key"),
        (broken_mapping, "mappings", "mappings/acme/stock.toml:", ""),
        (no_folder, "partners", "acme has no folder inbound/acme", "install -d -m 2770"),
        (open_home, "rights", "everybody on this machine can look into the home", "chmod 0750"),
        (no_outbound, "home", "outbound is missing", "gateway init"),
        (no_server, "server sftp:s", "refused", ""),
        (no_server, "secrets", "DOCTOR_PASSWORD: not set in this process", "EnvironmentFile"),
        (no_catalog, "ledger", "", "backup"),
    ],
)
def test_what_is_wrong_is_found_with_its_fix(
    place: Path, monkeypatch: pytest.MonkeyPatch, break_: Callable[[Path], None], subject: str, what: str, fix: str
) -> None:
    break_(place)
    if subject == "server sftp:s":
        monkeypatch.setenv("DOCTOR_PASSWORD", "x")
    found = wrong(place)
    assert what in found[subject][0] and fix in found[subject][1] and found[subject][1]
    if break_ not in (no_settings, no_outbound):
        assert "settings" not in found


def test_a_disk_without_room_is_wrong(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**7, total=10**12))
    assert "0.0 GB of 1,000 GB are free" in wrong(place)["disk"][0]


def test_a_running_gateway_is_named_and_is_not_wrong(place: Path) -> None:
    store = store_of(place, settings.load(place))
    with locking.intake(store.catalog, "a"):
        found = {one.subject: one for one in doctor.examine(place)}
    store.close()
    assert found["locks"].good and "a gateway is running" in found["locks"].what
