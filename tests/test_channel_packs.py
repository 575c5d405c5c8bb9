"""Packs of channels, processors and XML documents: what they hold back, set aside, and make of public files.

That they are sound and read their samples row by row is tested for all packs together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway import home as homes
from gateway.errors import FileError
from gateway.mapping import load, samples
from gateway.pipeline import Gateway, check_options, try_file
from gateway.session import open_samples
from tests.conftest import corpus

ROOT = Path(__file__).parents[1] / "mappings"
STANDARD = ROOT / "standard"
FAMILIES = (
    "amazon", "walmart", "ebay", "etsy", "mirakl", "shopify", "paypal", "stripe", "adyen", "ubl", "gs1", "cxml", "epcis",
)  # fmt: skip
PACKS = [pack for family in FAMILIES for pack in sorted((STANDARD / family).glob("*.toml"))]
XML = [pack for pack in PACKS if pack.parent.name in ("ubl", "gs1", "cxml", "epcis")]
DELIMITED = [pack for pack in PACKS if pack not in XML and pack.stem != "settlement-xml"]


def name_of(value: Any) -> str:
    return value.relative_to(STANDARD).with_suffix("").as_posix() if isinstance(value, Path) else str(value)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("channels")
    homes.lay_down(home, examples=False)
    with open_samples(home) as gateway:
        yield gateway


def read(reader: Gateway, pack: Path, file: Path) -> dict[str, Any]:
    """What a pack makes of a file, with the master data of its samples."""
    loaded, faults = load.load_file(pack, ROOT)
    assert faults == []
    assert loaded is not None
    reader.read_with(*(samples.master_data(pack) or reader.master_data()))
    return try_file(reader, loaded, file)


def changed(tmp_path: Path, pack: Path, name: str, old: str, new: str) -> Path:
    """A sample with one text in place of another."""
    content = (pack.parent / "samples" / name).read_bytes()
    assert content.count(old.encode()) == 1
    path = tmp_path / name
    path.write_bytes(content.replace(old.encode(), new.encode()))
    return path


def test_every_pack_serves_as_the_base_of_a_partners_mappings(tmp_path: Path) -> None:
    homes.lay_down(tmp_path, examples=False)
    for pack in PACKS:
        base, name = name_of(pack), name_of(pack).replace("/", "-").replace(".", "-")
        own = tmp_path / "mappings" / f"p-{name}" / "feed.toml"
        own.parent.mkdir()
        own.write_text(f'based_on = "standard/{base}"\nfeed = "p-{name}.feed"\npartner = "p-{name}"\n')
    library = load.load_all(tmp_path, check_options)
    assert [str(fault) for fault in library.faults] == []
    assert len(library.mappings) == len(PACKS)


# --- what does not foot, and codes that nobody knows ------------------------------------------------------------

CHANGES = [
    ("amazon/settlement-v1", "settlement-v1.txt", "\t119.98\t", "\t119.89\t"),
    ("amazon/settlement-xml", "settlement-xml.xml", ">-39.99<", ">39.99<"),
    ("walmart/reconciliation", "reconciliation.csv", ",52.43,", ",52.44,"),
    ("ebay/transactions", "Transaction_report_20261101_20261130.csv", ",24.73,USD", ",24.74,USD"),
    ("etsy/statement", "etsy-statement-2026-11.csv", "$16.08,--,$16.08", "$16.08,--,$16.80"),
    ("shopify/payouts", "payouts_export.csv", ",1029.46,", ",1029.47,"),
    ("shopify/transactions", "payment_transactions_export_1.csv", ",54.36,", ",54.63,"),
    ("paypal/settlement", "STL-20261101.R.01.009.CSV", '"CR",5000,"USD"', '"CR",5001,"USD"'),
    ("paypal/transaction-detail", "TRR-20261101.R.01.008.CSV", '"CR",5000,"EUR"', '"CR",5001,"EUR"'),
    ("stripe/itemised", "itemised.csv", '"125.92"', '"125.29"'),
    ("stripe/balance-history", "balance_history.csv", ",-4500,", ",-4501,"),
    ("adyen/settlement-detail", "settlement_detail_report_batch_41.csv", ",141.88,", ",141.89,"),
    ("ubl/order", "order.xml", ">1318.80<", ">1318.81<"),
    ("ubl/credit-note", "credit-note.xml", ">201.86<", ">201.85<"),
    ("cxml/order-request", "order-request.xml", ">1,318.80<", ">1,319.80<"),
]


@pytest.mark.parametrize(("name", "sample", "old", "new"), CHANGES, ids=[change[0] for change in CHANGES])
def test_a_file_whose_figures_do_not_agree_is_held(
    reader: Gateway, tmp_path: Path, name: str, sample: str, old: str, new: str
) -> None:
    pack = STANDARD / f"{name}.toml"
    found = read(reader, pack, changed(tmp_path, pack, sample, old, new))
    code = "CONTROL_TOTAL" if pack.parent.name in ("ubl", "cxml") else "SETTLE_NOT_FOOT"
    assert found["held"]
    assert code in {fault["code"] for fault in found["faults"]}


def test_every_pack_with_figures_that_must_agree_is_tried_with_others() -> None:
    stated = {name_of(pack) for pack in PACKS if "tie_out" in pack.read_text(encoding="utf-8")}
    assert stated == {change[0] for change in CHANGES} | {"amazon/settlement-v2"}


@pytest.mark.parametrize(
    "pack", [pack for pack in PACKS if '"suspense"' in pack.read_text(encoding="utf-8")], ids=name_of
)
def test_an_unknown_code_keeps_its_amount_in_suspense_and_is_told(pack: Path) -> None:
    """The samples hold such a code; that they become what is expected of them is tested for all packs."""
    expected = [json.loads(sample.with_name(f"{sample.name}.expected.json").read_text()) for sample in samples.samples(pack)]
    lines = [line for one in expected for line in one["records"]["settlement_line"]]
    unknown = [line for line in lines if line["canonical_class"] == "suspense"]
    assert unknown
    assert all(Decimal(line["amount"]) for line in unknown)
    assert "UNMAPPED_LINE" in {fault["code"] for one in expected for fault in one["faults"]}
