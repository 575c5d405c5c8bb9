"""Who may write an anchor: a shared key (HMAC-SHA-256, RFC 2104), and a private one (Ed25519, RFC 8032).

With Ed25519 who verifies needs the public key alone: an auditor can check what they cannot forge.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import HouseError
from gateway.regular_file import read_regular
from gateway.settings import Audit, Config, secret_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAC, SIGNATURE = "mac", "signature"
"""Keys of an anchor's entry: HMAC in hex; Ed25519 in base64."""
_MADE = "openssl genpkey -algorithm ed25519"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of `[audit]`: `shared` signs and verifies, `private` signs, `public` verifies."""

    shared: bytes = field(default=b"", repr=False)
    private: Ed25519PrivateKey | None = field(default=None, repr=False)
    public: Ed25519PublicKey | None = None

    @property
    def demanded(self) -> set[str]:
        """The signatures that an anchor must have."""
        return ({MAC} if self.shared else set()) | ({SIGNATURE} if self.public else set())

    def line_of(self, entry: Mapping[str, Any]) -> bytes:
        """The line of an anchor, signed with every key that there is."""
        signed = dict(entry)
        if self.private:
            signed[SIGNATURE] = base64.b64encode(self.private.sign(_plain(entry))).decode()
        if self.shared:
            signed[MAC] = self._mac(signed)
        return json.dumps(signed, sort_keys=True).encode()

    def is_genuine(self, entry: Mapping[str, Any], kinds: Collection[str]) -> bool:
        """Whether signatures of these kinds are of these keys."""
        return (MAC not in kinds or hmac.compare_digest(str(entry.get(MAC)), self._mac(entry))) and (
            SIGNATURE not in kinds or self._is_signed(entry)
        )

    def _mac(self, entry: Mapping[str, Any]) -> str:
        plain = {name: value for name, value in entry.items() if name != MAC}
        return hmac.new(self.shared, json.dumps(plain, sort_keys=True).encode(), hashlib.sha256).hexdigest()

    def _is_signed(self, entry: Mapping[str, Any]) -> bool:
        from cryptography.exceptions import InvalidSignature

        if self.public is None:
            return False
        try:
            self.public.verify(base64.b64decode(str(entry.get(SIGNATURE)), validate=True), _plain(entry))
        except (InvalidSignature, binascii.Error):
            return False
        return True


def keys_of(home: Path, config: Config, *, writing: bool) -> Keys:
    """The keys that the settings name; the private one only for `writing`.

    Raises HouseError where one is named and is not there, cannot be read, or does not belong to the other.
    """
    audit = config.audit
    public = _public(home / audit.verify_key_file) if audit.verify_key_file else None
    private = _private(home, audit) if writing and (audit.sign_key_env or audit.sign_key_file) else None
    if private is not None and private.public_key() != public:
        fix = "Write the public key of the private one into it: `openssl pkey -in PRIVATE -pubout`."
        raise HouseError("sign anchors, checked with", audit.verify_key_file, fix, "it is of another private key")
    return Keys(_shared(audit.key_env), private, public)


def _shared(variable: str) -> bytes:
    return _from_environment(variable, "audit.key_env").encode() if variable else b""


def _from_environment(variable: str, setting: str) -> str:
    secret = secret_of(variable)
    if not secret:
        fix = f"Set the environment variable {variable}, or remove {setting}."
        raise HouseError("sign anchors with", variable, fix, "there is no key")
    return secret


def _private(home: Path, audit: Audit) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    place = audit.sign_key_env or audit.sign_key_file
    if audit.sign_key_env:
        pem = _from_environment(place, "audit.sign_key_env").encode()
    else:
        pem = _content(home / place, "sign anchors with")
        _refuse_open(home / place)
    try:
        # A variable may hold the lines of the key with "\\n" between them.
        key = load_pem_private_key(pem.replace(b"\\n", b"\n"), password=None)
    except (ValueError, TypeError) as error:
        raise _no_key("sign anchors with", place, f"a private key without password: `{_MADE}`") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key("sign anchors with", place, f"a private key of Ed25519: `{_MADE}`")
    return key


def _refuse_open(path: Path) -> None:
    """Raises HouseError where everybody on the machine may read or write the key: whoever has it can forge anchors."""
    if path.stat().st_mode & 0o007:
        fix = f"Run `chmod 640 {path}`; make a new key if others may have read it."
        raise HouseError("sign anchors with", str(path), fix, "everybody on this machine may read or write it")


def _public(path: Path) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    expected = "a public key of Ed25519: `openssl pkey -in PRIVATE -pubout`"
    try:
        key = load_pem_public_key(_content(path, "verify anchors with"))
    except ValueError as error:
        raise _no_key("verify anchors with", str(path), expected) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key("verify anchors with", str(path), expected)
    return key


def _content(path: Path, operation: str) -> bytes:
    try:
        return read_regular(path)
    except OSError as error:
        fix = "Put the key there, readable by the gateway, or change it in [audit] of config.toml."
        raise HouseError(operation, str(path), fix, str(error.strerror)) from error


def _no_key(operation: str, place: str, expected: str) -> HouseError:
    return HouseError(operation, place, f"Put {expected} there, as PEM.", "it holds no such key")


def _plain(entry: Mapping[str, Any]) -> bytes:
    """What is signed: the entry without its signatures."""
    return json.dumps({n: v for n, v in entry.items() if n not in (MAC, SIGNATURE)}, sort_keys=True).encode()
