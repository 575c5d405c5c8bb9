"""What journal lines say beside account and amount."""

from __future__ import annotations

from collections.abc import Collection

from gateway.books.posting.rules import Rule

DIMENSIONS = ("sku", "location", "order_id", "settlement_id")


def carries(rule: Rule, dimension: str, columns: Collection[str]) -> bool:
    """Whether lines of a rule name the dimension: only where all records of an entry share it."""
    if dimension not in columns:
        return False
    return rule.granularity == "record" or rule.document == dimension
