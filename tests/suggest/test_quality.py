"""How good drafts are: of the packs' own samples, each with its pack taken away, and of files of unknown layout."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gateway import suggest
from gateway.mapping.language.spec import RecordSpec
from tests.suggest.layouts import LAYOUTS, Layout
from tests.suggest.measure import columns_of, measured, of_documents, shipped, sure_of


def test_drafts_of_tables_are_mostly_right_and_what_they_call_sure_is_right(tmp_path: Path) -> None:
    found = list(measured(("delimited", "workbook"), tmp_path))
    assert len(found) > 35
    assert [line for one in found for line in one.wrong] == []
    assert sum(one.right for one in found) >= 0.78 * sum(one.fields for one in found)
    assert sum(one.sure for one in found) > 90


def test_drafts_of_documents_of_unknown_roots_are_mostly_right_and_what_they_call_sure_is_right(tmp_path: Path) -> None:
    found = list(of_documents(tmp_path))
    assert len(found) > 30
    assert [line for one in found for line in one.wrong] == []
    assert sum(one.right for one in found) >= 0.65 * sum(one.fields for one in found)
    assert sum(one.sure for one in found) > 40


@pytest.fixture(scope="module")
def packs() -> dict[str, suggest.Loaded]:
    return shipped()


@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout.name for layout in LAYOUTS])
def test_a_file_of_unknown_layout(layout: Layout, packs: dict[str, suggest.Loaded], tmp_path: Path) -> None:
    file = tmp_path / layout.name
    file.write_bytes(layout.content.encode(layout.encoding))
    [draft] = suggest.drafts([file], packs, "somebody")
    record = RecordSpec.model_validate(tomllib.loads(suggest.text(draft))["record"][0])
    assert (draft.based_on, record.type) == ("", layout.table)
    given = {(field, column) for field in record.fields for column in columns_of(record, field)}
    truth = {field: columns.split("|") for field, columns in layout.truth.items()}
    missed = [field for field, columns in truth.items() if not any((field, column) in given for column in columns)]
    assert len(missed) <= 0.2 * len(truth) or layout.name in AMBIGUOUS, missed
    wrong = [(field, column) for field, column in sure_of(draft, record) if column not in truth.get(field, [column])]
    assert wrong == []


AMBIGUOUS = ("o.xml",)
"""Its `amount` is a number of units."""


def test_what_several_columns_could_be_is_never_sure(packs: dict[str, suggest.Loaded], tmp_path: Path) -> None:
    orders, bank = tmp_path / "orders.csv", tmp_path / "bank.csv"
    orders.write_text(
        "Order No,Order Date,Ship Date,SKU,Vendor SKU,Qty,Gross Amount,Net Amount,Currency\n"
        "O1,2026-11-13,2026-11-15,A,VA,3,11.90,10.00,EUR\nO2,2026-11-14,2026-11-16,B,VB,1,5.95,5.00,EUR\n"
    )
    bank.write_text(
        "Account;Booking date;Amount;Original amount;Description;Reference\n"
        "DE89370400440532013000;03/04/2026;-12,00;-13,00;Shop;R1\nDE89370400440532013000;05/06/2026;50,00;50,00;Pay;R2\n"
    )
    marks = {}
    for file in (orders, bank):
        [draft] = suggest.drafts([file], packs, "somebody", "bank_line" if file is bank else None)
        marks |= {line.key: line.certainty for line in draft.records[0].fields}
    assert (marks["order_id"], marks["ordered_at"], marks["account"]) == ("sure", "sure", "sure")
    assert (marks["sku"], marks["list_amount"], marks["amount"]) == ("guess", "guess", "guess")
    assert marks["booking_date"] == "guess"  # 03/04 is a day of March or of April
    assert "promise_at" not in marks  # when it left, not when it was promised
