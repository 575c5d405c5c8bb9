"""SFTP against a real OpenSSH server on loopback. What holds for every transport is in test_contract."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest

from gateway.errors import HouseError
from gateway.home import Home
from gateway.settings import Config
from gateway.transports import build
from gateway.transports.remote import Entry
from gateway.transports.sftp import SftpServer, fingerprint
from gateway.transports.transport import UnreachableError
from tests.conftest import taken
from tests.test_books import GOOD
from tests.transports.sshd import Sshd, make_key, wait_for

Connect = Callable[..., SftpServer]
# A thread that reads ahead ends by SystemExit when the server goes away: Python is silent about it, pytest is not.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def connect(home: Path, config: Config, spool: Path) -> Iterator[Connect]:
    """A transport for a server; `changes` to the settings that work."""
    made: list[SftpServer] = []

    def make(sshd: Sshd, **changes: object) -> SftpServer:
        made.append(SftpServer(home, sshd.settings(**changes), config, spool))
        return made[-1]

    yield make
    for server in made:
        server.close()


# --- who is there -------------------------------------------------------------------------------------


def test_another_host_key_is_refused_before_anything_is_sent(sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    sshd.put("orders.csv", b"x")
    with pytest.raises(UnreachableError) as refused:
        connect(sshd, host_key=other).poll()
    assert fingerprint(other) in str(refused.value)
    assert fingerprint(sshd.host_keys["ed25519"]) in str(refused.value)
    assert "Ask the partner" in refused.value.hint
    log = sshd.log.read_text()
    assert "SSH2_MSG_KEXINIT" in log
    assert "userauth-request" not in log and "Accepted" not in log


def test_a_fingerprint_is_written_as_openssh_does(sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(sshd.host_keys["ed25519"] + "\n")
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True)
    assert fingerprint(sshd.host_keys["ed25519"]) == shown.stdout.split()[1]


@pytest.mark.parametrize("pinned", ["rsa", "ecdsa", "ed25519"])
def test_a_server_with_several_keys_is_asked_for_the_pinned_one(
    start_sshd: Callable[..., Sshd], connect: Connect, pinned: str
) -> None:
    sshd = start_sshd(kinds=("ed25519", "ecdsa", "rsa"))
    sshd.put("orders.csv", b"x")
    assert [d.name for d in connect(sshd, host_key=sshd.host_keys[pinned]).poll()] == ["orders.csv"]


def test_a_server_without_a_key_of_the_pinned_kind_is_refused_with_both_fingerprints(
    start_sshd: Callable[..., Sshd], connect: Connect, tmp_path: Path
) -> None:
    sshd, other = start_sshd(kinds=("ecdsa",)), make_key(tmp_path / "other", "rsa")
    with pytest.raises(UnreachableError) as refused:
        connect(sshd, host_key=other).poll()
    assert fingerprint(other) in str(refused.value)
    assert fingerprint(sshd.host_keys["ecdsa"]) in str(refused.value)


@pytest.mark.parametrize("wrong", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "example.com ssh-ed25519 AAAAC3Nz", "x y z"])
def test_a_pinned_key_that_is_none_is_a_fault_of_the_configuration(sshd: Sshd, connect: Connect, wrong: str) -> None:
    with pytest.raises(HouseError, match=r"host_key of sftp:partner.*ssh-keyscan"):
        connect(sshd, host_key=wrong)


def test_a_comment_behind_the_pinned_key_does_no_harm(sshd: Sshd, connect: Connect) -> None:
    assert connect(sshd, host_key=sshd.host_keys["ed25519"] + " root@partner").poll() == []


def test_a_key_that_is_not_authorised(sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
    make_key(tmp_path / "stranger")
    with pytest.raises(UnreachableError, match=r"log in to sftp:partner .*was refused.*authorised"):
        connect(sshd, key_file=str(tmp_path / "stranger")).poll()


@pytest.mark.parametrize("content", [None, b"", b"no key", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_a_key_file_that_cannot_be_used(sshd: Sshd, connect: Connect, home: Path, content: bytes | None) -> None:
    if content is not None:
        (home / "user_key").write_bytes(content)
    with pytest.raises(UnreachableError, match=r"home/user_key cannot be used: .*OpenSSH private key"):
        connect(sshd, key_file="user_key").poll()


def test_a_key_with_a_passphrase_is_refused_clearly(sshd: Sshd, connect: Connect, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True)
    with pytest.raises(UnreachableError, match="without a passphrase"):
        connect(sshd, key_file=str(locked)).poll()


@pytest.mark.parametrize("secret", [None, "", "wrong"])
def test_a_password_comes_from_the_environment_and_is_never_shown(
    sshd: Sshd, connect: Connect, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    if secret is not None:
        monkeypatch.setenv("PARTNER_PASSWORD", secret)
    with pytest.raises(UnreachableError) as refused:
        connect(sshd, key_file="", password_env="PARTNER_PASSWORD").poll()
    assert ("was refused" if secret else "neither a key nor a password") in str(refused.value)
    assert not secret or secret not in str(refused.value)


def test_nobody_answers(sshd: Sshd, connect: Connect) -> None:
    server = connect(sshd)
    sshd.stop()
    with pytest.raises(UnreachableError, match=r"connect to sftp:partner \(127\.0\.0\.1:\d+\): Connection refused"):
        server.poll()


def test_somebody_else_answers(sshd: Sshd, connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = connect(sshd, port=listener.getsockname()[1], connect_timeout_s=0.2)
        with pytest.raises(UnreachableError, match="connect to"):
            server.poll()
        before = threading.active_count()
        for _ in range(3):
            with pytest.raises(UnreachableError):
                server.poll()
        wait_for(lambda: threading.active_count() <= before, "nothing is left of the attempts")


# --- in -----------------------------------------------------------------------------------------------


def test_a_file_is_moved_to_remote_done(sshd: Sshd, connect: Connect, spool: Path) -> None:
    sshd.put("orders.csv", b"a,b\n")
    server = connect(sshd)
    (drop,) = server.poll()
    assert (drop.via, drop.path.parent.parent) == ("sftp:partner", spool)
    assert sshd.names("in") == ["orders.csv"], "it stays until it is settled"
    server.settle(drop)
    assert (sshd.names("in"), sshd.names("done")) == ([], ["orders.csv"])
    assert (sshd.root / "done" / "orders.csv").read_bytes() == b"a,b\n"
    assert [path for path in spool.rglob("*") if path.is_file()] == []


def test_without_remote_done_a_file_is_removed(sshd: Sshd, connect: Connect) -> None:
    sshd.put("orders.csv", b"a,b\n")
    server = connect(sshd, remote_done="")
    server.settle(server.poll()[0])
    assert (sshd.names("in"), sshd.names("done")) == ([], [])


def test_a_name_that_remote_done_has_already_gets_a_suffix(sshd: Sshd, connect: Connect) -> None:
    server = connect(sshd)
    for content in (b"1", b"2", b"3"):
        sshd.put("orders.csv", content)
        server.settle(server.poll()[0])
    assert sshd.names("done") == ["orders.csv", "orders.csv.1", "orders.csv.2"]
    assert [(sshd.root / "done" / name).read_bytes() for name in sshd.names("done")] == [b"1", b"2", b"3"]


def test_a_missing_remote_done_is_reported_and_the_file_stays(sshd: Sshd, connect: Connect) -> None:
    sshd.put("orders.csv", b"a")
    server = connect(sshd, remote_done=str(sshd.root / "missing"))
    (drop,) = server.poll()
    with pytest.raises(HouseError, match=r"settle sftp:partner:.*orders\.csv: No such file"):
        server.settle(drop)
    assert sshd.names("in") == ["orders.csv"] and drop.path.exists()
    (sshd.root / "missing").mkdir()
    server.settle(drop)
    assert sshd.names("missing") == ["orders.csv"]


def test_a_missing_remote_in_is_reported(sshd: Sshd, connect: Connect) -> None:
    with pytest.raises(HouseError, match=r"list sftp:partner:/nowhere: No such file") as missing:
        connect(sshd, remote_in="/nowhere").poll()
    assert not isinstance(missing.value, UnreachableError)


def test_a_file_that_is_too_large_is_left_alone(sshd: Sshd, connect: Connect, spool: Path) -> None:
    sshd.put("large.csv", b"x" * 11)
    sshd.put("small.csv", b"x" * 10)
    server = connect(sshd, file_bytes_max=10)
    assert [d.name for d in server.poll()] == ["small.csv"]
    (problem,) = server.problems
    assert "sftp:partner/large.csv has 11 bytes, more than file_bytes_max" in problem.message
    assert sshd.names("in") == ["large.csv", "small.csv"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", "a/../../b", "a\nb", "a\x1b[2Jb", "x" * 300])
def test_a_listing_with_a_hostile_name_does_no_harm(
    sshd: Sshd, connect: Connect, spool: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    sshd.put("orders.csv", b"a")
    listed = paramiko.SFTPClient.listdir_attr

    def hostile(client: paramiko.SFTPClient, path: str) -> list[paramiko.SFTPAttributes]:
        entries = listed(client, path)
        entries.append(paramiko.SFTPAttributes.from_stat((sshd.root / "in" / "orders.csv").stat(), name))
        return entries

    monkeypatch.setattr(paramiko.SFTPClient, "listdir_attr", hostile)
    server = connect(sshd)
    assert [d.name for d in server.poll()] == ["orders.csv"]
    assert len(server.problems) == (not name.startswith(".")), "names with a dot are ignored"
    assert all(problem.message.isprintable() for problem in server.problems)
    assert [path.name for path in spool.rglob("*") if path.is_file()] == [server.poll()[0].path.name]


def test_one_file_that_cannot_be_read_never_stops_the_others(
    sshd: Sshd, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        sshd.put(name, b"x")
    opened = paramiko.SFTPClient.open

    def refuse(client: paramiko.SFTPClient, path: str, *rest: Any) -> Any:
        return opened(client, path.replace("b.csv", "missing.csv"), *rest)

    monkeypatch.setattr(paramiko.SFTPClient, "open", refuse)
    server = connect(sshd)
    assert [d.name for d in server.poll()] == ["a.csv", "c.csv"]
    assert "b.csv: No such file" in server.problems[0].message


@pytest.mark.parametrize("change", [b"longer than before", b"", b"same"])
def test_a_file_that_changes_while_it_is_downloaded_is_not_taken(
    sshd: Sshd, connect: Connect, spool: Path, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    path = sshd.put("orders.csv", b"once")
    os.utime(path, (1_000, 1_000))
    opened = paramiko.SFTPClient.open

    def changing(client: paramiko.SFTPClient, remote: str, *rest: Any) -> Any:
        source = opened(client, remote, *rest)
        path.write_bytes(change)
        return source

    monkeypatch.setattr(paramiko.SFTPClient, "open", changing)
    server = connect(sshd)
    assert server.poll() == []
    assert "it changed while it was read" in server.problems[0].message
    monkeypatch.undo()
    (drop,) = server.poll()
    assert drop.path.read_bytes() == change
    assert len(list(drop.path.parent.iterdir())) == 1, "nothing is left of the first attempt"


def test_one_poll_downloads_no_more_than_one_commit_takes(sshd: Sshd, home: Path, config: Config, spool: Path) -> None:
    for number in range(5):
        sshd.put(f"{number}.csv", b"x")
    limits = config.limits.model_copy(update={"files_per_commit_max": 2})
    server = SftpServer(home, sshd.settings(), config.model_copy(update={"limits": limits}), spool)
    counts = []
    for _ in range(3):
        counts.append((len(server.poll()), server.soon))
    assert counts == [(2, True), (4, True), (5, False)]
    server.close()


def test_what_a_killed_process_left_in_the_spool_is_removed(sshd: Sshd, connect: Connect, spool: Path) -> None:
    sshd.put("orders.csv", b"a")
    sshd.put("gone.csv", b"b")
    kept, gone = sorted((d.name, d.path) for d in connect(sshd).poll())[::-1]
    (gone[1].parent / ".123-456-x.csv.99.tmp").write_bytes(b"half")
    (sshd.root / "in" / "gone.csv").unlink()
    connect(sshd).poll()
    assert list(kept[1].parent.iterdir()) == [kept[1]]


# --- the server goes away -----------------------------------------------------------------------------


def test_a_connection_that_was_cut_between_polls_is_made_again(sshd: Sshd, connect: Connect) -> None:
    sshd.put("orders.csv", b"a")
    server = connect(sshd)
    (drop,) = server.poll()
    sshd.cut()
    wait_for(lambda: not server._is_alive(), "the cut is noticed")
    server.settle(drop)
    assert sshd.names("done") == ["orders.csv"]


def test_a_server_that_goes_away_during_a_download_and_comes_back(sshd: Sshd, connect: Connect, spool: Path) -> None:
    with (sshd.root / "in" / "large.csv").open("wb") as large:
        large.truncate(64 << 20)
    server = connect(sshd)
    failed: list[HouseError] = []

    def poll() -> None:
        try:
            server.poll()
        except HouseError as error:
            failed.append(error)

    polling = threading.Thread(target=poll)
    polling.start()
    wait_for(lambda: list(spool.rglob("*.tmp")), "the download began")
    sshd.stop()
    polling.join(20)
    assert isinstance(failed[0], UnreachableError)
    assert [path for path in spool.rglob("*") if path.is_file()] == [], "nothing half is left"
    with pytest.raises(UnreachableError, match="Connection refused"):
        server.poll()
    sshd.start()
    (drop,) = server.poll()
    assert drop.path.stat().st_size == 64 << 20
    server.settle(drop)
    assert (sshd.names("in"), sshd.names("done")) == ([], ["large.csv"])
    assert server.poll() == []


def test_a_cut_while_the_library_reads_ahead_prints_no_traceback(
    sshd: Sshd, connect: Connect, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    sshd.put("large.csv", b"x" * 5_000_000)
    opened = paramiko.SFTPClient.open

    def cut(client: paramiko.SFTPClient, path: str, *rest: Any) -> Any:
        source = opened(client, path, *rest)
        sshd.cut()
        channel = client.get_channel()
        assert channel is not None
        wait_for(lambda: channel.closed, "the cut is noticed")
        return source

    monkeypatch.setattr(paramiko.SFTPClient, "open", cut)
    with pytest.raises(UnreachableError):
        connect(sshd).poll()
    wait_for(lambda: not [t for t in threading.enumerate() if "prefetch" in t.name], "the threads ended")
    assert capfd.readouterr().err == ""


def test_what_came_before_the_cut_goes_on(sshd: Sshd, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        sshd.put(name, b"x")
    opened = paramiko.SFTPClient.open

    def cut(client: paramiko.SFTPClient, path: str, *rest: Any) -> Any:
        if path.endswith("b.csv"):
            sshd.cut()
        return opened(client, path, *rest)

    monkeypatch.setattr(paramiko.SFTPClient, "open", cut)
    server = connect(sshd)
    assert [d.name for d in server.poll()] == ["a.csv"]
    assert server.soon
    monkeypatch.undo()
    assert [d.name for d in server.poll()] == ["a.csv", "b.csv", "c.csv"]


def test_a_server_that_hangs_is_given_up(sshd: Sshd, connect: Connect) -> None:
    server = connect(sshd, connect_timeout_s=0.3)
    assert server.poll() == []
    for pid in sshd.sessions():
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(UnreachableError, match="no answer in time"):
        server.poll()


def test_closing_ends_what_another_thread_is_doing(sshd: Sshd, connect: Connect) -> None:
    server = connect(sshd, connect_timeout_s=60)
    assert server.poll() == []
    for pid in sshd.sessions():
        os.kill(pid, signal.SIGSTOP)
    ended = threading.Event()

    def poll() -> None:
        with pytest.raises(UnreachableError):
            server.poll()
        ended.set()

    threading.Thread(target=poll, daemon=True).start()
    assert not ended.wait(0.2)
    server.close()
    assert ended.wait(10)


# --- through a jump host ------------------------------------------------------------------------------


def test_a_server_behind_a_jump_host(start_sshd: Callable[..., Sshd], connect: Connect) -> None:
    sshd, jump = start_sshd(), start_sshd()
    sshd.put("orders.csv", b"a,b\n")
    server = connect(sshd, jump=jump.as_jump())
    (drop,) = server.poll()
    assert drop.path.read_bytes() == b"a,b\n"
    server.settle(drop)
    server.deliver([sshd.root / "done" / "orders.csv"])
    assert (sshd.names("in"), sshd.names("done"), sshd.names("out")) == ([], ["orders.csv"], ["orders.csv"])
    assert "direct-tcpip" in jump.log.read_text()


def test_a_jump_host_with_another_key_is_refused_before_anything_is_sent(
    start_sshd: Callable[..., Sshd], connect: Connect, tmp_path: Path
) -> None:
    sshd, jump = start_sshd(), start_sshd()
    other = make_key(tmp_path / "other")
    with pytest.raises(UnreachableError) as refused:
        connect(sshd, jump=jump.as_jump(host_key=other)).poll()
    assert f"(127.0.0.1:{jump.port})" in str(refused.value) and fingerprint(other) in str(refused.value)
    assert "userauth-request" not in jump.log.read_text()


def test_the_key_of_the_server_behind_a_jump_host_is_pinned_too(
    start_sshd: Callable[..., Sshd], connect: Connect, tmp_path: Path
) -> None:
    sshd, jump = start_sshd(), start_sshd()
    with pytest.raises(UnreachableError) as refused:
        connect(sshd, host_key=make_key(tmp_path / "other"), jump=jump.as_jump()).poll()
    assert f"(127.0.0.1:{sshd.port})" in str(refused.value)
    assert fingerprint(sshd.host_keys["ed25519"]) in str(refused.value)
    assert "userauth-request" not in sshd.log.read_text()


def test_a_jump_host_that_lets_nobody_through(start_sshd: Callable[..., Sshd], connect: Connect) -> None:
    sshd, jump = start_sshd(), start_sshd(more=("AllowTcpForwarding no",))
    with pytest.raises(UnreachableError, match=rf"through 127\.0\.0\.1:{jump.port}: .*prohibited.*lets us through"):
        connect(sshd, jump=jump.as_jump()).poll()


def test_a_jump_host_without_a_key_is_a_fault_of_the_configuration(sshd: Sshd, connect: Connect) -> None:
    with pytest.raises(HouseError, match=r"host_key of the jump host of sftp:partner"):
        connect(sshd, jump=sshd.as_jump(host_key=""))


def test_a_jump_host_that_goes_away_and_comes_back(start_sshd: Callable[..., Sshd], connect: Connect) -> None:
    sshd, jump = start_sshd(), start_sshd()
    sshd.put("orders.csv", b"a")
    server = connect(sshd, jump=jump.as_jump())
    (drop,) = server.poll()
    jump.stop()
    with pytest.raises(UnreachableError):
        server.settle(drop)
    with pytest.raises(UnreachableError, match="Connection refused"):
        server.settle(drop)
    jump.start()
    server.settle(drop)
    assert sshd.names("done") == ["orders.csv"]


# --- large files, many files --------------------------------------------------------------------------

MEGABYTE = 1 << 20


@pytest.fixture
def cut_after(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Cuts the connection once after so many bytes of a download; returns where downloads began."""
    monkeypatch.setattr("gateway.transports.remote.STEP_BYTES", MEGABYTE)
    read = SftpServer._read

    def prepare(sshd: Sshd, bytes_max: int) -> list[int]:
        began: list[int] = []

        def cut(server: SftpServer, path: str, entry: Entry, start: int) -> Iterator[bytes]:
            began.append(start)
            came = 0
            for chunk in read(server, path, entry, start):
                yield chunk
                came += len(chunk)
                if came >= bytes_max and len(began) == 1:
                    sshd.cut()

        monkeypatch.setattr(SftpServer, "_read", cut)
        return began

    return prepare


@pytest.mark.parametrize("restarted", [False, True])
def test_a_large_download_that_was_cut_is_continued(
    sshd: Sshd, connect: Connect, cut_after: Callable[..., list[int]], restarted: bool
) -> None:
    content = os.urandom(8 * MEGABYTE)
    sshd.put("large.csv", content)
    server = connect(sshd)
    began = cut_after(sshd, 5 * MEGABYTE)
    with pytest.raises(UnreachableError):
        server.poll()
    (drop,) = (connect(sshd) if restarted else server).poll()
    assert began[0] == 0 and 3 * MEGABYTE <= began[1] <= 6 * MEGABYTE
    assert drop.path.read_bytes() == content
    assert list(drop.path.parent.iterdir()) == [drop.path]


def test_a_large_file_that_was_replaced_after_the_cut_starts_again(
    sshd: Sshd, connect: Connect, cut_after: Callable[..., list[int]]
) -> None:
    path = sshd.put("large.csv", os.urandom(8 * MEGABYTE))
    server = connect(sshd)
    began = cut_after(sshd, 5 * MEGABYTE)
    with pytest.raises(UnreachableError):
        server.poll()
    content = os.urandom(8 * MEGABYTE)
    path.write_bytes(content)
    os.utime(path, (1_000, 1_000))
    (drop,) = server.poll()
    assert began == [0, 0]
    assert drop.path.read_bytes() == content
    assert list(drop.path.parent.iterdir()) == [drop.path], "nothing is left of the first"


def test_several_files_are_downloaded_at_once(sshd: Sshd, connect: Connect) -> None:
    contents = {f"{number}.csv": os.urandom(1_000) for number in range(40)}
    for name, content in contents.items():
        sshd.put(name, content)
    server = connect(sshd, downloads_max=4)
    drops = server.poll()
    assert {drop.name: drop.path.read_bytes() for drop in drops} == contents
    assert 1 < len(server._idle) <= 4
    for drop in drops:
        server.settle(drop)
    assert (sshd.names("in"), len(sshd.names("done"))) == ([], 40)


def test_more_downloads_at_once_than_the_server_allows(start_sshd: Callable[..., Sshd], connect: Connect) -> None:
    sshd = start_sshd(more=("MaxSessions 2",))
    for number in range(40):
        sshd.put(f"{number}.csv", b"x" * 100_000)
    server = connect(sshd, downloads_max=8)
    names: set[str] = set()
    for _ in range(40):
        names |= {drop.name for drop in server.poll()}
        if len(names) == 40:
            break
    assert len(names) == 40
    assert all("downloads_max" in problem.message for problem in server.problems)


def test_a_cut_while_several_files_are_downloaded(
    sshd: Sshd, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        sshd.put(f"{number:02}.csv", b"x")
    opened = paramiko.SFTPClient.open

    def cut(client: paramiko.SFTPClient, path: str, *rest: Any) -> Any:
        if path.endswith("20.csv"):
            sshd.cut()
        return opened(client, path, *rest)

    monkeypatch.setattr(paramiko.SFTPClient, "open", cut)
    server = connect(sshd, downloads_max=4)
    first = {drop.name for drop in server.poll()}
    assert first and "20.csv" not in first and server.soon
    monkeypatch.undo()
    assert len(server.poll()) == 40


# --- with the ledger ----------------------------------------------------------------------------------


def count(gateway: Home, sql: str) -> Any:
    row = gateway.lake.con.execute(sql).fetchone()
    assert row is not None
    return row[0]


def test_after_a_crash_between_commit_and_settling_nothing_happens_twice(
    sshd: Sshd, connect: Connect, gateway: Home
) -> None:
    sshd.put("settlement-1.txt", GOOD.encode())
    (receipt,) = taken(gateway, connect(sshd).poll())
    assert receipt.committed and [file.state for file in receipt.files] == ["ACCEPTED"]
    before = count(gateway, "select count(*) from audit_log")

    after = connect(sshd)
    (again,) = taken(gateway, after.poll())
    assert again.committed
    assert count(gateway, "select count(*) from audit_log") == before
    after.settle(again.drop)
    assert (sshd.names("in"), sshd.names("done")) == ([], ["settlement-1.txt"])
    assert count(gateway, "select count(*) from settlement_line") == 2


def test_the_same_name_with_other_content_is_taken_again(sshd: Sshd, connect: Connect, gateway: Home) -> None:
    server = connect(sshd)
    for sid in ("S1", "S2"):
        sshd.put("settlement.txt", GOOD.replace("S1", sid).encode())
        (receipt,) = taken(gateway, server.poll())
        assert [file.state for file in receipt.files] == ["ACCEPTED"]
        server.settle(receipt.drop)
    assert count(gateway, "select count(*) from settlement") == 2
    assert sshd.names("done") == ["settlement.txt", "settlement.txt.1"]


# --- out ----------------------------------------------------------------------------------------------


def test_a_server_without_the_rename_that_replaces(start_sshd: Callable[..., Sshd], connect: Connect) -> None:
    sshd = start_sshd(subsystem="internal-sftp -P posix-rename")
    server, book = connect(sshd), sshd.root / "book.xlsx"
    for content in (b"first", b"second"):
        book.write_bytes(content)
        server.deliver([book])
        assert (sshd.root / "out" / "book.xlsx").read_bytes() == content
    assert [path.name for path in (sshd.root / "out").iterdir()] == ["book.xlsx"]


def test_a_delivery_that_was_cut_off_is_whole_after_the_next_attempt(
    sshd: Sshd, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, book = connect(sshd), sshd.root / "book.xlsx"
    book.write_bytes(b"x" * 1_000_000)
    put = paramiko.SFTPClient.put

    def cut(client: paramiko.SFTPClient, local: str, remote: str, confirm: bool) -> Any:
        put(client, local, remote, confirm=confirm)
        sshd.cut()
        client.stat(remote)

    monkeypatch.setattr(paramiko.SFTPClient, "put", cut)
    with pytest.raises(UnreachableError):
        server.deliver([book])
    assert not (sshd.root / "out" / "book.xlsx").exists()
    monkeypatch.undo()
    server.deliver([book])
    assert [path.name for path in (sshd.root / "out").iterdir()] == ["book.xlsx"]


def test_two_servers_of_one_name_are_a_fault_of_the_configuration(sshd: Sshd, home: Path, config: Config) -> None:
    config = config.model_copy(update={"sftp": (sshd.settings(), sshd.settings())})
    with pytest.raises(HouseError, match="a name of its own"):
        build(home, config, home / "ledger")
