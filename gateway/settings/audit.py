"""The audit chain: where its head is written besides the ledger, the key of these anchors, and bounds of the clock."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from gateway.settings.strict import Strict
from gateway.toml_faults import wrong

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.=-]+)+/?")


class Audit(Strict):
    """Anchors of the audit chain, with which `gateway verify` compares the ledger, and bounds of the clock.

    anchor   files below the home, or absolute paths, and "s3://bucket/prefix", reached by `[ledger.s3]`
    key_env  environment variable with the key of the signatures (HMAC-SHA-256, RFC 2104); "" for none
    sign_key_env, sign_key_file  where the private key is (Ed25519, RFC 8032; PEM), a variable or a file
    verify_key_file  file with the public key that belongs to it, all that `gateway verify` needs

    The clock is compared with the newest commit: farther back or ahead than these seconds, nothing is committed.
    """

    anchor: tuple[str, ...] = ("audit/anchor.log",)
    key_env: str = ""
    sign_key_env: str = ""
    sign_key_file: str = ""
    verify_key_file: str = ""
    clock_back_s_max: float = Field(default=3_600.0, ge=0)
    clock_ahead_s_max: float = Field(default=31_622_400.0, gt=0)

    @model_validator(mode="after")
    def _one_key_each(self) -> Audit:
        if self.sign_key_env and self.sign_key_file:
            raise wrong("the private key is in two places", "name sign_key_env or sign_key_file", "sign_key_file")
        if (self.sign_key_env or self.sign_key_file) and not self.verify_key_file:
            absent = "anchors that are signed need verify_key_file"
            raise wrong(
                absent, "name the file with the public key", "sign_key_env" if self.sign_key_env else "sign_key_file"
            )
        return self

    @field_validator("anchor")
    @classmethod
    def _known_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place in value:
            if not place.strip() or ".." in place.split("/"):
                raise wrong(f"an anchor cannot be {place!r}", 'write a file, as "audit/anchor.log", or a bucket')
            if "://" in place and not _BUCKET.fullmatch(place):
                raise wrong(
                    f"an anchor cannot be {place!r}", "write a file, or a bucket as in s3://acme-anchors/production"
                )
        return value
