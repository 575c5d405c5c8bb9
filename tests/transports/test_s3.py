"""Buckets against a real server on loopback. What holds for every transport is in test_contract."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from gateway.errors import HouseError
from gateway.home import Home
from gateway.settings import Config
from gateway.transports import build
from gateway.transports.lane import Lane
from gateway.transports.remote import Entry
from gateway.transports.s3 import S3Bucket
from gateway.transports.transport import UnreachableError
from tests.conftest import taken
from tests.test_books import GOOD
from tests.transports.bucket import Bucket, strict

Connect = Callable[..., S3Bucket]
MEGABYTE = 1 << 20


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def connect(home: Path, config: Config, bucket: Bucket, spool: Path) -> Iterator[Connect]:
    """A transport for the bucket; `changes` to the settings that work."""
    made: list[S3Bucket] = []

    def make(**changes: object) -> S3Bucket:
        made.append(S3Bucket(home, bucket.settings(**changes), config, spool))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def allow(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """From now on keys are checked. `allow(actions)` makes a user that may do these alone, and its key is used."""
    iam = boto3.session.Session().client(
        "iam", endpoint_url=bucket.endpoint, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="a"
    )
    user = bucket.name

    def set_policy(*actions: str) -> None:
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}}
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(document))

    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    monkeypatch.setenv("BUCKET_KEY", key["AccessKeyId"])
    monkeypatch.setenv("BUCKET_SECRET", key["SecretAccessKey"])
    yield set_policy
    iam.close()


# --- who is there -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("BUCKET_SECRET", "wrong", r"SignatureDoesNotMatch: .*Check the secret in BUCKET_SECRET"),
        ("BUCKET_KEY", "AKIAUNKNOWN", r"InvalidAccessKeyId: .*Check the access key in BUCKET_KEY"),
        (
            "BUCKET_SECRET",
            "",
            r"no access key or no secret\. Fix: Set the environment variables BUCKET_KEY and BUCKET_SECRET",
        ),
    ],
)
def test_a_wrong_secret_is_reported_with_its_fix_and_never_shown(
    connect: Connect,
    bucket: Bucket,
    allow: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    message: str,
) -> None:
    allow("s3:*")
    monkeypatch.setenv(variable, value)
    with strict(monkeypatch), pytest.raises(UnreachableError, match=message) as refused:
        connect().poll()
    assert os.environ["BUCKET_SECRET"] == "" or os.environ["BUCKET_SECRET"] not in str(refused.value)


def test_a_missing_bucket_is_reported(connect: Connect) -> None:
    with pytest.raises(HouseError, match=r"list s3:partner:in/: NoSuchBucket"):
        connect(bucket="nowhere-at-all").poll()


def test_nobody_answers(connect: Connect) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(UnreachableError, match=r"list s3:partner \(bucket partner-\w+ at http.*Check endpoint"):
        connect(endpoint=f"http://127.0.0.1:{port}").poll()


def test_a_server_that_hangs_is_given_up(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = connect(endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}", connect_timeout_s=0.2)
        with pytest.raises(UnreachableError, match="timeout"):
            server.poll()


# --- in -----------------------------------------------------------------------------------------------


def test_an_object_is_moved_below_prefix_done_and_a_name_that_is_there_gets_a_suffix(
    bucket: Bucket, connect: Connect, spool: Path
) -> None:
    server = connect()
    for content in (b"1", b"2"):
        bucket.put("orders.csv", content)
        (drop,) = server.poll()
        assert bucket.names("in") == ["orders.csv"], "it stays until it is settled"
        server.settle(drop)
    assert (bucket.names("in"), bucket.names("done")) == ([], ["orders.csv", "orders.csv.1"])
    assert [path.read_bytes() for path in bucket.folder("done").iterdir()] == [b"1", b"2"]
    assert [path for path in spool.rglob("*") if path.is_file()] == []


def test_without_prefix_done_an_object_is_deleted_and_nothing_else_is_made(bucket: Bucket, connect: Connect) -> None:
    bucket.put("orders.csv", b"1")
    server = connect(prefix_done="")
    server.settle(server.poll()[0])
    assert "Contents" not in bucket.client.list_objects_v2(Bucket=bucket.name)


def test_what_lies_deeper_is_not_taken(bucket: Bucket, connect: Connect) -> None:
    bucket.put("", b"")
    bucket.put("deeper/orders.csv", b"1")
    bucket.put("orders.csv", b"1")
    server = connect(prefix_in="in", prefix_done="in/done")
    (drop,) = server.poll()
    assert drop.name == "orders.csv"
    server.settle(drop)
    assert server.poll() == []


def test_the_top_of_a_bucket_is_a_place_too(bucket: Bucket, connect: Connect) -> None:
    bucket.client.put_object(Bucket=bucket.name, Key="orders.csv", Body=b"1")
    server = connect(prefix_in="", prefix_done="")
    (drop,) = server.poll()
    server.settle(drop)
    assert (drop.name, server.poll()) == ("orders.csv", [])


def test_more_objects_than_one_page_lists(bucket: Bucket, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        bucket.put(f"{number}.csv", b"1")
    server = connect()
    with server._asked() as client:
        monkeypatch.setattr(client, "list_objects_v2", _two_at_a_time(client.list_objects_v2))
        assert [drop.name for drop in server.poll()] == [f"{number}.csv" for number in range(5)]


def _two_at_a_time(listing: Callable[..., object]) -> Callable[..., object]:
    return lambda **asked: listing(**{**asked, "MaxKeys": 2})


def test_an_object_that_was_replaced_by_one_of_the_same_size_at_once_is_left(bucket: Bucket, connect: Connect) -> None:
    path = bucket.put("orders.csv", b"old")
    server = connect()
    (drop,) = server.poll()
    path.write_bytes(b"new")
    server.settle(drop)
    assert path.read_bytes() == b"new"
    (again,) = server.poll()
    assert (again.path.read_bytes(), drop.token != again.token) == (b"new", True)


def test_an_object_that_is_replaced_while_it_is_settled_is_not_moved(
    bucket: Bucket, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bucket.put("orders.csv", b"old")
    server = connect()
    (drop,) = server.poll()
    move = S3Bucket._move

    def late(server: S3Bucket, source: str, target: str, tag: str = "") -> None:
        path.write_bytes(b"new")
        move(server, source, target, tag)

    monkeypatch.setattr(S3Bucket, "_move", late)
    with pytest.raises(HouseError, match=r"settle s3:partner:in/orders\.csv: (412|PreconditionFailed)"):
        server.settle(drop)
    assert path.read_bytes() == b"new"
    monkeypatch.undo()
    server.settle(drop)
    assert path.read_bytes() == b"new"


def test_an_object_that_changes_before_it_is_downloaded_is_taken_the_next_time(
    bucket: Bucket, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bucket.put("orders.csv", b"once")
    read = S3Bucket._read

    def changing(server: S3Bucket, remote: str, entry: Entry, start: int) -> Iterator[bytes]:
        path.write_bytes(b"more than before")
        return read(server, remote, entry, start)

    monkeypatch.setattr(S3Bucket, "_read", changing)
    server = connect()
    assert server.poll() == []
    assert "PreconditionFailed" in server.problems[0].message
    monkeypatch.undo()
    (drop,) = server.poll()
    assert drop.path.read_bytes() == b"more than before"


def test_what_may_not_be_moved_is_reported_once_and_tried_again(
    bucket: Bucket, connect: Connect, allow: Callable[..., None], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("orders.csv", b"1")
    allow("s3:ListBucket", "s3:GetObject")
    (lane,) = build(home, _only(connect, bucket), home / "ledger")[1:]
    lane._found = lambda lane, drops: [lane.done(drop, committed=True) for drop in drops] and None
    with strict(monkeypatch):
        polls = [_reported(lane) for _ in range(3)]
        assert "settle s3:partner:in/orders.csv: AccessDenied" in "".join(polls[1])
        assert polls[2] == polls[1]
    assert bucket.names("in") == ["orders.csv"]
    allow("s3:*")
    with strict(monkeypatch):
        assert _reported(lane) == set()
    assert (bucket.names("in"), bucket.names("done")) == ([], ["orders.csv"])


def _only(connect: Connect, bucket: Bucket) -> Config:
    return connect().config.model_copy(update={"s3": (bucket.settings(),)})


def _reported(lane: Lane) -> set[str]:
    lane.visit()
    return set(lane._reported)


# --- the server goes away -----------------------------------------------------------------------------


class Cutting:
    """A way to the server that cuts the first connection on which so many bytes came back."""

    def __init__(self, endpoint: str, bytes_max: int) -> None:
        host, port = endpoint.removeprefix("http://").split(":")
        self.server, self.bytes_max, self.cuts = (host, int(port)), bytes_max, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.server)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink, source is far), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        came = 0
        with source, sink:
            with contextlib.suppress(OSError):
                while data := source.recv(65_536):
                    came += len(data)
                    if back and came > self.bytes_max and not self.cuts:
                        self.cuts += 1
                        break
                    sink.sendall(data)
            for side in (source, sink):
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.close()


def test_a_large_download_that_was_cut_is_continued(
    bucket: Bucket, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.transports.remote.STEP_BYTES", MEGABYTE)
    content = os.urandom(8 * MEGABYTE)
    bucket.put("large.csv", content)
    way = Cutting(bucket.endpoint, 5 * MEGABYTE)
    read, began = S3Bucket._read, []

    def watched(server: S3Bucket, path: str, entry: Entry, start: int) -> Iterator[bytes]:
        began.append(start)
        return read(server, path, entry, start)

    monkeypatch.setattr(S3Bucket, "_read", watched)
    server = connect(endpoint=way.endpoint)
    with pytest.raises(UnreachableError):
        server.poll()
    (drop,) = server.poll()
    assert way.cuts == 1 and began[0] == 0 and began[1] >= 2 * MEGABYTE
    assert drop.path.read_bytes() == content
    way.close()


# --- with the ledger ----------------------------------------------------------------------------------


def test_after_a_crash_between_commit_and_settling_nothing_happens_twice(
    bucket: Bucket, connect: Connect, gateway: Home
) -> None:
    bucket.put("settlement-1.txt", GOOD.encode())
    (receipt,) = taken(gateway, connect().poll())
    assert receipt.committed and [file.state for file in receipt.files] == ["ACCEPTED"]
    before = gateway.lake.con.execute("select count(*) from audit_log").fetchone()
    after = connect()
    (again,) = taken(gateway, after.poll())
    assert again.committed
    assert gateway.lake.con.execute("select count(*) from audit_log").fetchone() == before
    after.settle(again.drop)
    assert (bucket.names("in"), bucket.names("done")) == ([], ["settlement-1.txt"])


# --- out ----------------------------------------------------------------------------------------------


def test_a_delivery_that_is_cut_off_leaves_no_object(bucket: Bucket, connect: Connect, tmp_path: Path) -> None:
    book = tmp_path / "book.xlsx"
    book.write_bytes(os.urandom(2 * MEGABYTE))

    class Breaking:
        def __init__(self, path: Path) -> None:
            self.source = path.open("rb")

        def __enter__(self) -> Breaking:
            return self

        def __exit__(self, *_: object) -> None:
            self.source.close()

        def close(self) -> None:
            self.source.close()

        def seek(self, *where: int) -> int:
            return self.source.seek(*where)

        def tell(self) -> int:
            return self.source.tell()

        def read(self, size: int = -1) -> bytes:
            if self.source.tell() >= MEGABYTE:
                raise OSError(5, "Input/output error")
            return self.source.read(min(size, MEGABYTE) if size > 0 else MEGABYTE)

    class Broken(type(book)):  # type: ignore[misc]
        def open(self, *_: object) -> Breaking:  # type: ignore[override]
            return Breaking(book)

    server = connect()
    with pytest.raises(HouseError, match=r"deliver s3:partner:out/book\.xlsx"):
        server.deliver([Broken(book)])
    assert bucket.names("out") == []
    server.deliver([book])
    assert (bucket.folder("out") / "book.xlsx").read_bytes() == book.read_bytes()


def test_a_large_delivery_goes_in_parts(
    bucket: Bucket, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.transports.s3._IN_PARTS.multipart_threshold", MEGABYTE)
    monkeypatch.setattr("gateway.transports.s3._IN_PARTS.multipart_chunksize", 5 * MEGABYTE)
    book = tmp_path / "book.xlsx"
    book.write_bytes(os.urandom(12 * MEGABYTE))
    server = connect()
    server.deliver([book])
    found = bucket.client.head_object(Bucket=bucket.name, Key="out/book.xlsx")
    assert found["ETag"].endswith('-3"')
    assert (bucket.folder("out") / "book.xlsx").read_bytes() == book.read_bytes()
    assert bucket.names("in") == []
