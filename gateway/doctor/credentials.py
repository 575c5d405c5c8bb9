"""Keys and certificates that the settings name: are they there, readable, what they should be, and valid for long?"""

from __future__ import annotations

import ftplib
import smtplib
import socket
import ssl
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from gateway.doctor.found import Found
from gateway.errors import HouseError
from gateway.ledger.anchor_keys import keys_of
from gateway.regular_file import read_regular
from gateway.rights import chmod_to_read, ownership
from gateway.settings import Config, Ftps, Smtp, secret_of

SOON = timedelta(days=30)
"""A certificate or key that expires within this time is a finding."""
CALL_S_MAX = 10.0
_AGREE = "Agree on the day with the partner, and put the new one in its place."


Check = Callable[[str, Path, datetime], Found]
"""Looks at the file of a setting, as it is at an instant. Raises OSError."""


def files(home: Path, config: Config, now: datetime) -> Iterator[Found]:
    """Files of certificates and keys."""
    for subject, path, check in _named(config):
        if path:
            yield _looked_at(subject, home / Path(path).expanduser(), now, check)
    if config.audit.key_env or config.audit.verify_key_file:
        yield _of_anchors(home, config)


def _named(config: Config) -> Iterator[tuple[str, str, Check]]:
    """(setting, path, what looks at the file) of each file that may be named; the path is "" where none is."""
    for ftps in config.ftps:
        yield f"[[ftps]] {ftps.name}: ca_file", ftps.ca_file, _authority
    for bucket in config.s3:
        yield f"[[s3]] {bucket.name}: ca_file", bucket.ca_file, _authority
    yield "[ledger.s3] ca_file", config.ledger.s3.ca_file, _authority
    yield "[notify.smtp] ca_file", config.notify.smtp.ca_file, _authority
    for server in config.sftp:
        yield f"[[sftp]] {server.name}: key_file", server.key_file, _ssh_key
        yield f"[[sftp]] {server.name}: jump.key_file", server.jump.key_file, _ssh_key
    own = partial(_pgp_key, passphrase_env=config.pgp.passphrase_env)
    yield "[pgp] private key_file", config.pgp.key_file, own
    for name, partner in config.partners.items():
        yield f"[partners.{name}] pgp_signer", partner.pgp_signer, _pgp_signer


def _looked_at(subject: str, place: Path, now: datetime, check: Check) -> Found:
    try:
        return check(subject, place, now)
    except FileNotFoundError:
        return Found(subject, f"{place} is not there", "Put the file there, or correct the setting.")
    except PermissionError:
        return Found(subject, f"{place} cannot be read: {ownership(place)}", f"Run `{chmod_to_read(place)}`.")
    except OSError as error:
        return Found(subject, f"{place} cannot be read: {error.strerror}", "Put a file there, or correct the setting.")


def _authority(subject: str, path: Path, now: datetime) -> Found:
    from cryptography import x509

    try:
        certificates = x509.load_pem_x509_certificates(read_regular(path))
    except ValueError:
        fix = "Save the authority's certificate as PEM (BEGIN CERTIFICATE)."
        return Found(subject, f"{path} holds no certificate", fix)
    newest = max(certificates, key=lambda one: one.not_valid_after_utc)
    if newest.not_valid_before_utc > now:
        what = f"{path} is valid from {newest.not_valid_before_utc:%Y-%m-%d} on"
        return Found(subject, what, "Check the clock of this machine, or wait.")
    fix = "Ask who runs the server for the new certificate; the file may hold both."
    return _lasting(subject, str(path), newest.not_valid_after_utc, now, fix)


def _ssh_key(subject: str, path: Path, now: datetime) -> Found:
    import paramiko

    read_regular(path)
    try:
        paramiko.PKey.from_path(path)
    except Exception:  # noqa: BLE001 - the library raises half a dozen unrelated kinds
        fix = "Set key_file to an OpenSSH private key without a passphrase: `ssh-keygen -t ed25519 -N '' -f FILE`."
        return Found(subject, f"{path} is no private key that can be used", fix)
    return _kept(subject, path)


def _pgp_key(subject: str, path: Path, now: datetime, *, passphrase_env: str) -> Found:
    import pysequoia

    content = read_regular(path)
    try:
        key = pysequoia.Tsk.from_bytes(content)
        key.decryptor(secret_of(passphrase_env) or None)
        expires = key.extract_certificate().expiration
    except Exception as error:  # noqa: BLE001 - the library has no exceptions of its own
        reason = " ".join(str(error).partition("Stack backtrace")[0].split())
        fix = "Set key_file to our OpenPGP private key, and passphrase_env to the variable with its passphrase."
        return Found(subject, f"{path} cannot be used: {reason}", fix)
    kept = _kept(subject, path)
    return _lasting(subject, str(path), expires, now, _AGREE) if kept.good else kept


def _pgp_signer(subject: str, path: Path, now: datetime) -> Found:
    import pysequoia

    content = read_regular(path)
    try:
        certificate = pysequoia.Cert.from_bytes(content)
    except Exception:  # noqa: BLE001 - the library has no exceptions of its own
        return Found(subject, f"{path} is no OpenPGP certificate", "Ask the partner for its public key.")
    if certificate.is_revoked:
        return Found(subject, f"{path} is revoked", f"Ask the partner for its new key. {_AGREE}")
    return _lasting(subject, str(path), certificate.expiration, now, _AGREE)


def _kept(subject: str, path: Path) -> Found:
    """Whether a private key is kept from the other users of this machine."""
    if path.stat().st_mode & stat.S_IRWXO:
        fix = f"chmod 640 {path}; make a new key if others may have read it."
        return Found(subject, f"everybody on this machine may read or write {path}", fix)
    return Found(subject, f"{path} can be used")


def _lasting(subject: str, what: str, expires: datetime | None, now: datetime, fix: str) -> Found:
    if expires is None:
        return Found(subject, f"{what} can be used, and does not expire")
    day = f"{expires:%Y-%m-%d}"
    if expires <= now:
        return Found(subject, f"{what} expired on {day}", fix)
    if expires <= now + SOON:
        return Found(subject, f"{what} expires on {day}, in {(expires - now).days} days", fix)
    return Found(subject, f"{what} is valid until {day}")


def _of_anchors(home: Path, config: Config) -> Found:
    try:
        keys_of(home, config, writing=True)
    except HouseError as error:
        return Found("[audit] keys", f"{error.subject}: {error.cause}", error.hint)
    return Found("[audit] keys", "the keys of the anchors can be used and belong together")


# --- certificates that servers show -------------------------------------------------------------------


def shown(home: Path, config: Config, now: datetime) -> Iterator[Found]:
    """The certificate of each server that is reached by TLS.

    That a server of a transport cannot be reached, or shows a wrong one, is found where it is called as such.
    """
    for subject, call in _of_transports(home, config):
        with suppress(*_REFUSED):
            yield _valid(subject, call(), now)
    for subject, call in _of_others(home, config):
        try:
            yield _valid(subject, call(), now)
        except _REFUSED as error:
            yield _refused(f"certificate of {subject}", error)


_REFUSED = (OSError, EOFError, ftplib.Error, smtplib.SMTPException)


def _valid(subject: str, end: datetime, now: datetime) -> Found:
    return _lasting(f"certificate of {subject}", "it", end, now, "Ask who runs the server to renew it.")


def _refused(subject: str, error: Exception) -> Found:
    if isinstance(error, ssl.SSLCertVerificationError):
        fix = "Ask who runs the server; for an authority of its own, set ca_file."
        return Found(subject, f"it is refused: {error.verify_message}", fix)
    fix = "Check address and port, and whether the server runs."
    return Found(subject, f"it cannot be asked for: {error}", fix)


Call = Callable[[], datetime]
"""Asks a server for its certificate: when that expires."""


def _of_transports(home: Path, config: Config) -> Iterator[tuple[str, Call]]:
    for server in config.ftps:
        yield f"ftps:{server.name}", partial(_of_ftps, home, server)
    for bucket in config.s3:
        if bucket.endpoint.startswith("https://"):
            yield f"s3:{bucket.name}", partial(_of_https, home, bucket.endpoint, bucket.ca_file)


def _of_others(home: Path, config: Config) -> Iterator[tuple[str, Call]]:
    addresses = [("[ledger.s3]", config.ledger.s3.endpoint, config.ledger.s3.ca_file)]
    addresses += [(f"webhook {one.shown}", one.target, "") for one in config.notify.to if not one.email]
    for subject, address, ca_file in addresses:
        if address.startswith("https://"):
            yield subject, partial(_of_https, home, address, ca_file)
    smtp = config.notify.smtp
    if smtp.host and smtp.tls != "none":
        yield "[notify.smtp]", partial(_of_smtp, smtp)


def _context(home: Path, ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(home / Path(ca_file).expanduser()) if ca_file else None)


def _of_ftps(home: Path, server: Ftps) -> datetime:
    context = _context(home, server.ca_file)
    with closing(ftplib.FTP_TLS(context=context, timeout=min(server.connect_timeout_s, CALL_S_MAX))) as ftp:
        ftp.connect(server.host, server.port)
        ftp.auth()
        return _end(ftp.sock)


def _of_https(home: Path, address: str, ca_file: str) -> datetime:
    url, context = urlsplit(address), _context(home, ca_file)
    with (
        socket.create_connection((str(url.hostname), url.port or 443), CALL_S_MAX) as plain,
        context.wrap_socket(plain, server_hostname=url.hostname) as secured,
    ):
        return _end(secured)


def _of_smtp(smtp: Smtp) -> datetime:
    timeout, context = min(smtp.timeout_s, CALL_S_MAX), _context(Path(), smtp.ca_file)
    if smtp.tls == "tls":
        with closing(smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=timeout, context=context)) as secured:
            return _end(secured.sock)
    with closing(smtplib.SMTP(smtp.host, smtp.port, timeout=timeout)) as connection:
        connection.starttls(context=context)
        return _end(connection.sock)


def _end(secured: object) -> datetime:
    """When the certificate expires that the other side showed."""
    assert isinstance(secured, ssl.SSLSocket)
    certificate = secured.getpeercert() or {}
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
