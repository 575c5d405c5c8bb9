"""Where the ledger lies: its catalog, its data files and the archive of received bytes."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, field_validator, model_validator

from gateway.settings.strict import Strict
from gateway.toml_faults import wrong

SQLITE = "sqlite"
_POSTGRES = re.compile(r"postgres(?:ql)?:(?P<rest>.*)", re.DOTALL)
_PASSWORD = re.compile(r"\b(?:ssl)?password\s*=", re.IGNORECASE)
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.=-]+)+/?")


class LedgerS3(Strict):
    """How buckets of the ledger are reached; of AWS where there is no `endpoint`.

    Both parts of the key are read from the environment variables that are named here. `ca_file` is below the home
    unless it is absolute.
    """

    endpoint: str = Field("", pattern=r"^(https?://[^/\s]+/?)?$", examples=['"https://s3.example.com"'])
    region: str = "us-east-1"
    access_key_env: str = ""
    secret_key_env: str = ""
    ca_file: str = ""
    connect_timeout_s: float = Field(default=10.0, gt=0)


class Ledger(Strict):
    """Where the lake lives. Relative paths are below the home.

    path      the folder of this machine: locks, work under way, and whatever is not placed elsewhere
    catalog   "sqlite" in that folder, or "postgres:" and a connection string or URL of libpq without a password
    data      a folder or "s3://bucket/prefix"; "" for `data` in `path`
    archive   the received bytes: a folder or "s3://bucket/prefix"; "" for `files` in `path`
    """

    path: str = "ledger"
    catalog: str = SQLITE
    catalog_password_env: str = ""
    catalog_schema: str = Field("gateway", pattern=r"^[a-z_][a-z0-9_]{0,62}$", examples=['"gateway"'])
    data: str = ""
    archive: str = ""
    s3: LedgerS3 = LedgerS3()
    threads: int = 0

    @property
    def postgres(self) -> str:
        """The connection string of libpq, "" where the catalog is SQLite's."""
        return "" if self.catalog == SQLITE else _libpq(self.catalog)

    @field_validator("path")
    @classmethod
    def _local(cls, value: str) -> str:
        if "://" in value:
            raise wrong("path is a folder of this machine", "write a bucket under data and archive")
        return value

    @field_validator("catalog")
    @classmethod
    def _known_catalog(cls, value: str) -> str:
        if value != SQLITE and not _POSTGRES.fullmatch(value):
            raise wrong(
                "there is no such catalog",
                f'write "{SQLITE}", or "postgres:host=db.example user=gateway dbname=gateway"',
            )
        if _has_password(value):
            fix = "remove it, and name the environment variable that holds it in catalog_password_env"
            raise wrong("a password does not belong in config.toml", fix)
        return value

    @field_validator("data", "archive")
    @classmethod
    def _known_place(cls, value: str) -> str:
        if value.startswith("s3:") and (not _BUCKET.fullmatch(value) or ".." in value):
            raise wrong("a bucket needs a name and a prefix", "write it as in s3://acme-ledger/production/data")
        if "://" in value and not value.startswith("s3:"):
            raise wrong("only folders and buckets can be used", "write a folder, or s3://bucket/prefix")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Ledger:
        data, archive = self.data or f"{self.path}/data", self.archive or f"{self.path}/files"
        in_bucket = any(place.startswith("s3:") for place in (data, archive))
        if in_bucket and not (self.s3.access_key_env and self.s3.secret_key_env):
            raise wrong("a bucket needs a key", "name access_key_env and secret_key_env in [ledger.s3]", "s3")
        if _is_within(data, archive) or _is_within(archive, data) or _is_within(self.path, data):
            fix = "choose a place outside archive and path, as in ledger/data"
            raise wrong("data overlaps another place", fix, "data")
        return self


def _is_within(inner: str, outer: str) -> bool:
    return PurePosixPath(inner).is_relative_to(PurePosixPath(outer))


def _libpq(catalog: str) -> str:
    """What libpq is given: a URL, or keys and values."""
    rest = catalog.partition(":")[2]
    return catalog if rest.startswith("//") else rest


def _has_password(catalog: str) -> bool:
    text = _libpq(catalog)
    if "://" not in text:
        return bool(_PASSWORD.search(text))
    try:
        url = urlsplit(text)
        return url.password is not None or any("password" in key.lower() for key in parse_qs(url.query))
    except ValueError:
        # No URL can be read there: it is refused as if it had a password, rather than shown later.
        return True
