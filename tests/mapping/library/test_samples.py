"""Samples: what a mapping once read right, it goes on reading right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gateway.mapping.library import samples
from tests.mapping.fake import Bench, mapping, snapshot, stock

MAPPING = """
feed = "acme.{stem}"
partner = "acme"
[file]
match = ["{match}"]
format = "delimited"
[[record]]
type = "inventory_snapshot"
key = ["sku"]
[record.fields]
location = "place"
as_of = "at"
scope = {{ constant = "FULL" }}
sku = "sku"
status = {{ constant = "AVAILABLE" }}
qty = "qty"
"""

ROW = {"location": "A", "sku": "x", "qty": "1.0000", "as_of": "2026-11-01T00:00:00Z"}


@pytest.fixture
def partner(tmp_path: Path) -> Path:
    folder = tmp_path / "mappings" / "acme"
    (folder / "samples").mkdir(parents=True)
    write(folder, "stock", "*.csv")
    return folder


def write(folder: Path, stem: str, match: str) -> None:
    (folder / f"{stem}.toml").write_text(MAPPING.format(stem=stem, match=match))


def sample(folder: Path, name: str, expected: Any = None) -> Path:
    path = folder / "samples" / name
    path.write_text("place,sku,qty\n")
    if expected is not None:
        path.with_name(name + ".expected.json").write_text(
            expected if isinstance(expected, str) else json.dumps(expected)
        )
    return path


def outcome(*rows: Mapping[str, Any], **counts: int) -> samples.Run:
    return lambda _mapping, _sample: {
        "file": "x",
        "counts": {"received": len(rows), **counts},
        "records": {"inventory_snapshot": list(rows)},
        "faults": [{"position": "line 3", "code": "ROW_REJECT", "message": "qty: is blank"}],
        "entries": [],
    }


def test_an_outcome_as_expected_says_nothing(partner: Path) -> None:
    sample(partner, "a.csv", {"counts": {"received": 1}, "records": {"inventory_snapshot": [ROW]}})
    assert (
        samples.check(partner / "stock.toml", outcome({**ROW, "_record": 0, "record_id": "f.0.0", "stale": None})) == []
    )


def test_differences_name_sample_row_column_and_both_values(partner: Path) -> None:
    path = sample(
        partner,
        "a.csv",
        {
            "counts": {"received": 2, "rejected": 1},
            "records": {"inventory_snapshot": [ROW, ROW]},
            "faults": [{"code": "FILE_REJECT"}],
        },
    )
    found = samples.check(partner / "stock.toml", outcome({**ROW, "qty": "2.0000", "basis": "NET"}))
    assert found == [
        f"{path}: received: 1, expected 2",
        f"{path}: rejected: 0, expected 1",
        f'{path}: inventory_snapshot 1: qty is "2.0000", expected "1.0000"',
        f'{path}: inventory_snapshot 1: basis is "NET", expected blank',
        f"{path}: inventory_snapshot 2: missing, expected {json.dumps(ROW)}",
        f'{path}: faults 1: code is "ROW_REJECT", expected "FILE_REJECT"',
    ]


def test_decimals_and_instants_are_compared_by_what_they_mean_and_texts_by_their_letters(partner: Path) -> None:
    same = {**ROW, "qty": "1", "as_of": "2026-11-01T01:00:00+01:00"}
    sample(partner, "a.csv", {"records": {"inventory_snapshot": [same]}})
    assert samples.check(partner / "stock.toml", outcome(ROW)) == []
    sample(partner, "a.csv", {"records": {"inventory_snapshot": [{**ROW, "sku": "007"}]}})
    assert len(samples.check(partner / "stock.toml", outcome({**ROW, "sku": "7"}))) == 1


def test_what_the_expectation_does_not_name_is_free_except_records_of_another_table(partner: Path) -> None:
    sample(partner, "a.csv", {"counts": {}})
    assert samples.check(partner / "stock.toml", outcome(ROW)) == []
    path = sample(partner, "a.csv", {"records": {}})
    assert samples.check(partner / "stock.toml", outcome(ROW)) == [f"{path}: inventory_snapshot: 1 rows, expected none"]
    path = sample(partner, "a.csv", {"recods": {}})
    assert samples.check(partner / "stock.toml", outcome(ROW)) == [f"{path}: unknown key recods in the expectation"]


def test_a_sample_without_expectation_and_a_broken_one_are_reported(partner: Path) -> None:
    sample(partner, "a.csv")
    sample(partner, "b.csv", "{")
    found = samples.check(partner / "stock.toml", outcome(ROW))
    assert "has no a.csv.expected.json" in found[0]
    assert "is not valid JSON" in found[1]


def test_refresh_writes_what_check_then_accepts(partner: Path) -> None:
    path = sample(partner, "a.csv")
    assert samples.check(partner / "stock.toml", outcome(ROW, rejected=1), refresh=True) == []
    assert samples.check(partner / "stock.toml", outcome(ROW, rejected=1)) == []
    written = json.loads((path.parent / "a.csv.expected.json").read_text())
    assert written["records"]["inventory_snapshot"] == [ROW]
    assert "file" not in written


def test_a_sample_belongs_to_the_mapping_that_matches_its_name_best(partner: Path) -> None:
    write(partner, "stock-daily", "*.csv")
    write(partner, "orders", "*order*.txt")
    for name in ("stock-1.csv", "stock-daily-1.csv", "other.csv", "My-Order.TXT", ".hidden.csv"):
        sample(partner, name)
    assert [p.name for p in samples.samples(partner / "stock.toml")] == ["other.csv", "stock-1.csv"]
    assert [p.name for p in samples.samples(partner / "stock-daily.toml")] == ["other.csv", "stock-daily-1.csv"]
    assert [p.name for p in samples.samples(partner / "orders.toml")] == ["My-Order.TXT"]
    assert samples.samples(partner.parent / "none" / "x.toml") == []


def test_long_lists_of_differences_are_cut(partner: Path) -> None:
    sample(partner, "a.csv", {"records": {"inventory_snapshot": [ROW] * 50}})
    found = samples.check(partner / "stock.toml", outcome())
    assert len(found) == samples.DIFFERENCES_MAX + 1
    assert found[-1].endswith("30 more differences")


def test_cells_as_json() -> None:
    assert samples.value(Decimal("1.50")) == "1.50"
    assert samples.value(date(2026, 11, 1)) == "2026-11-01"
    assert samples.value(datetime(2026, 11, 1, 10, tzinfo=UTC)) == "2026-11-01T10:00:00Z"
    assert samples.value(True) is True
    assert samples.shape({"records": {"t": [{"a": None, "b": UUID(int=1), "_c": 1, "d": 1}]}}) == {
        "records": {"t": [{"d": 1}]}
    }


def test_what_a_mapping_made_has_the_shape_of_an_expectation(bench: Bench) -> None:
    mapped = bench.apply(mapping(snapshot()), lambda _: stock(("A", "x", "1"), ("A", "", "oops")))
    found = samples.of(bench.con, mapped.mapped)
    assert found["counts"] == {"received": 2, "accepted": 1, "rejected": 1, "ignored": 0}
    assert found["records"] == {
        "inventory_snapshot": [
            {
                "position": "line 2",
                "occurrence": 1,
                "location": "A",
                "as_of": "2026-11-01T00:00:00Z",
                "scope": "FULL",
                "sku": "x",
                "status": "AVAILABLE",
                "qty": "1.0000",
            }
        ]
    }
    assert [(f["column_name"], f["code"]) for f in found["faults"]] == [("qty", "ROW_REJECT"), ("sku", "ROW_REJECT")]
    json.dumps(found)
