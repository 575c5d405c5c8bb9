from __future__ import annotations

from pathlib import Path

import pytest

from gateway.books.rules import load
from gateway.workbooks.resolutions import KIND_TITLES, RESOLUTIONS, kind_of, resolutions_of

EXPECTED = {
    "STOCK": "ACCEPT_EXTERNAL KEEP_BOOK RECOUNT TIMING CLAIM_3PL RECLASS",
    "LISTING": "PUSH_ATS PAUSE_LISTING",
    "SETTLEMENT": "MAP_LINE LINK_ORDER CLAIM ACCEPT_FEE REVERSE_DUP",
    "PAYOUT": "CONFIRM_MATCH SPLIT BANK_FEE FX UNKNOWN_HOLD",
    "RETURNS": "APPROVE_REFUND DENY RETURNLESS_OK SET_DISPOSITION CHARGE_CUSTOMER CLAIM",
    "RECEIPTS": "ACCEPT_SHORT BACKORDER DEBIT_SUPPLIER LINK_PO",
    "MASTER": "MAP_ALIAS",
    "ROWS": "FIX_VALUE REPROCESS IGNORE",
    "OTHER": "",
}


@pytest.mark.parametrize("kind", list(KIND_TITLES))
def test_each_kind_has_its_resolutions_and_the_common_ones(kind: str) -> None:
    assert set(resolutions_of(kind)) == {*EXPECTED[kind].split(), "ESCALATE", "WRITE_OFF"}


def test_kind_is_that_of_the_reconciliation_but_master_data_goes_first() -> None:
    pairs = [("STOCK", "QTY_SHORT"), ("STOCK", "SKU_UNKNOWN"), ("LISTING", "LISTING_NO_ALIAS"), ("OTHER", "NEG_VALUE")]
    assert [kind_of(*pair) for pair in pairs] == ["STOCK", "MASTER", "MASTER", "OTHER"]


def test_every_reconciliation_that_is_shipped_names_a_kind_that_has_answers(home: Path) -> None:
    for one in load(home).registry.reconciliations:
        assert {code.suggestion for code in one.codes.values()} <= {r.name for r in RESOLUTIONS}
        assert one.answers in KIND_TITLES


def test_every_resolution_is_explained_once() -> None:
    names = [r.name for r in RESOLUTIONS]
    assert len(names) == len(set(names)) and all(r.meaning.endswith(".") for r in RESOLUTIONS)
