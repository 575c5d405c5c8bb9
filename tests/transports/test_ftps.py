"""FTPS against a real server on loopback. What holds for every transport is in test_contract."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.errors import HouseError
from gateway.home import Home
from gateway.settings import Config
from gateway.transports import build
from gateway.transports.ftps import FtpsServer
from gateway.transports.remote import Entry
from gateway.transports.transport import UnreachableError
from tests.conftest import taken
from tests.test_books import GOOD
from tests.transports.conftest import Clock
from tests.transports.ftpd import PASSWORD, Ftpd, make_certificate

Connect = Callable[..., FtpsServer]
MEGABYTE = 1 << 20


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def connect(home: Path, config: Config, spool: Path) -> Iterator[Connect]:
    """A transport for a server; `changes` to the settings that work."""
    made: list[FtpsServer] = []

    def make(ftpd: Ftpd, **changes: object) -> FtpsServer:
        made.append(FtpsServer(home, ftpd.settings(**changes), config, spool))
        return made[-1]

    yield make
    for server in made:
        server.close()


# --- who is there -------------------------------------------------------------------------------------


def test_a_certificate_of_another_authority_is_refused_before_anything_is_sent(
    ftpd: Ftpd, connect: Connect, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    _, other = make_certificate(tmp_path / "other")
    with pytest.raises(UnreachableError, match=r"its certificate is refused: .*set ca_file"):
        connect(ftpd, ca_file=str(other)).poll()
    with pytest.raises(UnreachableError, match="its certificate is refused"):
        connect(ftpd, ca_file="").poll()
    assert set(ftpd.commands) == {"AUTH"}


def test_a_certificate_for_another_host_is_refused(start_ftpd: Callable[..., Ftpd], connect: Connect) -> None:
    with pytest.raises(UnreachableError, match=r"certificate is refused: .*not valid for '127\.0\.0\.1'.*host must be"):
        connect(start_ftpd(host="10.0.0.1")).poll()


def test_a_server_without_tls_gets_no_password(start_ftpd: Callable[..., Ftpd], connect: Connect) -> None:
    ftpd = start_ftpd(tls=False)
    with pytest.raises(UnreachableError, match=r"it offers no TLS: .*explicit FTPS"):
        connect(ftpd).poll()
    assert not {"USER", "PASS"} & set(ftpd.commands)


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_ca_file_that_cannot_be_used(ftpd: Ftpd, connect: Connect, home: Path, content: bytes | None) -> None:
    if content is not None:
        (home / "authority.pem").write_bytes(content)
    with pytest.raises(UnreachableError, match=r"home/authority\.pem cannot be used: .*in PEM"):
        connect(ftpd, ca_file="authority.pem").poll()


@pytest.mark.parametrize("secret", ["", "wrong"])
def test_a_wrong_password_is_reported_and_never_shown(
    ftpd: Ftpd, connect: Connect, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    server = connect(ftpd)
    monkeypatch.setenv("FTPS_PASSWORD", secret)
    with pytest.raises(UnreachableError) as refused:
        server.poll()
    assert ("user acme was refused: 530" if secret else "there is no password") in str(refused.value)
    assert "FTPS_PASSWORD" in refused.value.hint
    assert "wrong" not in str(refused.value) and PASSWORD not in str(refused.value)


def test_nobody_answers(ftpd: Ftpd, connect: Connect) -> None:
    server = connect(ftpd)
    ftpd.stop()
    with pytest.raises(UnreachableError, match=r"connect to ftps:partner \(127\.0\.0\.1:\d+\): Connection refused"):
        server.poll()


# --- in -----------------------------------------------------------------------------------------------


def test_a_file_is_moved_to_remote_done_and_a_name_that_is_there_gets_a_suffix(ftpd: Ftpd, connect: Connect) -> None:
    server = connect(ftpd)
    for content in (b"1", b"2"):
        ftpd.put("orders.csv", content)
        (drop,) = server.poll()
        assert ftpd.names("in") == ["orders.csv"], "it stays until it is settled"
        server.settle(drop)
    assert ftpd.names("done") == ["orders.csv", "orders.csv.1"]
    assert [(ftpd.root / "done" / name).read_bytes() for name in ftpd.names("done")] == [b"1", b"2"]


def test_without_remote_done_a_file_is_removed(ftpd: Ftpd, connect: Connect) -> None:
    ftpd.put("orders.csv", b"1")
    server = connect(ftpd, remote_done="")
    server.settle(server.poll()[0])
    assert (ftpd.names("in"), ftpd.names("done")) == ([], [])


def test_folders_may_be_below_the_one_of_the_login(ftpd: Ftpd, connect: Connect) -> None:
    ftpd.put("orders.csv", b"1")
    server = connect(ftpd, remote_in="in", remote_done="done", remote_out="out")
    server.settle(server.poll()[0])
    server.deliver([ftpd.root / "done" / "orders.csv"])
    assert (ftpd.names("done"), ftpd.names("out")) == (["orders.csv"], ["orders.csv"])


def test_a_half_uploaded_file_waits_until_it_is_still(ftpd: Ftpd, connect: Connect, clock: Clock) -> None:
    path = ftpd.put("orders.csv", b"a,b\n")
    server = connect(ftpd, still_s=2.0)
    assert server.poll() == [] and server.soon
    clock.now += 3
    path.write_bytes(b"a,b\n1,2\n")
    assert server.poll() == [], "it grew"
    clock.now += 3
    (drop,) = server.poll()
    assert drop.path.read_bytes() == b"a,b\n1,2\n"


@pytest.mark.parametrize("facts", [True, False])
def test_a_file_that_may_not_be_moved_is_reported_and_stays(
    start_ftpd: Callable[..., Ftpd], connect: Connect, facts: bool
) -> None:
    ftpd = start_ftpd(permissions="elr", facts=facts)
    ftpd.put("orders.csv", b"1")
    server = connect(ftpd)
    (drop,) = server.poll()
    with pytest.raises(HouseError, match=r"settle ftps:partner:/in/orders\.csv: 550 Not enough privileges"):
        server.settle(drop)
    assert ftpd.names("in") == ["orders.csv"] and drop.path.exists()
    ftpd.allow("elradfmw")
    server.settle(drop)
    assert (ftpd.names("in"), ftpd.names("done")) == ([], ["orders.csv"])


def test_a_missing_remote_in_is_reported(ftpd: Ftpd, connect: Connect) -> None:
    with pytest.raises(HouseError, match=r"list ftps:partner:/nowhere: 5\d\d ") as missing:
        connect(ftpd, remote_in="/nowhere").poll()
    assert not isinstance(missing.value, UnreachableError)


def test_one_file_that_cannot_be_read_never_stops_the_others(
    ftpd: Ftpd, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        ftpd.put(name, b"x")
    read = FtpsServer._read

    def refuse(server: FtpsServer, path: str, entry: Entry, start: int) -> Iterator[bytes]:
        return read(server, path.replace("b.csv", "missing.csv"), entry, start)

    monkeypatch.setattr(FtpsServer, "_read", refuse)
    server = connect(ftpd)
    assert [d.name for d in server.poll()] == ["a.csv", "c.csv"]
    assert "b.csv: 550" in server.problems[0].message


def test_a_full_disk_here_is_reported_as_that_and_the_next_poll_works(
    ftpd: Ftpd, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    ftpd.put("orders.csv", os.urandom(4 * MEGABYTE))
    server = connect(ftpd)
    with monkeypatch.context() as full:

        def no_space(sink: object) -> None:
            raise OSError(28, "No space left on device")

        full.setattr("gateway.transports.remote.STEP_BYTES", MEGABYTE)
        full.setattr("gateway.transports.remote._sync", no_space)
        assert server.poll() == []
        assert "No space left on device" in server.problems[0].message
    assert [d.name for d in server.poll()] == ["orders.csv"]


# --- the server goes away -----------------------------------------------------------------------------


@pytest.mark.parametrize("restarted", [False, True])
def test_a_large_download_that_was_cut_is_continued(
    ftpd: Ftpd, connect: Connect, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    monkeypatch.setattr("gateway.transports.remote.STEP_BYTES", MEGABYTE)
    content = os.urandom(8 * MEGABYTE)
    ftpd.put("large.csv", content)
    read, began = FtpsServer._read, []

    def cut(server: FtpsServer, path: str, entry: Entry, start: int) -> Iterator[bytes]:
        began.append(start)
        came = 0
        for chunk in read(server, path, entry, start):
            yield chunk
            came += len(chunk)
            if came >= 5 * MEGABYTE and len(began) == 1:
                ftpd.cut()

    monkeypatch.setattr(FtpsServer, "_read", cut)
    server = connect(ftpd)
    with pytest.raises(UnreachableError):
        server.poll()
    (drop,) = (connect(ftpd) if restarted else server).poll()
    assert began[0] == 0 and 3 * MEGABYTE <= began[1] <= 7 * MEGABYTE
    assert drop.path.read_bytes() == content
    assert list(drop.path.parent.iterdir()) == [drop.path]


def test_a_connection_that_was_cut_between_polls_is_made_again(ftpd: Ftpd, connect: Connect) -> None:
    ftpd.put("orders.csv", b"a")
    server = connect(ftpd)
    (drop,) = server.poll()
    ftpd.cut()
    with pytest.raises(UnreachableError):
        server.settle(drop)
    server.settle(drop)
    assert ftpd.names("done") == ["orders.csv"]


def test_a_server_that_hangs_is_given_up(ftpd: Ftpd, connect: Connect) -> None:
    server = connect(ftpd, connect_timeout_s=0.3)
    assert server.poll() == []
    ftpd.hang()
    with pytest.raises(UnreachableError, match="no answer in time"):
        server.poll()


def test_closing_ends_what_another_thread_is_doing(ftpd: Ftpd, connect: Connect) -> None:
    server = connect(ftpd, connect_timeout_s=60)
    assert server.poll() == []
    ftpd.hang()
    ended = threading.Event()

    def poll() -> None:
        with pytest.raises(UnreachableError):
            server.poll()
        ended.set()

    threading.Thread(target=poll, daemon=True).start()
    assert not ended.wait(0.2)
    server.close()
    assert ended.wait(10)


# --- with the ledger ----------------------------------------------------------------------------------


def test_after_a_crash_between_commit_and_settling_nothing_happens_twice(
    ftpd: Ftpd, connect: Connect, gateway: Home
) -> None:
    ftpd.put("settlement-1.txt", GOOD.encode())
    (receipt,) = taken(gateway, connect(ftpd).poll())
    assert receipt.committed and [file.state for file in receipt.files] == ["ACCEPTED"]
    before = gateway.lake.con.execute("select count(*) from audit_log").fetchone()
    after = connect(ftpd)
    (again,) = taken(gateway, after.poll())
    assert again.committed
    assert gateway.lake.con.execute("select count(*) from audit_log").fetchone() == before
    after.settle(again.drop)
    assert (ftpd.names("in"), ftpd.names("done")) == ([], ["settlement-1.txt"])


# --- out ----------------------------------------------------------------------------------------------


def test_a_delivery_that_was_cut_off_is_whole_after_the_next_attempt(
    ftpd: Ftpd, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, book = connect(ftpd), ftpd.root / "book.xlsx"
    book.write_bytes(b"x" * 1_000_000)
    write = FtpsServer._write

    def cut(server: FtpsServer, file: Path, path: str) -> None:
        write(server, file, path)
        ftpd.cut()

    monkeypatch.setattr(FtpsServer, "_write", cut)
    with pytest.raises(UnreachableError):
        server.deliver([book])
    assert not (ftpd.root / "out" / "book.xlsx").exists()
    monkeypatch.undo()
    server.deliver([book])
    assert ftpd.names("out") == ["book.xlsx"]


def test_a_server_that_does_not_rename_over_a_file(
    ftpd: Ftpd, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = ftpd.filesystem.rename

    def careful(filesystem: object, source: str, target: str) -> None:
        if Path(target).exists():
            raise FileExistsError(17, "File exists")
        rename(filesystem, source, target)

    monkeypatch.setattr(ftpd.filesystem, "rename", careful)
    server, book = connect(ftpd), ftpd.root / "book.xlsx"
    for content in (b"first", b"second"):
        book.write_bytes(content)
        server.deliver([book])
        assert (ftpd.root / "out" / "book.xlsx").read_bytes() == content
    assert ftpd.names("out") == ["book.xlsx"]


def test_two_servers_of_one_name_are_a_fault_of_the_configuration(ftpd: Ftpd, home: Path, config: Config) -> None:
    config = config.model_copy(update={"ftps": (ftpd.settings(), ftpd.settings())})
    with pytest.raises(HouseError, match="a name of its own"):
        build(home, config, home / "ledger")


def test_done_must_not_be_where_files_come_from(ftpd: Ftpd, connect: Connect) -> None:
    with pytest.raises(HouseError, match="again and again"):
        connect(ftpd, remote_done="/in/")
