"""The reconciliations in print, docs/reconciliations.md: `make pages` writes it from mappings/reconciliations.toml."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from gateway import shipped
from gateway.books.reconcile.families import FAMILIES
from gateway.books.reconcile.registry import Reconciliation, Registry, Side

_HEAD = """# Reconciliations

Each compares two sides, keeps what is open, and opens an exception for what is wrong. All of them are blocks of
`mappings/reconciliations.toml`; this page is generated from the blocks that are shipped (`make pages`). A block of your
own is described in [extending](extending.md).

How a declared reconciliation is matched: its passes run in order over what is still open. `key` pairs items with the
same key, `amount` items with the same amount within the days, `words` items of which one has the other's key as a
whole word in its text, or one with all that it names; `group` takes all items with the same key. A tolerance is
bounded absolutely and relatively; the smaller bound holds. Each item is used once, and a pair matches only where
neither item has another candidate: several are no match but an exception (`open.ambiguous`). A key with an empty part
equals no other. Rows without amount or currency, with an amount of more than 4 decimals, or there twice, are not
compared and open an exception each (`open.unusable`). Every run matches everything again, so the order of arrival
changes nothing; matches are rows of `match_line`, and those that no longer hold are taken back.

Severity 1 blocks the close of a period, 4 is for information. An exception closes by itself when its cause is gone.
"""


def page(registry: Registry) -> str:
    """The whole page in Markdown."""
    owners = "\nOwners: " + ", ".join(f"{letters} {name.lower()}" for letters, name in registry.owners.items()) + ".\n"
    return "".join([_HEAD, owners, *(_block(one) for one in registry.reconciliations)])


def _block(one: Reconciliation) -> str:
    compared = _family(one.family) if one.family else "".join(_declared(one))
    tie = ""
    if one.tie:
        side = "the book side" if one.tie.basis == "BOOK" else "what is open"
        tie = f" In the ledger {side} must equal the journal lines with `{one.tie.lines}`."
    rows = "".join(
        (
            f"| `{code}` | {meaning.title} | {meaning.severity} | {meaning.owner} | {meaning.days:g} | "
            f"`{meaning.suggestion}` |\n"
        )
        for code, meaning in one.codes.items()
    )
    return (
        f"\n## {one.letter}: {one.title}\n\n{compared} Summed in {one.unit}; sheet `{one.sheet}`.{tie}\n\n"
        f"| code | meaning | severity | owner | days | suggested |\n|---|---|---|---|---|---|\n{rows}"
    )


def _family(name: str) -> str:
    family = FAMILIES[name]
    return f"External: {family.external}; book: {family.book}. The program compares them (`{name}`)."


def _declared(one: Reconciliation) -> Iterator[str]:
    for name, side in (("External", one.external), ("book", one.book)):
        if side:
            yield f"{name}: {_side(side)}; "
    yield "passes: " + ", ".join(each.in_words() for each in one.passes) + "."


def _side(side: Side) -> str:
    return f"`{side.source}`" + (f" where `{side.when}`" if side.when else "") + f" by {', '.join(side.key)}"


def registry() -> Registry:
    """The reconciliations that are shipped."""
    return Registry.model_validate(shipped.rules("reconciliations.toml"))


if __name__ == "__main__":
    sys.stdout.write(page(registry()))
