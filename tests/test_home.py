"""A home, opened: what it holds, what a reload takes over, and what opening it leaves behind."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from gateway import init as homes
from gateway.errors import HouseError
from gateway.home import Home, open_home, open_samples
from gateway.intake.attempt import attempt
from gateway.once import run_once
from tests.conftest import NOW
from tests.test_books import GOOD, ITEMS

pytestmark = pytest.mark.usefixtures("without_workbooks")

BROKEN = 'feed = "amazon-us.settlement"\npartner = "amazon-us"\n'


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_clock_is_the_instant_that_was_given_or_the_present(home: Path) -> None:
    with open_home(home, now=NOW) as opened:
        assert opened.now == opened.context.now == NOW
        assert opened.reloaded(opened.settings).now == NOW
    before = datetime.now(UTC)
    with open_home(home) as opened:
        assert before <= opened.now <= datetime.now(UTC)


def test_a_reload_keeps_the_mapping_of_before_where_it_is_broken_now(gateway: Home, home: Path) -> None:
    path = home / "mappings" / "amazon-us" / "settlement.toml"
    good = gateway.library.at(path)
    path.write_text(BROKEN)
    reloaded = gateway.reloaded(gateway.settings)
    assert reloaded.library.at(path) is good
    assert {fault.file for fault in reloaded.library.faults} == {"mappings/amazon-us/settlement.toml"}
    assert reloaded.lake is gateway.lake


def test_a_mapping_that_is_broken_at_the_start_is_not_active_and_the_others_are(home: Path) -> None:
    path = home / "mappings" / "amazon-us" / "settlement.toml"
    path.write_text(BROKEN)
    with open_home(home) as opened:
        assert opened.library.at(path) is None
        assert "amazon-us.orders" in opened.library.mappings


def test_broken_rules_refuse_a_reload_and_the_home_stays_good(gateway: Home, home: Path) -> None:
    rules, before = home / "mappings" / "posting.toml", gateway.rules
    rules.write_text(rules.read_text() + "\nnonsense = 1\n")
    with pytest.raises(HouseError):
        gateway.reloaded(gateway.settings)
    assert gateway.rules is before
    (home / "inbound" / "amazon-us").mkdir(parents=True, exist_ok=True)
    (home / "inbound" / "amazon-us" / "settlement-1.txt").write_text(GOOD)
    assert [file.state for file in run_once(gateway).files] == ["ACCEPTED"]


def test_a_scratch_home_without_a_ledger_leaves_nothing_behind(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "settlement-1.txt"
    file.write_text(GOOD)
    (home / "ledger").rename(tmp_path / "elsewhere")
    before = everything(home)
    with open_home(home, scratch=True) as opened:
        loaded = opened.library.mappings["amazon-us.settlement"]
        assert attempt(opened, loaded, file)["counts"]["accepted"] == 3
        place = opened.lake.folder
    assert everything(home) == before and not place.exists()


def test_a_scratch_home_with_a_ledger_reads_it_and_writes_nothing(gateway: Home, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "settlement-1.txt"
    file.write_text(GOOD)
    (home / "inbound" / "amazon-us").mkdir(parents=True, exist_ok=True)
    (home / "inbound" / "amazon-us" / "settlement-1.txt").write_text(GOOD)
    run_once(gateway)
    before = gateway.lake.version()
    with open_home(home, scratch=True) as opened:
        counts = attempt(opened, opened.library.mappings["amazon-us.settlement"], file)["counts"]
    assert (counts["accepted"], counts["duplicate"]) == (0, 3)
    assert gateway.lake.version() == before


def test_samples_are_read_with_the_homes_master_data_and_an_empty_ledger(gateway: Home, home: Path) -> None:
    for partner, name, content in (("master-data", "items.csv", ITEMS), ("amazon-us", "settlement-1.txt", GOOD)):
        (home / "inbound" / partner).mkdir(parents=True, exist_ok=True)
        (home / "inbound" / partner / name).write_text(content)
    run_once(gateway)
    with open_samples(home) as opened:
        items, _ = opened.master.tables()
        assert items.to_pydict() == {"sku": ["SKU-1"], "base_uom": ["EA"]}
        assert opened.lake.con.execute("select count(*) from file").fetchone() == (0,)


def test_master_data_is_read_again_only_when_the_ledgers_changed(gateway: Home) -> None:
    _, aliases = gateway.master.tables()
    other = {"sku": ["SKU-9"], "base_uom": ["PR"]}
    gateway.master.replace(pa.table(other), aliases)
    gateway.master.refresh()
    assert gateway.master.tables()[0].to_pydict() == other, "the ledger is as it was"
    folder = gateway.folder / "inbound" / "master-data"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "items.csv").write_text(ITEMS)
    run_once(gateway)
    assert gateway.master.tables()[0].to_pydict() == {"sku": ["SKU-1"], "base_uom": ["EA"]}


def test_a_home_is_made_for_its_user_and_group_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        homes.lay_down(tmp_path / "new", examples=False)
    finally:
        os.umask(before)
    folders = [tmp_path / "new", *(tmp_path / "new" / name for name in homes.FOLDERS)]
    modes = {folder.name: oct(folder.stat().st_mode & 0o7777) for folder in folders}
    own, shared = "0o750", "0o2770"
    assert modes == {"new": own, "inbound": shared, "outbound": own, "ledger": own, "mappings": shared}
    assert not [path for path in (tmp_path / "new" / "mappings").rglob("*") if path.stat().st_mode & 0o007]
