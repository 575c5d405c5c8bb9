"""What the running gateway shows of itself, and settings that change while it runs."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import settings as configuration
from gateway import top
from gateway.errors import HouseError
from gateway.monitor import STUCK_S, Monitor
from gateway.state_server import CONNECTIONS_MAX, serving
from gateway.watched_settings import Watched
from tests.cli.command import Runner
from tests.test_books import GOOD, ITEMS
from tests.test_daemon import Process, Put, Run, ask, run
from tests.transports.sshd import wait_for

__all__ = ["run"]


def get(address: str, path: str, token: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def listening(home: Path, run: Run) -> tuple[Process, str]:
    """A running daemon, and where it listens."""
    config = home / "config.toml"
    config.write_text(config.read_text() + '\n[daemon]\ntick_s = 0.2\nstill_s = 0.3\nlisten = "127.0.0.1:0"\n')
    process = run("run", quick=False)
    process.wait_for_log("daemon.listening")
    found = re.search(r'"address": "([^"]+)"', process.log.read_text())
    assert found
    return process, found[1]


# --- health and metrics -------------------------------------------------------------------------------


def test_a_running_gateway_shows_what_it_took_and_how_it_is(
    home: Path, drop: Put, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process, address = listening(home, run)
    drop("master-data", "items.csv", ITEMS)
    drop("amazon-us", "settlement-1.txt", GOOD)
    drop("amazon-us", "settlement-2.txt", GOOD.replace("S1", "S2").replace("20.00", "2O.00"))
    process.wait_for_log("settlement-1.txt", "settlement-2.txt", "items.csv", "books.done")
    wait_for(lambda: get(address, "/ready")[0] == 200, "ready", 30)
    assert get(address, "/health") == (200, "ok\n")
    wait_for(lambda: "gateway_open_exceptions{" in get(address, "/metrics")[1], "the books are seen", 30)
    assert "amazon" not in get(address, "/metrics")[1] and get(address, "/state")[0] == 401
    token = home / "ledger" / "state.token"
    assert token.stat().st_mode & 0o007 == 0, "who is no member of the home's group cannot read it"
    secret = token.read_text()
    metrics = get(address, "/metrics", secret)[1]
    assert 'gateway_files_total{feed="amazon-us.settlement",partner="amazon-us",state="ACCEPTED"} 1.0' in metrics
    assert 'gateway_rows_total{feed="amazon-us.settlement",outcome="accepted",partner="amazon-us"} 3.0' in metrics
    assert 'gateway_lag_seconds_count{feed="amazon-us.settlement",partner="amazon-us"} 2.0' in metrics
    assert 'gateway_transport_up{transport="folder"} 1.0' in metrics
    assert "gateway_step_seconds_count" in metrics
    assert get(address, "/nowhere")[0] == 404
    state = json.loads(get(address, "/state", secret)[1])
    assert state["feeds"]["amazon-us amazon-us.settlement"]["files"] == 2
    assert {file["name"] for file in state["recent"]} == {"items.csv", "settlement-1.txt", "settlement-2.txt"}
    assert state["transports"][0]["error"] == ""
    config = home / "config.toml"
    config.write_text(config.read_text().replace("127.0.0.1:0", address))
    monkeypatch.setenv("COLUMNS", "160")
    gateway = Runner(home, monkeypatch, capsys)
    shown = gateway("top", "--once")
    assert shown.code == 0, shown.err
    assert "amazon-us.settlement" in shown.out
    assert "settlement-2.txt" in shown.out
    assert process.end() == 0
    assert not token.exists()
    gone = gateway("top", "--once")
    assert (gone.code, address in gone.err) == (2, True)


def test_without_listen_nothing_is_served_and_top_says_what_to_set(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert configuration.load(home).daemon.listen == ""
    shown = Runner(home, monkeypatch, capsys)("top", "--once")
    assert shown.code == 2
    assert "listen" in shown.err


def test_a_port_that_is_taken_is_reported(home: Path) -> None:
    with (
        serving(Monitor(), "127.0.0.1:0", "", private=False) as address,
        pytest.raises(HouseError, match=r"daemon\.listen"),
        serving(Monitor(), address, "", private=False),
    ):
        pass


def asked(address: str, path: str, **headers: str) -> int:
    connection = http.client.HTTPConnection(address, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:1", 200), ("localhost", 200), ("[::1]:9", 200), ("evil.example:9464", 421), ("[", 421)],
)
def test_a_page_that_leads_a_browser_here_by_another_name_gets_nothing(host: str, status: int) -> None:
    with serving(Monitor(), "127.0.0.1:0", "secret", private=False) as address:
        assert asked(address, "/metrics", Host=host) == status


def test_with_a_token_only_the_health_is_seen_without_it() -> None:
    with serving(Monitor(), "127.0.0.1:0", "secret", private=True) as address:
        found = {path: asked(address, path) for path in ("/health", "/state", "/metrics", "/ready")}
        assert found == {"/health": 200, "/state": 401, "/metrics": 401, "/ready": 401}
        assert asked(address, "/state", Authorization="Bearer wrong") == 401
        assert asked(address, "/state", Authorization="Bearer secret") == 200
        assert top.ask(address, "secret")["step"] == "starting"
        with pytest.raises(HouseError, match=r"Check daemon\.listen and daemon\.token_env"):
            top.ask(address)


def test_who_opens_connections_and_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.state_server._Handler.timeout", 0.5)
    with serving(Monitor(), "127.0.0.1:0", "", private=False) as address, contextlib.ExitStack() as stack:
        host, _, port = address.partition(":")
        begun = threading.active_count()
        place = host, int(port)
        # One that finds no room among those that wait is tried again after a second.
        silent = [
            stack.enter_context(socket.create_connection(place, timeout=0.9)) for _ in range(CONNECTIONS_MAX + 20)
        ]
        silent[-1].settimeout(10)
        assert silent[-1].recv(1) == b"", "one too many is closed at once"
        assert threading.active_count() <= begun + CONNECTIONS_MAX
        silent[0].settimeout(10)
        assert silent[0].recv(1) == b"", "the others are closed after a while"
        wait_for(lambda: _answers(address), "then others are served")


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return asked(address, "/health") == 200
    return False


def test_a_loop_that_failed_is_not_ready_and_one_that_is_stuck_is_not_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = Monitor()
    assert monitor.unready() == ["starting"]
    with pytest.raises(OSError, match="full"), monitor.step("take"):
        raise OSError("the disk is full")
    assert (monitor.health(), monitor.unready()) == ([], ["take: the disk is full"])
    assert monitor.unready(public=True) == ["take failed; the log says why"]
    assert b'gateway_step_failing{step="take"} 1.0' in monitor.metrics()
    with monitor.step("take"):
        assert monitor.health() == []
        now = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: now + STUCK_S + 1)
        assert monitor.health() == ["take for 901 s"]
    assert monitor.unready() == []
    assert b'gateway_step_failing{step="take"} 0.0' in monitor.metrics()
    monitor.ended()
    assert monitor.health() == ["the loop has ended"]


def test_what_is_drawn_is_never_taken_for_markup() -> None:
    state: dict[str, Any] = {**Monitor().state(), "problems": ["[bold]not markup[/]"]}
    from rich.console import Console

    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(top.drawn(state))
    assert "[bold]not markup[/]" in console.export_text()


# --- reload -------------------------------------------------------------------------------------------


def test_a_change_is_seen_when_it_has_been_still_for_a_look(home: Path) -> None:
    watched = Watched(home)
    assert not watched.changed()
    config = home / "config.toml"
    config.write_text(config.read_text() + "\n# one\n")
    assert not watched.changed(), "somebody may be saving it"
    assert watched.changed()
    assert not watched.changed()
    (home / "mappings" / "amazon-us" / "settlement.toml").unlink()
    assert [watched.changed() for _ in range(3)] == [False, True, False]


def edit(path: Path, edit: Callable[[str], str]) -> None:
    """Save as an editor does."""
    new = path.with_suffix(".new")
    new.write_text(edit(path.read_text()))
    new.replace(path)


def test_mappings_and_settings_are_taken_over_while_it_runs_and_broken_ones_are_refused(
    home: Path, drop: Put, run: Run
) -> None:
    process = run("run", books=False)
    process.wait_for_log("daemon.started")
    mapping, config = home / "mappings" / "amazon-us" / "settlement.toml", home / "config.toml"
    good = mapping.read_text()

    edit(mapping, lambda text: text + "\nnonsense =\n")
    process.wait_for_log("mapping.refused", "settlement.toml")
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    wait_for(lambda: not path.exists(), "taken by the mapping of before", 60)
    assert ask(home, "select state, name from file") == [("ACCEPTED", "settlement-1.txt")]

    edit(mapping, lambda _: good.replace("partner  =", 'mode = "shadow"\npartner  =', 1))
    process.wait_for_log('"faults": 0, "event": "reloaded"')
    path = drop("amazon-us", "settlement-2.txt", GOOD.replace("S1", "S2"))
    wait_for(lambda: ask(home, "select count(*) from file where state = 'SHADOW'") == [(1,)], "the new mapping", 60)

    settings = config.read_text()
    edit(config, lambda text: text + "\n[nonsense]\n")
    process.wait_for_log("reload.refused", "nonsense")
    edit(config, lambda _: settings + '\n[[folder]]\npartner = "3pl-east"\nfolder = "other"\n')
    (home / "other").mkdir()
    (home / "other" / "945.edi").write_text("nothing")
    wait_for(lambda: not (home / "other" / "945.edi").exists(), "the new folder is watched", 60)
    path = drop("amazon-us", "settlement-3.txt", GOOD.replace("S1", "S3"))
    wait_for(lambda: not path.exists(), "the old ones too", 60)
    assert process.end() == 0
    assert [line for line in process.log.read_text().splitlines() if "Traceback" in line] == []


# --- the end ------------------------------------------------------------------------------------------


def test_it_is_gone_within_a_second_and_a_bit_in_the_middle_of_a_long_commit(home: Path, drop: Put, run: Run) -> None:
    from tests import bench

    path = home / "inbound" / "amazon-us" / "settlement-1.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    bench.settlement(path, 200_000)

    def archived() -> list[Path]:
        return list((home / "ledger").glob("files/*/*.zst"))

    for number in (signal.SIGTERM, signal.SIGINT):
        process = run("run", books=False)
        wait_for(archived, "it is being taken", 60)
        begun = time.monotonic()
        assert process.end(number) == 0
        assert time.monotonic() - begun < 5, "an idle machine takes one second"
        assert "daemon.stopped" in process.log.read_text()
        assert path.exists(), "it was not committed, so it stays"
        assert ask(home, "select count(*) from file") == [(0,)]
        for left in archived():
            left.unlink()  # So that the next one shows when it begins.
    again = run("run", books=False)
    wait_for(lambda: not path.exists(), "taken at the next start", 120)
    assert again.end() == 0
    assert ask(home, "select state, accepted from file") == [("ACCEPTED", 200_000)]
