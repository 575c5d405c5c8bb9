"""The ledger's bytes in a bucket: kept whole, read back, and every fault one sentence with its fix."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import HouseError
from gateway.ledger import archive, bucket_bytes, maintenance, sealing, verify
from gateway.ledger.bucket_bytes import BucketBytes
from gateway.ledger.lake import Lake, open_lake
from gateway.settings import Config, LedgerS3
from tests.ledger.conftest import content, post
from tests.ledger.places import Places
from tests.transports.bucket import Bucket, strict


@pytest.fixture
def config(places: Places) -> Config:
    """A SQLite catalog, data and archive in a bucket."""
    return places.config("sqlite", "bucket")


@pytest.fixture
def ledger(config: Config, tmp_path: Path) -> Iterator[Lake]:
    with open_lake(tmp_path, config) as opened:
        yield opened


@pytest.fixture
def kept(places: Places, endpoint: str, tmp_path: Path) -> Iterator[BucketBytes]:
    """A place in an empty bucket."""
    settings = LedgerS3(endpoint=endpoint, access_key_env="LEDGER_KEY", secret_key_env="LEDGER_SECRET")
    place = BucketBytes(f"s3://{Bucket(endpoint).name}/deep/er", settings, tmp_path, tmp_path / "staging")
    place.make()
    place.scratch.mkdir()
    yield place
    place.close()


def staged(place: BucketBytes, name: str, content: bytes) -> Path:
    path = place.scratch / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [0, 1, 1_000, 10_000])
def test_what_was_kept_comes_back(
    kept: BucketBytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(bucket_bytes, "PART_BYTES", 6_000)
    # Parts of less than 5 MB are refused by real servers; the tests' server takes them when it is set to.
    monkeypatch.setattr("moto.s3.models.S3_UPLOAD_PART_MIN_SIZE", 1)
    written = os.urandom(size)
    kept.keep({staged(kept, "a.tmp", written): "aa/b.zst", staged(kept, "c.tmp", b"c"): "cc/d.zst"})
    assert sorted(kept.files()) == [("aa/b.zst", size), ("cc/d.zst", 1)]
    assert kept.size("aa/b.zst") == size
    with kept.open("aa/b.zst") as source:
        assert source.read() == written
    kept.fetch("aa/b.zst", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == written


def test_what_is_there_is_not_written_again(kept: BucketBytes) -> None:
    kept.keep({staged(kept, "a.tmp", b"first"): "a"})
    kept.keep({staged(kept, "b.tmp", b"other"): "a"})
    with kept.open("a") as source:
        assert source.read() == b"first"


def test_what_is_not_there_is_no_file(kept: BucketBytes) -> None:
    with pytest.raises(FileNotFoundError):
        kept.size("nothing")
    with pytest.raises(FileNotFoundError), kept.open("nothing"):
        pytest.fail("it is there")
    with pytest.raises(HouseError, match="not in the archive"):
        list(archive.unpack(kept, "ab" * 32))


def test_the_archive_keeps_bytes_once_and_leaves_no_temporary_file(kept: BucketBytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"the same" * 1_000)
    first, second = (archive.store(kept, tmp_path / "a.csv") for _ in range(2))
    assert first == second and [name for name, _ in kept.files()] == [archive.name_of(first.sha256)]
    assert archive.restore(kept, first.sha256, tmp_path / "back").read_bytes() == b"the same" * 1_000
    assert list(kept.scratch.iterdir()) == []


def test_an_upload_that_fails_is_an_error_of_a_disk_and_leaves_nothing(
    kept: BucketBytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_bytes(b"a")
    with monkeypatch.context() as patch:
        patch.setattr(kept, "bucket", "nowhere-at-all")
        with pytest.raises(OSError, match=r"the bucket answers NoSuchBucket|No such object"):
            archive.store(kept, tmp_path / "a.csv")
    assert list(kept.scratch.iterdir()) == []
    assert list(kept.files()) == []


def test_damage_in_a_bucket_is_found(ledger: Lake, config: Config, endpoint: str) -> None:
    post(ledger, 1, 700)
    maintenance.maintain(ledger)
    assert verify.verify(ledger) == []
    data = ledger.store.data
    assert isinstance(data, BucketBytes)
    client = data._connected()
    name, size = next((name, size) for name, size in data.files() if "journal_line" in name)
    place = {"Bucket": data.bucket, "Key": data.prefix + name}
    with data.open(name) as source:
        written = bytearray(source.read())
    written[len(written) // 2] ^= 1
    client.put_object(**place, Body=bytes(written))
    assert "has other bytes than when it was sealed" in {finding.message for finding in verify.verify(ledger)}
    post(ledger, 1_001, 1_001)
    with pytest.raises(HouseError, match="other bytes than when it was sealed"):
        maintenance.maintain(ledger)
    client.put_object(**place, Body=bytes(written[:-1]))
    assert f"has {size - 1} bytes, was written with {size}" in {finding.message for finding in verify.verify(ledger)}


def test_what_nobody_refers_to_is_removed_from_a_bucket(ledger: Lake, config: Config, tmp_path: Path) -> None:
    post(ledger, 1, 700)
    post(ledger, 1_001, 1_700)
    before = content(tmp_path, config)["journal_line"]
    data = ledger.store.data
    data.scratch.mkdir(exist_ok=True)
    (data.scratch / "left.tmp").write_bytes(b"of a commit that was killed")
    data.keep({data.scratch / "left.tmp": "main/journal_line/left.parquet"})
    done = maintenance.maintain(ledger, maintenance.timedelta(seconds=-60))
    assert done.merged and done.removed
    assert not any("left" in name for name, _ in data.files())
    assert content(tmp_path, config)["journal_line"] == before
    assert verify.verify(ledger) == []


# --- doors that stay shut ------------------------------------------------------------------------------


def test_sql_reaches_nothing_but_the_ledgers_own_place(ledger: Lake, endpoint: str, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    data = ledger.store.data
    assert isinstance(data, BucketBytes)
    data._connected().put_object(Bucket=data.bucket, Key="other/a.csv", Body=b"a\n1\n")
    ledger.con.execute(f"copy (select 1 as x) to '{data.uri}mine.parquet'")
    assert ledger.con.execute(f"select * from '{data.uri}mine.parquet'").fetchall() == [(1,)]
    for refused in (
        f"select * from read_csv('s3://{data.bucket}/other/a.csv')",
        f"select * from glob('s3://{data.bucket}/**')",
        f"select * from read_csv('{endpoint}/{data.bucket}/other/a.csv')",
        f"select * from read_csv('{tmp_path}/secret.csv')",
        f"copy (select 1) to 's3://{data.bucket}/other/b.csv'",
        f"copy (select 1) to '{tmp_path}/b.csv'",
        "attach 'host=127.0.0.1' as other (type postgres)",
        "set enable_external_access = true",
        "set s3_endpoint = 'elsewhere.example'",
        "set allowed_directories = []",
    ):
        with pytest.raises(Exception, match=r"disabled|Cannot|cannot|locked|not found|Catalog Error"):
            ledger.con.execute(refused).fetchall()
    assert not (tmp_path / "b.csv").exists()


def test_secrets_are_in_no_file_and_no_answer(ledger: Lake, tmp_path: Path) -> None:
    post(ledger, 1, 700)
    secret = os.environ["LEDGER_SECRET"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    for question in ("from duckdb_secrets()", "from duckdb_databases()", "from duckdb_settings()"):
        assert secret not in str(ledger.con.execute(question).fetchall())


# --- faults that an operator fixes ---------------------------------------------------------------------


def refused(home: Path, config: Config) -> str:
    with pytest.raises(HouseError) as raised:
        open_lake(home, config)
    said = str(raised.value)
    assert len(said.splitlines()) == 1 and os.environ.get("LEDGER_SECRET", "a bucket's secret") not in said
    return said


def changed(config: Config, **keys: object) -> Config:
    return config.model_copy(update={"ledger": config.ledger.model_copy(update=keys)})


def test_an_absent_bucket_is_one_sentence(config: Config, tmp_path: Path) -> None:
    said = refused(tmp_path, changed(config, data="s3://nowhere-at-all/books/data"))
    assert said == (
        "open ledger s3://nowhere-at-all/books/data/: there is no such bucket. "
        "Fix: Create the bucket, or correct its name in config.toml."
    )


def test_an_absent_bucket_of_the_archive_is_found_before_a_file_is_taken(config: Config, tmp_path: Path) -> None:
    assert "no such bucket" in refused(tmp_path, changed(config, archive="s3://nowhere-at-all/books/files"))


def test_a_server_that_does_not_answer_is_one_sentence(config: Config, tmp_path: Path) -> None:
    s3 = config.ledger.s3.model_copy(update={"endpoint": "http://127.0.0.1:1"})
    assert "Check that the server runs" in refused(tmp_path, changed(config, s3=s3))


def test_a_key_that_is_refused_is_one_sentence(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with strict(monkeypatch):
        assert "LEDGER_KEY" in refused(tmp_path, config)


@pytest.mark.parametrize("variable", ["LEDGER_KEY", "LEDGER_SECRET"])
def test_a_key_that_is_not_set_is_one_sentence(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv(variable)
    assert "Set the environment variables LEDGER_KEY and LEDGER_SECRET" in refused(tmp_path, config)


def test_an_absent_extra_is_named(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "duckdb_extension_httpfs" else find(name)
    )
    said = refused(tmp_path, config)
    assert "duckdb-extension-httpfs is not installed" in said and 'pip install "commerce-gateway[shared]"' in said


def test_the_hash_of_an_object_is_that_of_its_bytes(kept: BucketBytes) -> None:
    kept.keep({staged(kept, "a.tmp", b"x" * 3_000_000): "a"})
    assert sealing.sha256(kept, "a") == hashlib.sha256(b"x" * 3_000_000).hexdigest()
