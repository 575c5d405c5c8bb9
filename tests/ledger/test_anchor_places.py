"""Anchors in a bucket, and anchors signed with a key in a file: what was done to the ledger is found by them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway import settings as configuration
from gateway.errors import HouseError
from gateway.ledger.anchor_keys import keys_of
from tests.ledger.conftest import catalog
from tests.ledger.places import Places
from tests.ledger.test_anchors import _plain, commit, found, hash_again, intact, lines, plain, rolled_back
from tests.transports.bucket import Bucket

__all__ = ["_plain", "plain"]


@pytest.fixture
def bucket(plain: Path, places: Places, endpoint: str) -> Bucket:
    """A bucket that is the only anchor of the home from here on."""
    made = Bucket(endpoint)
    with (plain / "config.toml").open("a") as settings:
        settings.write(
            f'[ledger.s3]\nendpoint = "{endpoint}"\naccess_key_env = "LEDGER_KEY"\nsecret_key_env = "LEDGER_SECRET"\n'
            f'[audit]\nanchor = ["s3://{made.name}/anchors"]\n'
        )
    return made


def cut_off(home: Path) -> None:
    """The newest commit taken out of the catalog, with its snapshot and what the catalog counts."""
    with catalog(home) as raw:
        [last] = raw.execute("select max(snapshot_id) from ducklake_snapshot").fetchone()
        inlined = (
            "select t.table_name, i.table_name, table_id from ducklake_inlined_data_tables i join ducklake_table t"
        )
        for name, rows, table in raw.execute(f"{inlined} using (table_id)").fetchall():
            gone = raw.execute(f"delete from {rows} where begin_snapshot = ?", [last]).rowcount
            assert gone or name not in ("audit_log", "journal_line")
            raw.execute(
                "update ducklake_table_stats set record_count = record_count - ?, next_row_id = next_row_id - ? "
                "where table_id = ?",
                [gone, gone, table],
            )
        for table in ("ducklake_snapshot", "ducklake_snapshot_changes"):
            raw.execute(f"delete from {table} where snapshot_id = ?", [last])


def test_commits_that_were_cut_off_are_found_by_a_bucket(plain: Path, bucket: Bucket) -> None:
    commit(plain, 4)
    assert found(plain) == ([], [])
    cut_off(plain)
    assert intact(plain), "the ledger by itself is as it was"
    [message], _ = found(plain)
    assert "audit rows up to 4 were anchored, the ledger ends with 3" in message and "Fix: " in message


def test_a_ledger_that_was_rolled_back_and_goes_on_is_found_by_a_bucket(
    plain: Path, bucket: Bucket, tmp_path: Path
) -> None:
    shutil.copytree(plain / "ledger", tmp_path / "kept")
    commit(plain, 4)
    rolled_back(plain, tmp_path / "kept")
    assert "audit rows up to 4 were anchored, the ledger ends with 3" in found(plain)[0][0]
    commit(plain, 14, 15)
    [message], _ = found(plain)
    assert "audit row 4 was anchored with another hash" in message


def test_an_object_that_somebody_wrote_is_found(plain: Path, bucket: Bucket) -> None:
    commit(plain, 4)
    listed = bucket.client.list_objects_v2(Bucket=bucket.name)["Contents"]
    [key] = [one["Key"] for one in listed]
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=b'{"seq": 4, "hash": "' + b"0" * 64 + b'"}')
    assert f"object {key.rpartition('/')[2]}: the signature is not" in found(plain)[0][0]


# --- a key in a file ------------------------------------------------------------------------------------


def pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def private(plain: Path) -> Path:
    """The file with the private key of the home, whose public key lies beside it."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (plain / "auditor.pem").write_bytes(public)
    path = plain / "private.pem"
    path.write_bytes(pem(key))
    path.chmod(0o600)
    with (plain / "config.toml").open("a") as settings:
        settings.write('[audit]\nsign_key_file = "private.pem"\nverify_key_file = "auditor.pem"\n')
    return path


def test_a_chain_that_was_hashed_again_is_found_with_the_key_of_a_file(plain: Path, private: Path) -> None:
    commit(plain, 4)
    assert lines(plain)[-1]["signature"]
    private.unlink()
    assert found(plain) == ([], []), "who verifies needs the public key alone"
    hash_again(plain)
    [message], _ = found(plain)
    assert "audit row 2 was anchored with another hash, and 2 more" in message


def of_another_pair(path: Path) -> None:
    path.write_bytes(pem(Ed25519PrivateKey.generate()))


def of_another_kind(path: Path) -> None:
    path.write_bytes(pem(generate_private_key(65_537, 1_024)))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (Path.unlink, "No such file or directory. Fix: Put the key there, readable by the gateway"),
        (a_folder, "Fix: Put the key there, readable by the gateway"),
        (lambda path: path.chmod(0o644), "everybody on this machine may read or write it. Fix: Run `chmod 640"),
        (lambda path: path.write_bytes(b"no key"), "it holds no such key. Fix: Put a private key"),
        (of_another_kind, "it holds no such key. Fix: Put a private key of Ed25519"),
        (of_another_pair, "it is of another private key. Fix: Write the public key of the private one"),
    ],
    ids=["absent", "a folder", "open to all", "no key", "of another kind", "of another pair"],
)
def test_a_key_file_that_cannot_be_used_stops_the_writer_in_one_sentence(
    plain: Path, private: Path, damage: Callable[[Path], object], said: str
) -> None:
    damage(private)
    with pytest.raises(HouseError) as refused:
        commit(plain, 4)
    assert str(refused.value).startswith("sign anchors") and said in str(refused.value)
    assert len(lines(plain)) == 3, "nothing was committed"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_key_file_that_may_not_be_read_is_one_sentence(plain: Path, private: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as open_to_all:
        Path(open_to_all).chmod(0o755)
        keys = [shutil.copy2(path, open_to_all) for path in (private, plain / "auditor.pem")]
        audit = {"sign_key_file": str(keys[0]), "verify_key_file": str(keys[1])}
        config = configuration.parse({"entities": {"US": {"currency": "USD"}}, "audit": audit})
        os.seteuid(65_534)
        try:
            with pytest.raises(HouseError, match=r"^sign anchors with .*/private.pem: Permission denied. Fix: "):
                keys_of(plain, config, writing=True)
        finally:
            os.seteuid(0)
