"""Keys and certificates that the settings name, and those that servers show: missing, unreadable, wrong, expiring."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paramiko
import pysequoia
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway import settings
from gateway.doctor import credentials
from gateway.settings import Config
from tests.transports.ftpd import Ftpd, make_certificate

NOW = datetime.now(UTC)
"""The certificates of these tests begin yesterday and expire tomorrow."""
YEAR = timedelta(days=365)
FTPS = """[[ftps]]
name = "carrier"
partner = "carrier"
host = "127.0.0.1"
port = 9
user = "u"
password_env = "P"
remote_in = "in"
ca_file = "authority.pem"
"""
SFTP = """[[sftp]]
name = "bank"
partner = "bank"
host = "127.0.0.1"
user = "u"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2mFBx0m3cyzUUXbrEZS+rWpq8S5JGtYrhJr7G5yZBq"
key_file = "bank.key"
remote_in = "in"
"""
PGP = '[pgp]\nkey_file = "own.pgp"\n'
SIGNER = '[partners.carrier]\nentity = "US"\npgp_signer = "carrier.pgp"\n'
AUDIT = '[audit]\nsign_key_file = "sign.pem"\nverify_key_file = "verify.pem"\n'


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file of each kind, all of them good."""
    folder = tmp_path_factory.mktemp("keys")
    make_certificate(folder)
    paramiko.ECDSAKey.generate().write_private_key_file(str(folder / "bank.key"))
    own = pysequoia.Tsk.generate("gateway <gateway@example.test>")
    (folder / "own.pgp").write_bytes(bytes(own))
    lasting = own.extract_certificate().set_expiration(NOW + 3 * YEAR, own.certifier())
    (folder / "carrier.pgp").write_bytes(bytes(lasting))
    private = Ed25519PrivateKey.generate()
    (folder / "sign.pem").write_bytes(_pem(private))
    (folder / "other.pem").write_bytes(_pem(Ed25519PrivateKey.generate()))
    public = private.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "verify.pem").write_bytes(public.public_bytes(serialization.Encoding.PEM, form))
    for path in folder.iterdir():
        path.chmod(0o640)
    return folder


def _pem(key: Ed25519PrivateKey) -> bytes:
    none = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)


def configured(home: Path, text: str) -> Config:
    entity = '[entities.US]\ncurrency = "USD"\n[partners.bank]\nentity = "US"\n'
    if SIGNER not in text:
        entity += '[partners.carrier]\nentity = "US"\n'
    (home / "config.toml").write_text(entity + text)
    return settings.load(home)


CASES = [
    (FTPS, "authority.pem", None, timedelta(), "[[ftps]] carrier: ca_file", "expires on "),
    (FTPS, "authority.pem", None, timedelta(days=2), "[[ftps]] carrier: ca_file", "expired on "),
    (FTPS, "authority.pem", None, timedelta(days=-2), "[[ftps]] carrier: ca_file", "is valid from "),
    (FTPS, "authority.pem", b"no certificate", timedelta(), "[[ftps]] carrier: ca_file", "holds no certificate"),
    (FTPS, "authority.pem", "", timedelta(), "[[ftps]] carrier: ca_file", "is not there"),
    (SFTP, "bank.key", b"no key", timedelta(), "[[sftp]] bank: key_file", "is no private key that can be used"),
    (SFTP, "bank.key", 0o644, timedelta(), "[[sftp]] bank: key_file", "everybody on this machine may read or write"),
    (PGP, "own.pgp", b"no key", timedelta(), "[pgp] private key_file", "cannot be used"),
    (PGP, "own.pgp", 0o604, timedelta(), "[pgp] private key_file", "everybody on this machine may read or write"),
    (SIGNER, "carrier.pgp", b"no key", timedelta(), "[partners.carrier] pgp_signer", "is no OpenPGP certificate"),
    (SIGNER, "carrier.pgp", None, 4 * YEAR, "[partners.carrier] pgp_signer", "expired on "),
    (AUDIT, "sign.pem", "other.pem", timedelta(), "[audit] keys", "it is of another private key"),
]


@pytest.mark.parametrize(("text", "name", "change", "later", "subject", "what"), CASES)
def test_a_file_of_a_key_or_certificate_that_is_wrong_is_found(
    keys: Path,
    tmp_path: Path,
    text: str,
    name: str,
    change: bytes | str | int | None,
    later: timedelta,
    subject: str,
    what: str,
) -> None:
    for path in keys.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
        (tmp_path / path.name).chmod(0o640)
    if isinstance(change, bytes):
        (tmp_path / name).write_bytes(change)
    elif isinstance(change, int):
        (tmp_path / name).chmod(change)
    elif change:
        (tmp_path / change).replace(tmp_path / name)
    elif change == "":
        (tmp_path / name).unlink()
    [found] = credentials.files(tmp_path, configured(tmp_path, text), NOW + later)
    assert found.subject == subject and what in found.what and found.fix


def test_who_may_not_read_a_file_gets_the_command(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(credentials, "read_regular", refuse)
    [found] = credentials.files(keys, configured(keys, FTPS), NOW)
    assert "authority.pem cannot be read: it belongs to " in found.what and "chmod g+r " in found.fix


def test_what_is_good_says_until_when(keys: Path) -> None:
    found = {one.subject: one for one in credentials.files(keys, configured(keys, SFTP + PGP + SIGNER + AUDIT), NOW)}
    assert [one.what for one in found.values() if not one.good] == []
    expected = f"is valid until {NOW + 3 * YEAR:%Y-}"
    assert expected in found["[partners.carrier] pgp_signer"].what and len(found) == 4


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """A server of TLS that answers one handshake after the other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_the_certificate_of_a_server_for_files_is_judged_before_anybody_logs_in(tmp_path: Path) -> None:
    server = Ftpd(tmp_path)
    try:
        text = FTPS.replace("port = 9", f"port = {server.port}")
        [soon] = credentials.shown(tmp_path, configured(tmp_path, text), NOW)
    finally:
        server.stop()
    assert soon.subject == "certificate of ftps:carrier" and "expires on " in soon.what
    assert list(credentials.shown(tmp_path, configured(tmp_path, text), NOW)) == [], "that it is gone is said elsewhere"


def test_the_certificate_that_a_server_shows_is_judged(keys: Path) -> None:
    with serving(keys) as port:
        bucket = f'[ledger.s3]\nendpoint = "https://127.0.0.1:{port}"\n'
        [soon] = credentials.shown(keys, configured(keys, f'{bucket}ca_file = "authority.pem"\n'), NOW)
        [strange] = credentials.shown(keys, configured(keys, bucket), NOW)
    [gone] = credentials.shown(keys, configured(keys, bucket), NOW)
    assert (
        soon.subject == "certificate of [ledger.s3]" and f"expires on {NOW + timedelta(days=1):%Y-%m-%d}" in soon.what
    )
    assert "it is refused: " in strange.what and "ca_file" in strange.fix
    assert "it cannot be asked for: " in gone.what
