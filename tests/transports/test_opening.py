"""Files of strangers are opened once, without following links, and are what was listed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.settings import Config
from gateway.transports import opening
from gateway.transports.folder import Folder
from tests.conftest import taken
from tests.test_books import GOOD, one

Put = Callable[[str, str, bytes | str], Path]
FOREIGN = GOOD.replace("S1", "S9")


def _linked(path: Path, foreign: Path) -> None:
    path.unlink()
    path.symlink_to(foreign)


def _hard_linked(path: Path, foreign: Path) -> None:
    path.unlink()
    path.hardlink_to(foreign)


def _piped(path: Path, foreign: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _device(path: Path, foreign: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _folder_linked(path: Path, foreign: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to(foreign.parent)


def _rewritten(path: Path, foreign: Path) -> None:
    path.write_text(path.read_text().replace("20.00", "21.00"))


def _grown(path: Path, foreign: Path) -> None:
    with path.open("a") as sink:
        sink.write("more")


@pytest.mark.parametrize(
    "swap", [_linked, _hard_linked, _piped, _device, _folder_linked, _rewritten, _grown], ids=lambda swap: swap.__name__
)
def test_what_took_the_place_of_a_listed_file_is_not_taken_and_the_others_are(
    gateway: Home, drop: Put, tmp_path: Path, swap: Callable[[Path, Path], None]
) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    (tmp_path / "foreign").mkdir()
    foreign = tmp_path / "foreign" / path.name
    foreign.write_text(FOREIGN)
    good = drop("3pl-east", "unknown.bin", "anything")
    drops = Folder(gateway.folder, gateway.settings).poll()
    assert [drop.path for drop in drops] == [good, path]
    swap(path, foreign)
    receipts = {receipt.drop.name: receipt for receipt in taken(gateway, drops)}
    assert {name: receipt.committed for name, receipt in receipts.items()} == {good.name: True, path.name: False}
    assert "cannot be archived: " in receipts[path.name].files[0].reason
    assert one(gateway, "select count(*) from settlement_line") == 0
    assert foreign.read_text() == FOREIGN


def test_a_file_that_is_written_to_in_place_posts_the_bytes_that_are_archived(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop("amazon-us", "settlement-1.txt", GOOD)
    copy = opening.copied

    def then_written(source: Path, version: opening.Version, target: Path) -> Iterator[bytes]:
        yield from copy(source, version, target)
        _rewritten(path, path)
        os.utime(path, ns=(version[3], version[3]))

    monkeypatch.setattr(opening, "copied", then_written)
    folder = Folder(gateway.folder, gateway.settings)
    (receipt,) = taken(gateway, folder.poll())
    assert (receipt.committed, receipt.files[0].state) == (True, "ACCEPTED"), "the new bytes would be HELD"
    folder.settle(receipt.drop)
    assert path.exists(), "its time was set back, but these bytes were not taken"


@pytest.mark.parametrize("link", [Path.hardlink_to, Path.symlink_to], ids=["hard link", "link"])
def test_a_link_to_a_foreign_file_is_left_with_a_problem(
    home: Path, config: Config, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "secret").write_text("key")
    (home / "inbound" / "amazon-us").mkdir(exist_ok=True)
    link(home / "inbound" / "amazon-us" / "a.csv", tmp_path / "secret")
    folder = Folder(home, config)
    assert folder.poll() == []
    (problem,) = folder.problems
    assert problem.message.startswith(("amazon-us/a.csv has 2 names (hard links)", "amazon-us/a.csv is a link"))


def test_a_file_beyond_the_limit_is_left_before_any_work(home: Path, config: Config, drop: Put) -> None:
    with drop("amazon-us", "huge.csv", "").open("r+b") as sink:
        sink.truncate(config.limits.file_bytes_max + 1)
    folder = Folder(home, config)
    assert folder.poll() == []
    assert folder.problems[0].message.endswith("huge.csv has 4294967297 bytes, more than limits.file_bytes_max")


def test_a_name_beyond_the_limit_is_left_with_a_problem(home: Path, config: Config, drop: Put) -> None:
    drop("amazon-us", "a-name-of-23-characters", "a")
    short = config.limits.model_copy(update={"file_name_chars_max": 22})
    folder = Folder(home, config.model_copy(update={"limits": short}))
    assert folder.poll() == []
    assert "has a name of more than 22 characters" in folder.problems[0].message


def test_a_folder_that_became_a_link_is_not_listed(home: Path, config: Config, tmp_path: Path, drop: Put) -> None:
    path = drop("amazon-us", "a.csv", "a")
    folder = Folder(home, config)
    path.parent.rename(tmp_path / "moved")
    path.parent.symlink_to(tmp_path / "moved")
    assert folder.poll() == []
    assert [problem.message for problem in folder.problems] == ["inbound/amazon-us does not belong to a partner"]
