"""Outdated workbooks go; what is newest, open, filled in or not of the gateway stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import settings
from gateway.ledger import departures
from gateway.ledger.lake import Lake, open_lake
from gateway.regular_file import sha256_of
from gateway.workbooks import FINANCE, outdated

CONFIG = '[entities.US]\ncurrency = "USD"\n[audit]\nanchor = []\n'


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Lake]:
    (tmp_path / "config.toml").write_text(CONFIG)
    with open_lake(tmp_path, settings.load(tmp_path)) as ledger:
        yield ledger


def write(ledger: Lake, outbound: Path, *versions: int) -> list[Path]:
    folder = outbound / FINANCE
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"exceptions-2026-11-{version:02}-v{version}.xlsx" for version in versions]
    for path in paths:
        path.write_text(path.name)
    facts = {path.relative_to(outbound).as_posix(): {"sha256": sha256_of(path)} for path in paths}
    departures.record(ledger, departures.WORKBOOKS, facts)
    return paths


def test_the_newest_issues_stay_and_older_ones_go_unless_somebody_has_them(ledger: Lake, tmp_path: Path) -> None:
    outbound = tmp_path / "outbound"
    untouched, answered, opened, fourth, tenth, eleventh = write(ledger, outbound, 1, 2, 3, 4, 10, 11)
    answered.write_text("KEEP_BOOK")
    opened.with_name(f"~${opened.name[2:]}").touch()
    own = outbound / FINANCE / "exceptions-2026-01-01-v0.xlsx"
    own.write_text("of somebody")
    assert outdated.remove(ledger, outbound, 3) == [untouched]
    assert all(path.exists() for path in (answered, opened, fourth, tenth, eleventh, own))
    assert outdated.remove(ledger, outbound, 2) == [fourth]
    assert outdated.remove(ledger, outbound, 2) == []
