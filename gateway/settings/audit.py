"""Where the head of the audit chain is written besides the ledger, and what is signed with."""

from __future__ import annotations

import re

from pydantic import field_validator

from gateway.settings.strict import Strict
from gateway.toml_faults import wrong

_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.=-]+)+/?")


class Audit(Strict):
    """Anchors of the audit chain: `gateway verify` compares the ledger with them.

    anchor   files below the home, or absolute paths, and "s3://bucket/prefix", reached by `[ledger.s3]`
    key_env  environment variable with the key of the signatures (HMAC-SHA-256, RFC 2104); "" for none
    """

    anchor: tuple[str, ...] = ("audit/anchor.log",)
    key_env: str = ""

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
