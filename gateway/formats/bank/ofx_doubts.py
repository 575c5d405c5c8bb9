"""OFX transactions whose fields contradict each other. The row still counts, and an exception asks a person to look.

Sources: OFX 2.2, section 3.2.9.2 (the sign of an amount counts) and 11.4.4.1 (kinds of transactions; FITID is
mandatory; CORRECTFITID names a transaction that this one replaces or deletes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from gateway.errors import Fault

CODE = "ROW_DOUBTFUL"
_PAID = frozenset(("DEBIT", "DIRECTDEBIT", "CHECK", "CASH", "FEE", "SRVCHG"))
_RECEIVED = frozenset(("CREDIT", "DEP", "DIRECTDEP", "DIV"))
_NOT_ZERO = re.compile("[1-9]")
_UNSAID = frozenset(("", "OTHER"))
"""Kinds that do not say whether it is money."""
_MINUS = ("-", "\u2212", "(")
"""What an amount below zero begins with; some banks write (10.50), and some 10.50-."""
_SIGN = "Compare it with the bank's own statement; the sign of TRNAMT counts, as OFX demands."
_NO_ID = "Check that it is money, not a balance; ignore such rows in the mapping if it is not."
_CORRECTS = "Compare both with the bank's own statement, and reverse the one that does not count."


class Doubts:
    """Gathers the doubts about transactions: one of each kind for a statement, at its first row, with the count."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], tuple[int, str, str, str, int]] = {}

    def see(self, statement: int, before: int, transactions: Sequence[Mapping[str, str]]) -> None:
        """Transactions that follow `before` others in a statement, with the values as the bank wrote them."""
        for number, values in enumerate(transactions, before + 1):
            kind, amount = values.get("TRNTYPE", "").strip().upper(), values.get("TRNAMT", "").strip()
            below_zero = amount.startswith(_MINUS) or amount.endswith("-")
            if kind in (_RECEIVED if below_zero else _PAID) and _NOT_ZERO.search(amount):
                message = f"TRNTYPE is {kind}, and TRNAMT {amount} says otherwise"
                self._add(statement, number, "TRNTYPE", kind, message, _SIGN)
            if kind in _UNSAID and not values.get("FITID", "").strip():
                message = "FITID is missing, and TRNTYPE does not say that it is money"
                self._add(statement, number, "FITID", "", message, _NO_ID)
            if "CORRECTFITID" in values and (corrected := values["CORRECTFITID"].strip()):
                message = f"it corrects the transaction {corrected}"
                self._add(statement, number, "CORRECTFITID", corrected, message, _CORRECTS)

    def _add(self, statement: int, number: int, column: str, value: str, message: str, hint: str) -> None:
        key = (statement, f"{column} {value}" if column == "TRNTYPE" else column)
        first = self._found.get(key, (number, value, message, hint, 0))
        self._found[key] = (*first[:4], first[4] + 1)

    def faults(self, positions: list[str]) -> Iterator[tuple[int, Fault]]:
        """(statement, fault). `positions` has the place of each statement."""
        for (statement, key), (number, value, message, hint, count) in self._found.items():
            said = message if count == 1 else f"{message} ({count} rows)"
            place = f"{positions[statement]}/…/STMTTRN[{number}]"
            yield statement, Fault(CODE, said, hint, place, key.partition(" ")[0], value)
