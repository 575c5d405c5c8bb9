"""Through what the files of the business are written."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol


class Sink(Protocol):
    """Takes files, and notes of what was planted in them."""

    def put(self, partner: str, name: str, content: bytes) -> None:
        """Write one drop."""

    def plant(self, code: str, key: str, amount: Decimal | str, what: str, *, primary: bool = True) -> None:
        """Note a discrepancy."""
