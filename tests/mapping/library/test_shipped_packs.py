"""Packs that `gateway check` takes as they were shipped: whatever their verdict depends on ends it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway import shipped
from gateway.mapping.library import shipped_packs
from gateway.mapping.library.shipped_packs import ShippedPacks

PAYPAL, CSV = "standard/paypal/settlement.toml", "standard/csv/items.toml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder `mappings` of a home with two folders of packs."""
    origin = shipped.folder() / "mappings"
    for folder in ("standard/paypal", "standard/csv", "lookups"):
        shutil.copytree(origin / folder, tmp_path / folder)
    for path in origin.glob("*.toml"):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


def held(root: Path) -> tuple[bool, bool]:
    packs = ShippedPacks(root)
    return packs.holds(root / PAYPAL), packs.holds(root / CSV)


def test_packs_as_they_were_shipped_are_sound_and_nothing_else_is(root: Path) -> None:
    assert held(root) == (True, True)
    own = root / "acme" / "items.toml"
    own.parent.mkdir()
    shutil.copy(root / CSV, own)
    assert not ShippedPacks(root).holds(own)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        (PAYPAL, (False, True)),
        ("standard/paypal/transaction-detail.toml", (False, True)),  # it may match the samples better
        ("standard/csv/samples/items.csv", (True, False)),
        ("standard/csv/samples/items.csv.expected.json", (True, False)),
        ("standard/csv/samples/master-data.csv", (True, False)),
        ("lookups/paypal-events.csv", (False, True)),
        ("chart.toml", (True, True)),  # no expectation of a pack says what its rows post
        ("posting.toml", (True, True)),
    ],
)
def test_a_file_that_the_verdict_depends_on_ends_it_when_it_is_changed_or_missing(
    root: Path, name: str, holds: tuple[bool, bool]
) -> None:
    content = (root / name).read_bytes()
    (root / name).write_bytes(content.swapcase())
    assert held(root) == holds
    (root / name).unlink()
    assert held(root) == holds
    (root / name).write_bytes(content)
    assert held(root) == (True, True)


def test_no_expectation_of_a_pack_says_what_its_rows_post() -> None:
    expectations = list((shipped.folder() / "mappings" / "standard").glob("*/samples/*.expected.json"))
    assert len(expectations) > 100
    assert [path.name for path in expectations if b'"entries"' in path.read_bytes()] == []


def test_a_lookup_ends_the_verdict_on_the_packs_that_name_it_alone(root: Path) -> None:
    shutil.copytree(shipped.folder() / "mappings" / "standard" / "amazon", root / "standard" / "amazon")
    lookup = root / "lookups" / "amazon-ledger-reason.csv"
    lookup.write_bytes(lookup.read_bytes() + b"OWN,OTHER\n")
    packs = ShippedPacks(root)
    held = {path.stem: packs.holds(path) for path in (root / "standard" / "amazon").glob("*.toml")}
    assert (held["inventory-ledger-detail"], held["settlement-v2"]) == (False, True)


def test_a_new_file_beside_a_pack_ends_the_verdict_and_an_own_lookup_does_not(root: Path) -> None:
    (root / "lookups" / "own.csv").write_text("code,value\n1,A\n")
    (root / "metrics.toml").write_text("")
    assert held(root) == (True, True)
    (root / "standard" / "csv" / "samples" / "new.csv").write_text("")
    assert held(root) == (True, False)


@pytest.mark.parametrize("damage", [b"\xff", None])
def test_what_cannot_be_read_is_checked(root: Path, damage: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if damage is None:
        monkeypatch.setattr(shipped_packs, "LIST", root / "no list")
    else:
        (root / PAYPAL).write_bytes(damage)
    assert held(root) == (False, damage is not None)
