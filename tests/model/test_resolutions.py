from __future__ import annotations

from pathlib import Path

import pytest

from gateway.books.rules import load
from gateway.model.resolutions import KINDS, RESOLUTIONS, resolutions_of
from gateway.workbooks.book_data import Shown

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


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_kind_has_its_resolutions_and_the_common_ones(kind: str) -> None:
    assert set(resolutions_of(kind)) == {*EXPECTED[kind].split(), "ESCALATE", "WRITE_OFF"}


def test_kind_is_that_of_the_reconciliation_but_a_code_may_have_its_own() -> None:
    stock, other = Shown("a", "Stock", "A", "STOCK", apart={"SKU_UNKNOWN": "MASTER"}), Shown("g", "Ledger", "G")
    pairs = [(stock, "QTY_SHORT"), (stock, "SKU_UNKNOWN"), (other, "COST_MISSING")]
    assert [shown.kind_of(code) for shown, code in pairs] == ["STOCK", "MASTER", "OTHER"]


def test_what_is_suggested_for_a_code_that_is_shipped_is_in_its_dropdown(home: Path) -> None:
    blocks = load(home).registry.reconciliations
    for block in blocks:
        for name, code in block.codes.items():
            assert code.suggestion in resolutions_of(block.kind_of(name)), name
    master = {name for block in blocks for name in block.codes if block.kind_of(name) == "MASTER"}
    assert master == {"SKU_UNKNOWN", "SEND_NO_ALIAS", "UNIT_UNKNOWN"}


def test_every_resolution_is_explained_once() -> None:
    names = [r.name for r in RESOLUTIONS]
    assert len(names) == len(set(names)) and all(r.meaning.endswith(".") for r in RESOLUTIONS)
