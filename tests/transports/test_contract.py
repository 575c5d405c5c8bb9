"""What holds for every transport: one suite over the drop folders and real servers of every kind."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import HouseError
from gateway.settings import Config
from gateway.transports.folder import Folder
from gateway.transports.ftps import FtpsServer
from gateway.transports.s3 import S3Bucket
from gateway.transports.sftp import SftpServer
from gateway.transports.transport import Drop, Transport
from tests.transports.bucket import Bucket, BucketFolder
from tests.transports.conftest import Clock
from tests.transports.ftpd import Ftpd
from tests.transports.sshd import Sshd


@dataclass
class Place:
    """A transport and the folders behind it. `make` builds the transport again, as after a restart.

    copies   what writes a delivery under its temporary name, "" if there is none because it appears whole
    grows    whether its files can be seen half written
    links    whether its listing distinguishes links and devices from files
    """

    transport: Transport
    inbound: Path | BucketFolder
    outbound: Path | BucketFolder
    make: Callable[[float], Transport]
    copies: str
    grows: bool = True
    links: bool = True

    def put(self, name: str, content: bytes = b"a,b\n") -> Any:
        path: Any = self.inbound / name
        path.write_bytes(content)
        return path

    def growing(self) -> Transport:
        """The transport with two seconds of stillness."""
        if not self.grows:
            pytest.skip("objects appear whole")
        self.transport.close()
        self.transport = self.make(2.0)
        return self.transport


@pytest.fixture(params=["folder", "sftp", "ftps", "ftps without facts", "s3"])
def place(request: pytest.FixtureRequest, home: Path, config: Config, tmp_path: Path) -> Iterator[Place]:
    spool = tmp_path / "spool"
    if request.param == "folder":
        daemon = config.daemon

        def make_folder(still_s: float) -> Transport:
            changed = config.model_copy(update={"daemon": daemon.model_copy(update={"still_s": still_s})})
            return Folder(home, changed, still=True)

        found = Place(
            make_folder(0.0), home / "inbound" / "amazon-us", home / "outbound", make_folder, "shutil:copyfile"
        )
    elif request.param == "sftp":
        sshd: Sshd = request.getfixturevalue("sshd")

        def make_sftp(still_s: float) -> Transport:
            return SftpServer(home, sshd.settings(still_s=still_s), config, spool)

        found = Place(make_sftp(0.0), sshd.root / "in", sshd.root / "out", make_sftp, "paramiko:SFTPClient.put")
    elif request.param == "s3":
        bucket: Bucket = request.getfixturevalue("bucket")

        def make_s3(still_s: float) -> Transport:
            return S3Bucket(home, bucket.settings(), config, spool)

        found = Place(
            make_s3(0.0), bucket.folder("in"), bucket.folder("out"), make_s3, copies="", grows=False, links=False
        )
    else:
        ftpd: Ftpd = request.getfixturevalue("start_ftpd")(facts=request.param == "ftps")

        def make_ftps(still_s: float) -> Transport:
            return FtpsServer(home, ftpd.settings(still_s=still_s), config, spool)

        copies = "gateway.transports.ftps:FtpsServer._write"
        found = Place(make_ftps(0.0), ftpd.root / "in", ftpd.root / "out", make_ftps, copies, links=False)
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


def test_a_file_that_was_replaced_since_it_was_taken_is_left_and_offered_again(place: Place) -> None:
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


UNDER_WAY = (".hidden", "a.tmp", "A.TMP", "a.part", "a.filepart", "~$book.xlsx", "a.csv~", "README.md")


def test_names_of_files_under_way_are_ignored(place: Place) -> None:
    for name in (*UNDER_WAY, "orders.csv"):
        place.put(name)
    assert names(place.transport.poll()) == ["orders.csv"]
    assert place.transport.problems == []


def test_a_folder_that_a_partner_makes_is_reported_and_nothing_in_it_is_taken(place: Place) -> None:
    if place.grows:
        (place.inbound / "late").mkdir()
    place.put("late/orders.csv")
    place.put("today.csv")
    assert names(place.transport.poll()) == ["today.csv"]
    [problem] = place.transport.problems
    assert problem.message.endswith("late is a folder; files in it are not taken")


def test_what_is_no_ordinary_file_is_left_alone_with_a_problem(place: Place) -> None:
    place.put("orders.csv")
    place.put("red\x1b[31m.csv")
    expected = ["red\\x1b[31m.csv has control characters in its name"]
    if place.grows:
        place.put("line\nbreak\x1b[31m.csv")
        expected += ["line\\nbreak\\x1b[31m.csv has control characters in its name"]
        (place.inbound / "subfolder").mkdir()
        expected += ["subfolder is a folder; files in it are not taken"]
        (place.inbound / os.fsdecode(b"latin-\xe9.csv")).write_bytes(b"x")
        expected += ["latin-\\udce9.csv has a name that is not UTF-8"]
    if place.links:
        (place.inbound / "link.csv").symlink_to("/etc/hostname")
        (place.inbound / "dangling.csv").symlink_to("nowhere")
        os.mkfifo(place.inbound / "pipe.csv")
        expected += [f"{name}.csv is a link or a device" for name in ("dangling", "link", "pipe")]
    before = len(list(place.inbound.iterdir()))
    assert names(place.transport.poll()) == ["orders.csv"]
    said = sorted(problem.message.partition("/")[2] for problem in place.transport.problems)
    assert said == sorted(expected)
    assert len(list(place.inbound.iterdir())) == before


ODD = (
    "ä €.csv",
    "注文.csv",
    "-rf",
    "$(reboot).csv",
    "a;b&c|d.csv",
    "back\\slash.csv",
    "quo'te\".csv",
    "%2e%2e",
    "a:1:2.csv",
    "x" * 250,
    "CON",
    "*.csv",
    "[a].csv",
    "spa ce ",
)
HIDDEN = ("..x", "...")
"""Odd names that are taken only where the settings do not ignore hidden files."""


def test_odd_names_are_carried_as_they_are(place: Place) -> None:
    for name in ODD + HIDDEN:
        place.put(name, name.encode())
    for ignore, expected in ((None, ODD), ((), ODD + HIDDEN)):
        if ignore is not None:
            config = place.transport.config  # type: ignore[attr-defined]
            daemon = config.daemon.model_copy(update={"ignore": ignore})
            place.transport.config = config.model_copy(update={"daemon": daemon})  # type: ignore[attr-defined]
        drops = place.transport.poll()
        assert {drop.name: drop.path.read_bytes() for drop in drops} == {name: name.encode() for name in expected}
    for drop in drops:
        place.transport.settle(drop)
    assert list(place.inbound.iterdir()) == []


def test_an_empty_file_is_taken(place: Place) -> None:
    place.put("empty.csv", b"")
    (drop,) = place.transport.poll()
    assert drop.path.read_bytes() == b""
    place.transport.settle(drop)
    assert list(place.inbound.iterdir()) == []


@pytest.fixture
def marked(place: Place, config: Config) -> Transport:
    """The transport of a partner that marks each file that is whole."""
    config.partners["amazon-us"] = config.partners["amazon-us"].model_copy(update={"marker": ".done"})
    place.transport.close()
    place.transport = place.make(0.0)
    return place.transport


def test_a_file_waits_for_its_marker_which_goes_with_it(place: Place, marked: Transport) -> None:
    place.put("orders.csv")
    place.put("other.csv")
    assert marked.poll() == []
    place.put("orders.csv.done", b"")
    (drop,) = marked.poll()
    assert drop.name == "orders.csv"
    marked.settle(drop)
    marked.settle(drop)
    assert [path.name for path in place.inbound.iterdir()] == ["other.csv"]
    assert (marked.poll(), marked.problems) == ([], [])


def test_a_marker_is_never_a_file_and_reported_when_it_stays_alone(place: Place, marked: Transport) -> None:
    place.put("orders.csv.done", b"")
    place.put("orders.csv.done.done", b"")
    assert marked.poll() == []
    (problem,) = marked.problems
    assert problem.message.endswith("orders.csv.done is a marker without its file")


def test_a_marked_file_that_was_replaced_since_it_was_taken_is_left_with_its_marker(
    place: Place, marked: Transport
) -> None:
    path = place.put("orders.csv", b"old")
    place.put("orders.csv.done", b"")
    (drop,) = marked.poll()
    path.write_bytes(b"newer")
    marked.settle(drop)
    (again,) = marked.poll()
    assert again.path.read_bytes() == b"newer"


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
    if not (copy := place.copies):
        pytest.skip("objects appear whole")
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
    if not place.grows:
        pytest.skip("where there are no folders, none is in the way")
    (place.outbound / "book.xlsx" / "inside").mkdir(parents=True)
    before = sorted(place.outbound.iterdir())
    with pytest.raises(HouseError, match=r"book\.xlsx"):
        place.transport.deliver([book])
    assert sorted(place.outbound.iterdir()) == before


def test_a_file_that_cannot_be_read_is_not_delivered(place: Place, tmp_path: Path) -> None:
    before = sorted(place.outbound.iterdir())
    with pytest.raises(HouseError, match="No such file"):
        place.transport.deliver([tmp_path / "missing.xlsx"])
    assert sorted(place.outbound.iterdir()) == before
