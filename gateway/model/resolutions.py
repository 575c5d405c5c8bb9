"""What a person may answer: the resolutions of each kind of exception, as the workbook's dropdowns offer them.

The kind stands in mappings/reconciliations.toml: with the reconciliation, or with a code that has a kind of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

STOCK, LISTING, SETTLEMENT, PAYOUT = "STOCK", "LISTING", "SETTLEMENT", "PAYOUT"
RETURNS, RECEIPTS, MASTER, ROWS, OTHER = "RETURNS", "RECEIPTS", "MASTER", "ROWS", "OTHER"

KINDS = {
    STOCK: "Snapshot against book",
    LISTING: "Channel listing against available-to-sell",
    SETTLEMENT: "Settlement against orders, refunds and fees",
    PAYOUT: "Payout against bank",
    RETURNS: "Returns chain",
    RECEIPTS: "Fulfilment and receipt",
    MASTER: "Unknown item, listing or location",
    ROWS: "Rejected rows and files",
    OTHER: "Everything else",
}

DECISIONS = ("APPROVE", "REJECT")


@dataclass(frozen=True, slots=True)
class Resolution:
    """One answer: its name, the kinds that may use it (() for all), and what then happens.

    closes  it settles the exception: nothing is left to do, and nothing is posted
    asks    what must be said with it: "target", "value" or ""
    """

    name: str
    kinds: tuple[str, ...]
    meaning: str
    closes: bool = False
    asks: str = ""


RESOLUTIONS = (
    Resolution("ACCEPT_EXTERNAL", (STOCK,), "Their count is right: the book is adjusted to it; give a reason_code."),
    Resolution("KEEP_BOOK", (STOCK,), "The book is right: they correct their count; nothing is posted.", closes=True),
    Resolution("RECOUNT", (STOCK,), "Ask for a count; the exception stays open until it arrives."),
    Resolution(
        "TIMING",
        (STOCK,),
        "A document in flight explains it: name it in target_ref (`--target`).",
        closes=True,
        asks="target",
    ),
    Resolution("CLAIM_3PL", (STOCK,), "The warehouse operator lost or damaged it: open a claim."),
    Resolution(
        "RECLASS",
        (STOCK,),
        "Right quantity, wrong status: move it to the status in corrected_value (`--value`).",
        asks="value",
    ),
    Resolution("PUSH_ATS", (LISTING,), "Send the available-to-sell figure to the channel again."),
    Resolution("PAUSE_LISTING", (LISTING,), "Offer zero on the channel until released."),
    Resolution(
        "MAP_LINE",
        (SETTLEMENT,),
        "Post the line as the class in corrected_value (`--value`), now and in future.",
        asks="value",
    ),
    Resolution("LINK_ORDER", (SETTLEMENT,), "It belongs to the order in target_ref (`--target`).", asks="target"),
    Resolution("CLAIM", (SETTLEMENT, RETURNS), "Claim the difference from the channel or carrier."),
    Resolution("ACCEPT_FEE", (SETTLEMENT,), "The fee is accepted as charged.", closes=True),
    Resolution("REVERSE_DUP", (SETTLEMENT,), "The line was paid or charged twice: reverse the second one."),
    Resolution("CONFIRM_MATCH", (PAYOUT,), "The suggested match is right."),
    Resolution(
        "SPLIT", (PAYOUT,), "The deposit covers several payouts: list them in target_ref (`--target`).", asks="target"
    ),
    Resolution("BANK_FEE", (PAYOUT,), "The bank kept the difference as its fee."),
    Resolution("FX", (PAYOUT,), "The difference is an exchange difference."),
    Resolution("UNKNOWN_HOLD", (PAYOUT,), "Leave the deposit in suspense until its origin is known."),
    Resolution("APPROVE_REFUND", (RETURNS,), "Release the refund."),
    Resolution("DENY", (RETURNS,), "No refund; say why in comment.", closes=True),
    Resolution("RETURNLESS_OK", (RETURNS,), "Refunded without a return, within policy.", closes=True),
    Resolution("SET_DISPOSITION", (RETURNS,), "Give the disposition in corrected_value (`--value`).", asks="value"),
    Resolution("CHARGE_CUSTOMER", (RETURNS,), "Not returned, or not as sold: charge the customer."),
    Resolution("ACCEPT_SHORT", (RECEIPTS,), "The smaller quantity is final.", closes=True),
    Resolution("BACKORDER", (RECEIPTS,), "The missing quantity follows later."),
    Resolution("DEBIT_SUPPLIER", (RECEIPTS,), "Debit the supplier with the difference."),
    Resolution("LINK_PO", (RECEIPTS,), "It belongs to the purchase order in target_ref (`--target`).", asks="target"),
    Resolution(
        "MAP_ALIAS", (MASTER,), "The unknown code means the item or location in target_ref (`--target`).", asks="target"
    ),
    Resolution("FIX_VALUE", (ROWS,), "Take the row with the value in corrected_value (`--value`).", asks="value"),
    Resolution("REPROCESS", (ROWS,), "Read it again: the mapping or the file was corrected."),
    Resolution("IGNORE", (ROWS,), "The row does not matter; say why in comment.", closes=True),
    Resolution("ESCALATE", (), "Hand it to the next level; it stays open."),
    Resolution("WRITE_OFF", (), "Write the difference off. Needs a second person and a comment."),
)


def resolutions_of(kind: str) -> tuple[str, ...]:
    """The resolutions that an exception of that kind may be given, in the order of the dropdown."""
    return tuple(r.name for r in RESOLUTIONS if kind in r.kinds) + tuple(r.name for r in RESOLUTIONS if not r.kinds)
