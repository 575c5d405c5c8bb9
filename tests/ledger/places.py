"""Ledgers in their four places: the catalog SQLite's or PostgreSQL's, the bytes in a folder or in a bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway import settings as configuration
from gateway.settings import Config
from tests.conftest import require_or_skip
from tests.ledger import postgres as servers
from tests.ledger.postgres import Postgres
from tests.transports import bucket as buckets
from tests.transports.bucket import Bucket

PLACES = [(catalog, bytes_) for catalog in ("sqlite", "postgres") for bytes_ in ("folder", "bucket")]
SHARED = ("postgres", "bucket")
Values = dict[str, Any]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    require_or_skip(servers.SERVER and servers.INITDB, "PostgreSQL")
    with servers.serving() as server:
        yield server


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    with buckets.serving() as address:
        yield address


@dataclass
class Places:
    """Gives settings of new, empty places; the secrets are in the environment."""

    request: pytest.FixtureRequest

    def ledger(self, catalog: str, bytes_: str) -> Values:
        """The keys of `[ledger]`."""
        keys: Values = {"threads": 1}
        if catalog == "postgres":
            server: Postgres = self.request.getfixturevalue("postgres")
            keys |= {
                "catalog": f"postgres:{server.string}",
                "catalog_password_env": "LEDGER_PASSWORD",
                "catalog_schema": server.schema(),
            }
        if bytes_ == "bucket":
            bucket = Bucket(self.request.getfixturevalue("endpoint"))
            keys |= {
                "data": f"s3://{bucket.name}/books/data",
                "archive": f"s3://{bucket.name}/books/files",
                "s3": {"endpoint": bucket.endpoint, "access_key_env": "LEDGER_KEY", "secret_key_env": "LEDGER_SECRET"},
            }
        return keys

    def config(self, catalog_: str, bytes_: str, **changes: Any) -> Config:
        """Settings of a home of one entity."""
        keys = self.ledger(catalog_, bytes_) | changes
        return configuration.parse({"entities": {"US": {"currency": "USD"}}, "ledger": keys})


@pytest.fixture
def places(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Places:
    for name, value in (("PASSWORD", servers.PASSWORD), ("KEY", "AKIAEXAMPLE"), ("SECRET", "a bucket's secret")):
        monkeypatch.setenv(f"LEDGER_{name}", value)
    return Places(request)


def written(keys: Values) -> str:
    """The keys as TOML, to stand below `[ledger]`."""
    return "".join(
        f"{key} = {json.dumps(value)}\n" if not isinstance(value, dict) else _table(key, value)
        for key, value in sorted(keys.items(), key=lambda item: isinstance(item[1], dict))
    )


def _table(name: str, keys: Values) -> str:
    return f"[ledger.{name}]\n" + written(keys)


def settle(home: Path, keys: Values) -> Config:
    """Set where the ledger of a home lies; returns its settings."""
    path = home / "config.toml"
    before = path.read_text(encoding="utf-8").partition("\n[ledger]\n")[0]
    path.write_text(f"{before}\n[ledger]\n{written(keys)}", encoding="utf-8")
    return configuration.load(home)
