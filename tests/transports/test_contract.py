"""What holds for every transport: one suite over the drop folders and a real SFTP server."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.config import Config
from gateway.errors import GatewayError
from gateway.transports.contract import Drop, Transport
from gateway.transports.folder import Folder
from gateway.transports.sftp import SftpServer
from tests.transports.conftest import Clock
from tests.transports.sshd import Sshd


@dataclass
class Place:
    """A transport and the folders behind it. `make` builds the transport anew, as after a restart."""

    transport: Transport
    inbound: Path
    outbound: Path
    make: Callable[[float], Transport]

    def put(self, name: str, content: bytes = b"a,b\n") -> Path:
        path = self.inbound / name
        path.write_bytes(content)
        return path

    def growing(self) -> Transport:
        """The transport with two seconds of stillness."""
        self.transport.close()
        self.transport = self.make(2.0)
        return self.transport


@pytest.fixture(params=["folder", "sftp"])
def place(request: pytest.FixtureRequest, home: Path, config: Config, tmp_path: Path) -> Iterator[Place]:
    if request.param == "folder":
        inbound, outbound = home / "inbound" / "amazon-us", home / "outbound"
        daemon = config.daemon

        def make(still_s: float) -> Transport:
            changed = config.model_copy(update={"daemon": daemon.model_copy(update={"still_s": still_s})})
            return Folder(home, changed, still=True)
    else:
        sshd: Sshd = request.getfixturevalue("sshd")
        inbound, outbound = sshd.root / "in", sshd.root / "out"

        def make(still_s: float) -> Transport:
            return SftpServer(home, sshd.settings(still_s=still_s), config, tmp_path / "spool")

    found = Place(make(0.0), inbound, outbound, make)
    yield found
    found.transport.close()


def names(drops: list[Drop]) -> list[str]:
    return [drop.name for drop in drops]


def test_a_whole_file_is_offered_until_it_is_settled(place: Place) -> None:
    path = place.put("orders.csv", b"a,b\n1,2\n")
    (first,) = place.transport.poll()
    assert (first.partner, first.name, first.path.read_bytes()) == ("amazon-us", "orders.csv", b"a,b\n1,2\n")
    assert int(first.arrived_at.timestamp()) == int(path.stat().st_mtime)
    assert place.transport.poll() == [first]
    place.transport.settle(first)
    assert not path.exists()
    assert place.transport.poll() == []


def test_after_a_restart_the_same_drop_is_offered(place: Place) -> None:
    place.put("orders.csv")
    before = place.transport.poll()
    assert place.make(0.0).poll() == before


def test_settling_twice_is_harmless(place: Place) -> None:
    place.put("orders.csv")
    place.put("other.csv")
    drop, _ = place.transport.poll()
    place.transport.settle(drop)
    place.transport.settle(drop)
    assert names(place.transport.poll()) == ["other.csv"]


def test_a_file_that_was_taken_back_before_it_is_settled(place: Place) -> None:
    path = place.put("orders.csv")
    (drop,) = place.transport.poll()
    path.unlink()
    place.transport.settle(drop)
    assert place.transport.poll() == []


def test_a_file_that_was_replaced_since_it_was_taken_is_left_and_offered_anew(place: Place) -> None:
    path = place.put("orders.csv", b"old")
    (drop,) = place.transport.poll()
    path.write_bytes(b"newer")
    place.transport.settle(drop)
    assert path.read_bytes() == b"newer"
    (again,) = place.transport.poll()
    assert again.path.read_bytes() == b"newer"
    assert again.token != drop.token


def test_a_growing_file_is_not_taken_until_it_was_the_same_for_long_enough(place: Place, clock: Clock) -> None:
    transport = place.growing()
    path = place.put("orders.csv", b"a")
    assert transport.poll() == [] and transport.soon
    clock.now += 3
    path.write_bytes(b"a,b")
    assert transport.poll() == [] and transport.soon, "it grew"
    clock.now += 1.5
    assert transport.poll() == [] and transport.soon, "not long enough"
    clock.now += 1
    assert names(transport.poll()) == ["orders.csv"]
    assert not transport.soon


def test_a_file_that_keeps_its_size_but_is_written_to_is_not_taken(place: Place, clock: Clock) -> None:
    transport = place.growing()
    path = place.put("orders.csv", b"abc")
    for second in (100, 200, 300):
        os.utime(path, (second, second))
        assert transport.poll() == []
        clock.now += 3
    assert names(transport.poll()) == ["orders.csv"]


def test_a_file_that_went_and_came_back_is_new(place: Place, clock: Clock) -> None:
    transport = place.growing()
    path = place.put("orders.csv")
    status = path.stat()
    assert transport.poll() == []
    path.unlink()
    clock.now += 3
    assert transport.poll() == []
    place.put("orders.csv")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert transport.poll() == [], "what was seen of the first says nothing about the second"


@pytest.mark.parametrize(
    "name", [".hidden", "a.tmp", "A.TMP", "a.part", "a.filepart", "~$book.xlsx", "a.csv~", "README.md"]
)
def test_names_of_files_under_way_are_ignored(place: Place, name: str) -> None:
    place.put(name)
    place.put("orders.csv")
    assert names(place.transport.poll()) == ["orders.csv"]
    assert place.transport.problems == []


def test_what_is_no_ordinary_file_is_left_alone_with_a_problem(place: Place) -> None:
    place.put("orders.csv")
    (place.inbound / "subfolder").mkdir()
    (place.inbound / "link.csv").symlink_to("/etc/hostname")
    (place.inbound / "dangling.csv").symlink_to("nowhere")
    os.mkfifo(place.inbound / "pipe.csv")
    place.put("line\nbreak\x1b[31m.csv")
    (place.inbound / os.fsdecode(b"latin-\xe9.csv")).write_bytes(b"x")
    assert names(place.transport.poll()) == ["orders.csv"]
    said = sorted(problem.message.partition("/")[2] for problem in place.transport.problems)
    assert said == [
        "dangling.csv is a link or a device",
        "latin-\\udce9.csv has a name that is not UTF-8",
        "line\\nbreak\\x1b[31m.csv has control characters in its name",
        "link.csv is a link or a device",
        "pipe.csv is a link or a device",
    ]
    assert len(list(place.inbound.iterdir())) == 7


@pytest.mark.parametrize(
    "name",
    ["ä €.csv", "注文.csv", "-rf", "$(reboot).csv", "a;b&c|d.csv", "..x", "...", "back\\slash.csv", "quo'te\".csv", "%2e%2e",
     "a:1:2.csv", "x" * 250, "CON", "*.csv", "[a].csv", "spa ce "],
)  # fmt: skip
def test_odd_names_are_carried_as_they_are(place: Place, name: str) -> None:
    if name.startswith("."):
        place.transport.config = place.transport.config.model_copy(  # type: ignore[attr-defined]
            update={"daemon": place.transport.config.daemon.model_copy(update={"ignore": ()})}  # type: ignore[attr-defined]
        )
    path = place.put(name, b"whole")
    (drop,) = place.transport.poll()
    assert (drop.name, drop.path.read_bytes()) == (name, b"whole")
    place.transport.settle(drop)
    assert not path.exists()


def test_an_empty_file_is_taken(place: Place) -> None:
    place.put("empty.csv", b"")
    (drop,) = place.transport.poll()
    assert drop.path.read_bytes() == b""
    place.transport.settle(drop)
    assert list(place.inbound.iterdir()) == []


def test_a_delivered_file_is_whole_and_alone(place: Place, tmp_path: Path) -> None:
    book = tmp_path / "book.xlsx"
    book.write_bytes(os.urandom(200_000))
    place.transport.deliver([book])
    assert (place.outbound / "book.xlsx").read_bytes() == book.read_bytes()
    book.write_bytes(b"second issue")
    place.transport.deliver([book])
    assert (place.outbound / "book.xlsx").read_bytes() == b"second issue"
    assert [p.name for p in place.outbound.iterdir() if p.name.endswith(("part", "tmp"))] == []


def test_a_file_is_visible_under_its_name_only_when_it_is_whole(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = tmp_path / "book.xlsx"
    book.write_bytes(b"whole")
    copy = "shutil:copyfile" if isinstance(place.transport, Folder) else "paramiko:SFTPClient.put"
    original = pkgutil.resolve_name(copy)
    visible: list[list[Path]] = []

    def watched(*args: object, **options: object) -> object:
        result = original(*args, **options)
        visible.append(list(place.outbound.glob("book*")))
        return result

    monkeypatch.setattr(copy.replace(":", "."), watched)
    place.transport.deliver([book])
    assert visible == [[]], "all its bytes are there, under another name"
    assert (place.outbound / "book.xlsx").read_bytes() == b"whole"


def test_a_delivery_that_fails_leaves_nothing_behind(place: Place, tmp_path: Path) -> None:
    book = tmp_path / "book.xlsx"
    book.write_bytes(b"whole")
    (place.outbound / "book.xlsx" / "inside").mkdir(parents=True)
    before = sorted(place.outbound.iterdir())
    with pytest.raises(GatewayError, match=r"book\.xlsx"):
        place.transport.deliver([book])
    assert sorted(place.outbound.iterdir()) == before


def test_a_file_that_cannot_be_read_is_not_delivered(place: Place, tmp_path: Path) -> None:
    before = sorted(place.outbound.iterdir())
    with pytest.raises(GatewayError, match="No such file"):
        place.transport.deliver([tmp_path / "missing.xlsx"])
    assert sorted(place.outbound.iterdir()) == before
