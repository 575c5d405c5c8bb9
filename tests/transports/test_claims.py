"""Drop folders that several gateways share: each file is taken once, whatever is killed when."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import settings as configuration
from gateway.home import Home, open_home
from gateway.init import lay_down
from gateway.once import run_once
from gateway.settings import Config, FolderDrop
from gateway.transports import claims
from gateway.transports.folder import Folder
from tests.conftest import taken
from tests.processes import process_of
from tests.test_books import GOOD
from tests.transports.sshd import wait_for

Open = Callable[..., Folder]


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture
def opened(tmp_path: Path, share: Path) -> Open:
    """The drop folders of a gateway, by its name; the same name is the same gateway, started again."""

    def make(name: str, marker: str = "") -> Folder:
        home = tmp_path / name
        return Folder(home, sharing(home, share, marker))

    return make


def sharing(home: Path, share: Path, marker: str = "") -> Config:
    """The configuration of a home that takes files from the share, too."""
    if not home.exists():
        lay_down(home, examples=False)
        with (home / "config.toml").open("a") as settings:
            settings.write(f'\n[[folder]]\npartner = "amazon-us"\nfolder = "{share}"\nshared = true\n')
    config = configuration.load(home)
    config.partners["amazon-us"] = config.partners["amazon-us"].model_copy(update={"marker": marker})
    return config


def left(share: Path) -> list[str]:
    return sorted(str(path.relative_to(share)) for path in share.rglob("*") if path.is_file())


def test_a_claimed_file_keeps_its_name_its_time_and_its_bytes(opened: Open, share: Path) -> None:
    path = share / "orders.csv"
    path.write_bytes(b"a,b\n")
    os.utime(path, (1_000, 1_000))
    folder = opened("one")
    (drop,) = folder.poll()
    assert (drop.name, drop.arrived_at.timestamp(), drop.path.read_bytes()) == ("orders.csv", 1_000.0, b"a,b\n")
    assert not path.exists()
    assert folder.poll() == [drop]
    folder.settle(drop)
    assert left(share) == [] and folder.poll() == []


def test_what_one_gateway_has_claimed_another_does_not_take(opened: Open, share: Path) -> None:
    (share / "orders.csv").write_bytes(b"a")
    one, two = opened("one"), opened("two")
    assert len(one.poll()) == 1
    assert (two.poll(), two.problems) == ([], [])
    (share / "more.csv").write_bytes(b"b")
    assert [drop.name for drop in two.poll()] == ["more.csv"]
    assert [drop.name for drop in one.poll()] == ["orders.csv"]


def test_a_claim_is_taken_up_by_the_same_gateway_at_its_next_start(opened: Open, share: Path) -> None:
    (share / "orders.csv").write_bytes(b"a")
    before = opened("one").poll()
    assert opened("one").poll() == before
    assert opened("two").poll() == []


def test_a_claim_of_another_gateway_is_reported_when_it_is_old(
    opened: Open, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = share / "orders.csv"
    path.write_bytes(b"a")
    os.utime(path, (1_000, 1_000))
    opened("one").poll()
    two = opened("two")
    assert two.poll() == [] and two.problems == [], "the file is old, the claim is not"
    now = claims.time.time()
    monkeypatch.setattr("gateway.transports.claims.time.time", lambda: now + 3_700)
    assert two.poll() == []
    (problem,) = two.problems
    assert "share/orders.csv has long been claimed by the gateway " in problem.message
    assert "move the file back" in problem.hint
    monkeypatch.undo()
    next(share.glob(".taking-*/orders.csv")).rename(path)
    assert [drop.name for drop in two.poll()] == ["orders.csv"]


def test_the_same_name_waits_until_the_first_is_settled(opened: Open, share: Path) -> None:
    folder = opened("one")
    (share / "orders.csv").write_bytes(b"first")
    (first,) = folder.poll()
    (share / "orders.csv").write_bytes(b"second")
    assert folder.poll() == [first] and first.path.read_bytes() == b"first"
    folder.settle(first)
    (second,) = folder.poll()
    assert second.path.read_bytes() == b"second"


def test_a_claim_that_is_forbidden_is_reported_and_the_others_go_on(
    opened: Open, share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv"):
        (share / name).write_bytes(b"x")
    rename = os.rename

    def refuse(name: str, target: str, **folders: int) -> None:
        if name == "a.csv":
            raise PermissionError(13, "Permission denied")
        rename(name, target, **folders)

    monkeypatch.setattr("gateway.transports.claims.os.rename", refuse)
    folder = opened("one")
    assert [drop.name for drop in folder.poll()] == ["b.csv"]
    assert "share/a.csv cannot be claimed: Permission denied" in folder.problems[0].message


def test_a_gateway_keeps_its_name_and_has_another_than_others(opened: Open, tmp_path: Path) -> None:
    for name in ("one", "two", "one"):
        opened(name)
    names = [(tmp_path / name / "ledger" / "gateway-id").read_text() for name in ("one", "two")]
    opened("one")
    assert names[0] == (tmp_path / "one" / "ledger" / "gateway-id").read_text() != names[1]


# --- markers ------------------------------------------------------------------------------------------


def test_a_marker_is_claimed_with_its_file(opened: Open, share: Path) -> None:
    one, two = opened("one", ".done"), opened("two", ".done")
    (share / "orders.csv").write_bytes(b"a")
    assert one.poll() == two.poll() == []
    (share / "orders.csv.done").touch()
    (drop,) = one.poll()
    assert two.poll() == [] and two.problems == []
    (share / "orders.csv").write_bytes(b"half of the next")
    assert one.poll() == [drop]
    one.settle(drop)
    assert one.poll() == two.poll() == [], "the marker of the first says nothing about the second"
    assert left(share) == ["orders.csv"]


# --- killed -------------------------------------------------------------------------------------------


def killed_at(home: Path, share: Path, marker: str, method: str, calls: int) -> None:
    """Take and settle what is there, killed at this call of that function of `os`."""
    original, seen = getattr(os, method), itertools.count()

    def counted(*names: Any, **folders: Any) -> Any:
        if folders and next(seen) == calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*names, **folders)

    setattr(os, method, counted)
    folder = Folder(home, sharing(home, share, marker))
    for drop in folder.poll():
        folder.settle(drop)


def run(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("marker", "method", "calls"),
    [
        ("", "rename", 0),
        ("", "unlink", 0),
        (".done", "rename", 0),
        (".done", "rename", 1),
        (".done", "unlink", 0),
        (".done", "unlink", 1),
    ],
)
def test_whenever_a_gateway_is_killed_it_has_the_file_after_its_next_start_and_no_other(
    opened: Open, share: Path, tmp_path: Path, marker: str, method: str, calls: int
) -> None:
    opened("one", marker)
    (share / "orders.csv").write_bytes(b"a")
    if marker:
        (share / f"orders.csv{marker}").touch()
    killed = process_of(killed_at, tmp_path / "one", share, marker, method, calls)
    killed.start()
    killed.join(60)
    assert killed.exitcode == -9
    if (method, calls) != ("rename", 0):
        assert opened("two", marker).poll() == [], "it is claimed"
    again = opened("one", marker)
    (drop,) = again.poll()
    assert (drop.name, drop.path.read_bytes()) == ("orders.csv", b"a")
    again.settle(drop)
    assert left(share) == []


TAKING = textwrap.dedent("""
    import sys
    from pathlib import Path
    from gateway.transports.folder import Folder
    from tests.transports.test_claims import sharing

    folder = Folder(Path(sys.argv[1]), sharing(Path(sys.argv[1]), Path(sys.argv[2])))
    print("ready", flush=True)
    sys.stdin.readline()
    while not Path(sys.argv[3]).exists():
        for drop in folder.poll():
            print(drop.name, drop.path.read_text(), flush=True)
            folder.settle(drop)
""")


def test_two_processes_take_each_of_200_files_once(opened: Open, share: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        opened(name)
    processes = [run(TAKING, tmp_path / name, share, tmp_path / "end") for name in ("one", "two")]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for number in range(100):
        (share / f"{number}.csv").write_text(str(number))
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for number in range(100, 200):
        (tmp_path / "next").write_text(str(number))
        (tmp_path / "next").rename(share / f"{number}.csv")
    wait_for(lambda: left(share) == [], "all are taken", 60)
    (tmp_path / "end").touch()
    taken = [process.communicate()[0].splitlines() for process in processes]
    assert sorted(taken[0] + taken[1]) == sorted(f"{number}.csv {number}" for number in range(200))
    assert all(process.returncode == 0 for process in processes)


# --- with the ledger ----------------------------------------------------------------------------------


def test_after_a_crash_between_commit_and_settling_nothing_happens_twice(
    share: Path, home: Path, gateway: Home
) -> None:
    (share / "settlement-1.txt").write_text(GOOD)
    config = gateway.settings.model_copy(
        update={"folder": (FolderDrop(partner="amazon-us", folder=str(share), shared=True),)}
    )
    (receipt,) = taken(gateway, Folder(home, config).poll())
    assert [file.state for file in receipt.files] == ["ACCEPTED"]
    before = gateway.lake.con.execute("select count(*) from audit_log").fetchone()
    folder = Folder(home, config)
    (again,) = taken(gateway, folder.poll())
    assert again.committed
    assert gateway.lake.con.execute("select count(*) from audit_log").fetchone() == before
    folder.settle(again.drop)
    assert left(share) == []


def test_a_pass_of_each_of_two_gateways_takes_a_file_once(opened: Open, share: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        opened(name)
    (share / "settlement-1.txt").write_text(GOOD)
    taken = []
    for name in ("one", "two"):
        with open_home(tmp_path / name) as gateway:
            taken.append([file.name for file in run_once(gateway).files])
    assert taken == [["settlement-1.txt"], []]
    assert left(share) == []
