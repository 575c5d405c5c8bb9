from __future__ import annotations

import pytest

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


def test_kind_follows_reconciliation_but_master_data_goes_first() -> None:
    pairs = [("a", "QTY_SHORT"), ("a", "SKU_UNKNOWN"), ("b", "OVERSELL_RISK"), ("b", "LISTING_NO_ALIAS"),
             ("c1", "UNMAPPED_LINE"), ("d", "PAYOUT_DUP"), ("e", "REFUND_DUP"), ("f", "RCPT_OVER"), ("g", "NEG_VALUE"),
             ("h", "STMT_GAP"), ("i", "ROW_REJECT"), ("", "")]  # fmt: skip
    assert [kind_of(*pair) for pair in pairs] == [
        "STOCK", "MASTER", "LISTING", "MASTER", "SETTLEMENT", "PAYOUT", "RETURNS", "RECEIPTS", "OTHER", "OTHER", "ROWS",
        "OTHER",
    ]  # fmt: skip


def test_every_resolution_is_explained_once() -> None:
    names = [r.name for r in RESOLUTIONS]
    assert len(names) == len(set(names)) and all(r.meaning.endswith(".") for r in RESOLUTIONS)
