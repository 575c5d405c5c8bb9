"""Exceptions of what the books left out, since they could not work with its values."""

from __future__ import annotations

from gateway.books import isolation
from gateway.books.exceptions.codes import Code
from gateway.books.reconcile.registry import Reconciliation, Registry
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


LATER = {
    ("files", "PARTNER_UNKNOWN"): "A partner that the settings do not name: its rows stand in the first entity's books"
}
"""(family, code) → title of codes that came after homes were laid down; one that does not name them has them too."""


def completed(registry: Registry) -> Registry:
    """The registry with a block of this family and the codes of `LATER`, in a home that does not name them, too."""
    if not registry.owners:
        return registry
    owner = "IN" if "IN" in registry.owners else next(iter(registry.owners))
    blocks = [_with_later_codes(block, owner) for block in registry.reconciliations]
    if not any(block.family == FAMILY for block in blocks):
        blocks.append(_block(owner))
    return registry.model_copy(update={"reconciliations": tuple(blocks)})


def _with_later_codes(block: Reconciliation, owner: str) -> Reconciliation:
    later = {code: _code(owner, title) for (family, code), title in LATER.items() if family == block.family}
    return block.model_copy(update={"codes": {**later, **block.codes}}) if later else block


def _code(owner: str, title: str) -> Code:
    return Code(severity=1, owner=owner, days=1, suggestion="ESCALATE", title=title)


def _block(owner: str) -> Reconciliation:
    return Reconciliation.model_validate(
        {
            "letter": "lo",
            "slug": "left-out",
            "title": "Left out of the books",
            "sheet": "LO_LEFT_OUT",
            "unit": "money",
            "family": FAMILY,
            "codes": {isolation.CODE: _code(owner, "A value that the books cannot work with")},
        }
    )
