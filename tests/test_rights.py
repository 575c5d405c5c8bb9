"""Roles of the operating system: the service's user, members of its group who look after it, and strangers' files."""

from __future__ import annotations

import io
import os
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

from gateway import init
from gateway.cli import main
from gateway.home import open_home
from gateway.ledger.backup import back_up
from gateway.once import run_once
from gateway.rights import make_shared_folder
from tests.test_books import GOOD, ITEMS
from tests.users import acting_as, open_folder

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
SERVICE, MEMBER = 1, 65_534
"""User numbers; the service's group has the number of its user."""


@pytest.fixture(scope="module")
def served(laid_down: Path) -> Iterator[Path]:
    """A home as docs/operations.md installs it, of the service's user, which took a file."""
    with open_folder() as folder:
        home = Path(shutil.copytree(laid_down, folder / "home"))
        used = "".join(path.read_text() for path in home.glob("mappings/*/*.toml"))
        for pack in home.glob("mappings/standard/*"):
            if f"standard/{pack.name}" not in used:  # To read all packs takes seconds, and every command would.
                shutil.rmtree(pack)
        before = os.umask(0o027)
        try:
            (home / "inbound" / "master-data" / "items.csv").write_text(ITEMS)
            with open_home(home) as opened:
                run_once(opened)
        finally:
            os.umask(before)
        give(home, SERVICE)
        yield home


def give(home: Path, user: int) -> None:
    """Make everything in a home a user's, and its group's; modes stay."""
    for path in (home, *home.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        os.chown(path, user, user, follow_symlinks=False)
        path.chmod(mode)


def as_another(home: Path, user: int, *commands: str, mask: int = 0o022) -> dict[str, tuple[str, str]]:
    """Command → (what it printed, exit code), run by a member of the service's group."""
    with acting_as(user, SERVICE, mask):
        return {command: said_by(home, command) for command in commands}


def said_by(home: Path, command: str) -> tuple[str, str]:
    """What a command prints, and its exit code. It reads files itself: another user may not start the interpreter
    where that lies in root's folder."""
    printed = io.StringIO()
    program = patch.object(sys, "argv", ["gateway", "-C", str(home), *shlex.split(command)])
    alone = patch("gateway.readers.bounded", nullcontext)
    with program, alone, redirect_stdout(printed), redirect_stderr(printed):
        try:
            main()
        except SystemExit as end:
            return printed.getvalue().strip(), str(end.code)
    return printed.getvalue().strip(), "None"


DOCTOR = "doctor --no-servers"
READS = {
    "status": "0",
    "query 'select 1'": "0",
    "stock": "0",
    "verify": "1",
    "check master-data/items": "0",
    "try master-data/items {items}": "0",
    "suggest {items} --partner newcomer --write": "0",
    DOCTOR: "0",
}
COMMITS = ("once", "release 0123456789abcdef", "replay 0123456789abcdef", "maintain")


def test_a_member_of_the_group_works_or_reads_in_one_line_which_right_is_missing(served: Path) -> None:
    items = served.parent / "items.csv"
    items.write_text(ITEMS)
    items.chmod(0o644)
    reads = {command.format(items=items): code for command, code in READS.items()}
    said = as_another(served, MEMBER, *reads, *COMMITS, f"backup {served.parent}/backup")
    assert {command: said[command] for command, code in reads.items() if said[command][1] != code} == {}
    assert "anchor audit/anchor.log: cannot be read: Permission denied. Fix: " in said["verify"][0]
    assert "nobody can read the home, drop files and edit mappings; what commits is run as daemon" in said[DOCTOR][0]
    for command in said.keys() - reads.keys():
        text, code = said[command]
        assert code == "2" and text.count("\n") == 0, text
        assert "Permission denied: " in text and "Run it as the user that owns the home" in text, text
        assert "it belongs to " in text
    draft = next((served / "mappings" / "newcomer").iterdir())
    assert (draft.stat().st_uid, draft.stat().st_gid, oct(draft.stat().st_mode & 0o777)) == (MEMBER, SERVICE, "0o660")
    folder = (served / "inbound" / "newcomer").stat()
    assert (folder.st_gid, oct(stat.S_IMODE(folder.st_mode))) == (SERVICE, "0o2770")


def test_the_service_takes_what_members_drop_and_names_the_owner_of_what_it_may_not_read(served: Path) -> None:
    inbound = served / "inbound" / "amazon-us"
    for name, mode in (("settlement-1.txt", 0o640), ("settlement-2.txt", 0o600)):
        (inbound / name).write_text(GOOD.replace("S1", name[11:13]))
        os.chown(inbound / name, MEMBER, SERVICE)
        (inbound / name).chmod(mode)
    said, code = as_another(served, SERVICE, "once", mask=0o027)["once"]
    assert not (inbound / "settlement-1.txt").exists() and (inbound / "settlement-2.txt").exists()
    assert code == "1"
    line = next(line for line in said.splitlines() if line.startswith("FAILED amazon-us/settlement-2.txt: "))
    assert "it belongs to nobody" in line and "mode 0600" in line and "this is daemon" in line
    assert line.endswith(f"Fix: its owner, or root, runs `chmod g+r {inbound / 'settlement-2.txt'}`")


def test_a_backup_that_is_copied_back_has_the_rights_of_before(served: Path, tmp_path: Path) -> None:
    from gateway import settings

    made = back_up(served, settings.load(served), tmp_path / "backups").folder
    restored = tmp_path / "restored"
    restored.mkdir(0o700)
    subprocess.run(["cp", "-a", f"{made}/.", restored], check=True)
    there = [
        path.relative_to(restored) for path in restored.rglob("*") if path.relative_to(restored).parts[0] != "ledger"
    ]
    assert Path("mappings/posting.toml") in there and Path("outbound/current") in there
    for name in (Path(), Path("ledger"), *there):
        assert oct((restored / name).stat().st_mode) == oct((served / name).stat().st_mode), name
    assert oct(restored.stat().st_mode & 0o7777) == "0o750"


def test_a_partner_has_its_folder_when_it_is_configured_and_who_may_not_make_it_says_so(tmp_path: Path) -> None:
    init.lay_down(tmp_path / "home", examples=False)
    inbound = tmp_path / "home" / "inbound"
    assert init.make_drop_folders(tmp_path / "home", {"acme", "carrier"}) == []
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in inbound.iterdir()}
    assert modes == {"acme": "0o2770", "carrier": "0o2770"}
    inbound.rename(tmp_path / "gone")
    inbound.write_text("")
    [problem] = init.make_drop_folders(tmp_path / "home", {"acme"})
    assert problem.startswith("inbound/acme/ cannot be made: Not a directory") and "Fix: " in problem


def test_a_shared_folder_is_made_without_the_umask_of_the_whole_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads of the same process write their own files meanwhile."""

    def changed(mask: int) -> int:
        raise AssertionError(f"umask({mask:o})")

    monkeypatch.setattr(os, "umask", changed)
    make_shared_folder(tmp_path / "shared")
    assert (tmp_path / "shared").stat().st_mode & 0o7777 == 0o2770
    with pytest.raises(FileExistsError):
        make_shared_folder(tmp_path / "shared")
    with pytest.raises(FileNotFoundError):
        make_shared_folder(tmp_path / "not there" / "shared")
