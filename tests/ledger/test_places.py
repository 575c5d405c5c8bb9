"""One ledger, wherever it lies: the same content, the same checks, the same order of writers."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway import settings as configuration
from gateway.home import open_home
from gateway.ledger import copies, maintenance, verify
from gateway.ledger.lake import open_lake
from gateway.once import run_once
from gateway.settings import Config
from tests.ledger.conftest import BUSINESS_NOW, content, lay_down_business, workbooks
from tests.ledger.places import PLACES, Places, settle

USUAL = ("sqlite", "folder")


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("original") / "home"
    lay_down_business(home)
    return home


@dataclass(frozen=True)
class Usual:
    """Content of a ledger, and the cells of its workbooks."""

    content: dict[str, list[Any]]
    workbooks: dict[str, list[list[Any]]]


@pytest.fixture(scope="session")
def usual(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Usual:
    """What the business gives in the usual place: SQLite and folders, with nothing set, no table copied into memory."""
    home = Path(shutil.copytree(original, tmp_path_factory.mktemp("usual") / "home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "ROWS_MAX", -1)
        return Usual(passed(home, configuration.load(home)), workbooks(home))


def passed(home: Path, config: Config) -> dict[str, list[Any]]:
    """Every table's content after one pass."""
    with open_home(home, now=BUSINESS_NOW) as opened:
        run_once(opened)
    return content(home, config)


@pytest.mark.parametrize(("catalog", "bytes_"), [place for place in PLACES if place != USUAL])
def test_a_business_gives_the_same_ledger_in_every_place(
    original: Path, usual: Usual, tmp_path: Path, places: Places, catalog: str, bytes_: str
) -> None:
    home = Path(shutil.copytree(original, tmp_path / "home"))
    config = settle(home, places.ledger(catalog, bytes_))
    found = passed(home, config)
    assert usual.content["journal_line"] and usual.content["exception_event"]
    for table, rows in usual.content.items():
        assert found[table] == rows, table
    assert usual.workbooks
    assert workbooks(home) == usual.workbooks
    with open_lake(home, config) as ledger:
        done = maintenance.maintain(ledger, timedelta())
        assert done.rows and done.sealed
        assert verify.verify(ledger) == []
    with open_lake(home, config, as_of="3") as ledger:
        assert ledger.version() >= 3
