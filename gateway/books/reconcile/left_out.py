"""Exceptions of what the books left out, since they could not work with its values."""

from __future__ import annotations

from gateway.books import isolation
from gateway.books.reconcile.registry import Reconciliation
from gateway.books.reconcile.tables import Working

FAMILY = "left_out"
CODES = (isolation.CODE,)


def run(working: Working, block: Reconciliation) -> None:
    """Make an exception of each row, item, order, file or step that is left out."""
    working.add_exceptions(
        block,
        f"""select '{isolation.CODE}' as code, step || '|' || unit as business_key, entity, partner, sku, document,
            file_id,
               "position",
               case when unit = '' then title || ' could not be worked out and stays as it was: ' || why
                    else title || ': ' || coalesce(what, unit) || ' is left out: ' || why end
               || '. It is tried again at each pass. Fix: correct the value at its source and have it sent again'
                as message
        from {working.left_out}""",
    )
