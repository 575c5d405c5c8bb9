"""Files that come in gzip, zip and OpenPGP containers: what is in them is taken, what cannot be opened is reported."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pysequoia
import pytest

from gateway.errors import FileError
from gateway.formats import containers
from gateway.home import Home, open_home
from gateway.intake.again import again
from gateway.intake.result import FileResult
from gateway.ledger import archive, verify
from gateway.once import run_once
from gateway.settings import Limits
from gateway.transports.folder import Folder
from tests.conftest import NOW, taken
from tests.test_books import GOOD, ITEMS, Drop, one, rows, take

ORDERS = "not,a,settlement\n1,2,3\n"


GUARDED = """\
-----BEGIN PGP PRIVATE KEY BLOCK-----

lIYEaws9CRYJKwYBBAHaRw8BAQdAYgzbDtZkOQInGMHLP9R7+zlrmHesViWPOdHR
W3E0gcz+BwMCtfcGVZZujTT/Mf2gNA8RHBTkKsuZZmbNm1/xp/68IqKLQKiOQlDG
8+8tws0WqKCUPufmsGGuScZuDdi53TYzpWKLTj/EiS7t7edH+VluK7QYb3VycyA8
b3Vyc0BleGFtcGxlLnRlc3Q+iJAEExYIADgWIQTX2P6hc+t70dKYY1NrRUp+Iekj
ogUCaws9CQIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRBrRUp+IekjorEy
AP9EDaJfSRXc5HdFvi6U3FnGqNkxTF+UZf6T3zj3osZDdwEA1x/bttiagR5S0rgX
TnKoHS4eFepPLnHKdRZE0mblggGciwRrCz0JEgorBgEEAZdVAQUBAQdA/DygMjp2
DKCbPDGSud0sfoVaQomiFW6CO4nPQ7J0ynwDAQgH/gcDAj7FzExzVePx/7bS+35u
SxSOthhNFqzHq4v2A7gE7aOG+pxx3IiZ59kVfx5wUiFoJKRwrYbqL+D1PrCVhSi1
WVwv5vXo+Y2W5dROjnSUboWIeAQYFggAIBYhBNfY/qFz63vR0phjU2tFSn4h6SOi
BQJrCz0JAhsMAAoJEGtFSn4h6SOiFswA/0OgPEwLJRrFflX2CuY25HoCIljRzR21
joC09JgWuVscAP99UkUbNfBp+AZFaP5pksfpXsxPvoWA39+gcYIwjvJTDA==
=lqVB
-----END PGP PRIVATE KEY BLOCK-----
"""
"""A key made for these tests, with the passphrase "correct horse"; the library makes none with a passphrase."""


def zipped(**files: str | bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as container:
        for name, content in files.items():
            container.writestr(name.replace("__", "/").replace("_txt", ".txt").replace("_gz", ".gz"), content)
    return made.getvalue()


def opened(
    path: Path, into: Path, limits: Limits | None = None, keys: containers.Keys | None = None
) -> dict[str, bytes]:
    into.mkdir()
    found = containers.unpack(path, path.name, into, limits or Limits(), keys or containers.Keys())
    return {inner.name: inner.path.read_bytes() for inner in found}


# --- opening ------------------------------------------------------------------------------------------


def test_containers_within_containers_come_out_under_their_own_names(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(zipped(a_txt="A", sub__b_txt_gz=gzip.compress(b"B"), sub__="", inner="x") + b"")
    assert containers.kind(path) == "zip"
    assert opened(path, tmp_path / "out") == {"a.txt": b"A", "b.txt": b"B", "inner": b"x"}
    deep = tmp_path / "deep.gz"
    deep.write_bytes(gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"A")))))
    with pytest.raises(FileError, match="more than 3 deep"):
        opened(deep, tmp_path / "deeper")


def test_workbooks_and_interchanges_are_no_containers(tmp_path: Path) -> None:
    for name, content in {
        "book.xlsx": zipped(**{"[Content_Types].xml": "<Types/>"}),
        "book.ods": zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"),
        "a.edi": b"ISA*00*",
        "ebcdic.edi": "ISA*00*          *00*".encode("cp037"),
        "latin.csv": "Ärger;Öl;Übung;Straße\n".encode("cp1252"),
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        assert containers.kind(tmp_path / name) == "", name


@pytest.mark.parametrize(
    ("content", "limits", "said"),
    [
        (gzip.compress(b"0" * 5_000_000, mtime=0), Limits(unpacked_bytes_max=1_000_000), "more bytes come out of it"),
        (zipped(a="x" * 600_000, b="x" * 600_000), Limits(unpacked_bytes_max=1_000_000), "more bytes come out of it"),
        (zipped(a="1", b="2", c="3"), Limits(unpacked_files_max=2), "more files come out of it"),
        (gzip.compress(b"whole " * 100, mtime=0)[:-12], Limits(), "gzip data is damaged"),
        (gzip.compress(b"whole " * 100, mtime=0)[:10] + b"\xff" * 40, Limits(), "gzip data is damaged"),
        (zipped(a="text " * 1000).replace(b"\x00\x00a", b"\x00\x00b", 1), Limits(), "zip is damaged"),
    ],
    ids=["gzip grows", "zip grows", "files", "cut off", "garbage", "names differ"],
)
def test_a_container_that_is_damaged_or_too_large_is_refused(
    tmp_path: Path, content: bytes, limits: Limits, said: str
) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(FileError, match=said):
        opened(path, tmp_path / "out", limits)


# --- OpenPGP ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "partner", "stranger"):
        key = pysequoia.Tsk.generate(f"{name} <{name}@example.test>")
        (folder / f"{name}.key").write_bytes(bytes(key))
        (folder / f"{name}.cert").write_bytes(bytes(key.extract_certificate()))
    (folder / "guarded.key").write_text(GUARDED)
    (folder / "guarded.cert").write_bytes(bytes(pysequoia.Tsk.from_bytes(GUARDED.encode()).extract_certificate()))
    return folder


def encrypted(keys: Path, content: bytes, *, signer: str = "", recipient: str = "ours", armor: bool = True) -> bytes:
    signing = {"signer": pysequoia.Tsk.from_file(str(keys / f"{signer}.key")).signer()} if signer else {}
    made = pysequoia.encrypt(
        recipients=[pysequoia.Cert.from_file(str(keys / f"{recipient}.cert"))], bytes=content, armor=armor, **signing
    )
    return bytes(made)


@pytest.mark.parametrize("armor", [True, False])
def test_a_message_is_decrypted_and_its_signature_checked(tmp_path: Path, keys: Path, armor: bool) -> None:
    path = tmp_path / "settlement-1.txt.pgp"
    path.write_bytes(encrypted(keys, GOOD.encode(), signer="partner", armor=armor))
    assert containers.kind(path) == "pgp"
    own = containers.Keys(keys / "ours.key", "", keys / "partner.cert")
    assert opened(path, tmp_path / "out", keys=own) == {"settlement-1.txt": GOOD.encode()}


@pytest.mark.parametrize(
    ("signer", "recipient", "limits", "said"),
    [
        ("", "ours", Limits(), "no valid signature of partner.cert"),
        ("stranger", "ours", Limits(), "no valid signature of partner.cert"),
        ("partner", "stranger", Limits(), "cannot be decrypted"),
        ("partner", "guarded", Limits(), "cannot be decrypted"),
        ("partner", "ours", Limits(unpacked_bytes_max=10_000), "more bytes come out of it"),
    ],
)
def test_a_message_of_another_signer_for_another_key_or_too_large_is_refused(
    tmp_path: Path, keys: Path, signer: str, recipient: str, limits: Limits, said: str
) -> None:
    path = tmp_path / "message.gpg"
    path.write_bytes(encrypted(keys, b"0" * 50_000, signer=signer, recipient=recipient))
    with pytest.raises(FileError, match=said):
        opened(path, tmp_path / "out", limits, containers.Keys(keys / "ours.key", "", keys / "partner.cert"))


# --- in the main job ----------------------------------------------------------------------------------


def test_the_files_of_a_zip_are_taken_and_named_with_it(gateway: Home, drop: Drop) -> None:
    drop("master-data", "items.csv", ITEMS)
    path = drop("amazon-us", "week-46.zip", zipped(sub__settlement_1_txt=GOOD, unknown_txt=ORDERS))
    files = take(gateway)
    assert {name: file.state for name, file in files.items() if name != "items.csv"} == {
        "settlement_1.txt": "ACCEPTED",
        "unknown.txt": "QUARANTINED",
    }
    assert not path.exists()
    listed = rows(
        gateway, "select name, container, container_sha256 from file where container is not null order by name"
    )
    assert [(row["name"], row["container"]) for row in listed] == [
        ("settlement_1.txt", "week-46.zip"),
        ("unknown.txt", "week-46.zip"),
    ]
    for row in listed:
        target = gateway.lake.temporary / "container"
        assert (
            archive.restore(gateway.lake.store.archive, row["container_sha256"], target).read_bytes().startswith(b"PK")
        )
    assert verify.verify(gateway.lake) == []


def test_the_same_rows_in_another_container_have_no_second_effect(gateway: Home, drop: Drop) -> None:
    drop("master-data", "items.csv", ITEMS)
    drop("amazon-us", "settlement-1.txt", GOOD)
    take(gateway)
    drop("amazon-us", "settlement-1.txt.gz", gzip.compress(GOOD.encode()))
    file = take(gateway)["settlement-1.txt"]
    assert (file.state, file.duplicate, file.accepted) == ("DUPLICATE", 3, 0)
    assert one(gateway, "select count(*) from settlement_line") == 2


def test_a_container_of_which_a_file_cannot_be_archived_stays_as_a_whole(
    gateway: Home, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop("amazon-us", "two.zip", zipped(settlement_1_txt=GOOD, settlement_2_txt=GOOD.replace("S1", "S2")))
    archived, stored = archive.Archiver.take, list[Iterable[bytes]]()

    def full(self: archive.Archiver, pieces: Iterable[bytes]) -> archive.Stored:
        stored.append(pieces)
        if len(stored) == 3:
            raise OSError(28, "No space left on device")
        return archived(self, pieces)

    monkeypatch.setattr(archive.Archiver, "take", full)
    take(gateway)
    assert path.exists(), "what is in it was not all taken"
    assert one(gateway, "select count(*) from file") == 0
    assert not list((gateway.lake.folder / "files").glob(".*.tmp")), "what was archived of it is not kept half done"
    monkeypatch.undo()
    assert {file.state for file in take(gateway).values()} == {"ACCEPTED"}
    assert not path.exists()


def test_a_lost_container_is_found_by_verify(gateway: Home, drop: Drop) -> None:
    drop("amazon-us", "settlement-1.txt.gz", gzip.compress(GOOD.encode()))
    take(gateway)
    sha256 = str(one(gateway, "select container_sha256 from file"))
    (gateway.lake.folder / "files" / archive.name_of(sha256)).unlink()
    assert any(sha256 in str(finding) for finding in verify.verify(gateway.lake))


@pytest.mark.usefixtures("without_workbooks")
def test_a_container_that_cannot_be_opened_is_set_aside_and_opens_when_there_is_a_key(
    home: Path, drop: Drop, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("master-data", "items.csv", ITEMS)
    message = encrypted(keys, GOOD.encode(), signer="partner", recipient="guarded")
    path = drop("amazon-us", "settlement-1.txt.pgp", message)
    with open_home(home, now=NOW) as gateway:
        file = next(f for f in run_once(gateway).files if f.name != "items.csv")
        assert (file.name, file.state) == ("settlement-1.txt.pgp", "QUARANTINED")
        assert "no key is configured" in file.reason
        assert not path.exists()
        assert one(gateway, "select status from exception where code = 'FILE_REJECT'") == "OPEN"
    settings = home / "config.toml"
    ours = f'\n[pgp]\nkey_file = "{keys / "guarded.key"}"\npassphrase_env = "TEST_PGP_PASSPHRASE"\n'
    settings.write_text(settings.read_text() + ours)
    monkeypatch.setenv("TEST_PGP_PASSPHRASE", "correct horse")
    with open_home(home, now=NOW) as gateway:
        (read_again,) = again(gateway, file.file_id, force=False)
        assert (read_again.name, read_again.state, read_again.accepted) == ("settlement-1.txt", "ACCEPTED", 3)
        run_once(gateway)
        assert one(gateway, "select status from exception where code = 'FILE_REJECT'") == "CLOSED"
        results: list[FileResult] = again(gateway, file.file_id, force=False)
        assert [result.state for result in results] == ["ACCEPTED"]


@pytest.mark.usefixtures("without_workbooks")
def test_a_document_in_a_zip_is_no_container_also_when_it_is_replayed(gateway: Home, drop: Drop) -> None:
    """Its first bytes are those of any zip: what it is stands in its directory."""
    drop("amazon-us", "book.xlsx", zipped(a="x", **{"[Content_Types].xml": "<Types/>"}))
    [file] = [
        file for receipt in taken(gateway, Folder(gateway.folder, gateway.settings).poll()) for file in receipt.files
    ]
    assert (file.name, file.state) == ("book.xlsx", "QUARANTINED")
    [again_] = again(gateway, file.file_id, force=False)
    assert (again_.name, again_.state, again_.reason) == ("book.xlsx", "QUARANTINED", file.reason)


def test_where_a_signature_is_demanded_a_plain_file_is_refused(home: Path, drop: Drop, keys: Path) -> None:
    """Otherwise who steals the password of a partner's drop leaves the signature out."""
    settings = home / "config.toml"
    text = settings.read_text()
    demand = f'[partners.amazon-us]\npgp_signer = "{keys / "partner.cert"}"'
    settings.write_text(text.replace("[partners.amazon-us]", demand) + f'\n[pgp]\nkey_file = "{keys / "ours.key"}"\n')
    drop("master-data", "items.csv", ITEMS)
    drop("amazon-us", "plain.txt", GOOD)
    drop("amazon-us", "plain.txt.gz", gzip.compress(GOOD.replace("S1", "S2").encode()))
    drop("amazon-us", "signed.txt.pgp", encrypted(keys, GOOD.replace("S1", "S3").encode(), signer="partner"))
    with open_home(home, now=NOW) as gateway:
        files = {file.name: file for file in run_once(gateway).files}
        assert {name: file.state for name, file in files.items() if name != "items.csv"} == {
            "plain.txt": "QUARANTINED",
            "plain.txt.gz": "QUARANTINED",
            "signed.txt": "ACCEPTED",
        }
        assert files["plain.txt"].reason == "it is not signed, and the files of amazon-us must be"
        [read_again] = again(gateway, files["plain.txt"].file_id, force=False)
        assert read_again.state == "QUARANTINED"
        [read_again] = again(gateway, files["signed.txt"].file_id, force=False)
        assert read_again.state == "ACCEPTED"


def test_a_name_within_a_container_is_checked_like_one_outside(gateway: Home, drop: Drop) -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as container:
        container.writestr("red\x1b[31m.csv", GOOD)
    drop("amazon-us", "one.zip", sink.getvalue())
    file = take(gateway)["one.zip"]
    assert file.state == "QUARANTINED"
    assert r"a file in it, red\x1b[31m.csv, has control characters in its name" in file.reason
