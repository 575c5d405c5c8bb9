"""What a mapping may fill and a question may ask: `tables` and `fields`. Neither needs a home."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.output import out, print_json, print_rows
from gateway.errors import HouseError

ANY_TABLE = typer.Argument(metavar="TABLE", help="A table, e.g. order_line.")


def tables(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """The tables of the ledger: what a row of each is, and whether mappings fill it."""
    from gateway.model import references

    rows = references.tables()
    (print_json if as_json else print_rows)(rows)


def fields(
    name: Annotated[str, ANY_TABLE],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """The fields of a table: which are required, their types, and what they mean."""
    from gateway.model import TABLES, references
    from gateway.nearest import listed, nearest

    table = TABLES.get(name.removesuffix("_current"))
    if table is None:
        fix = f"Write one of {listed(TABLES, len(TABLES))}."
        raise HouseError("find table", name, fix, f"there is no such table{nearest(name, TABLES)}")
    rows = references.fields(table)
    if as_json:
        print_json(rows)
        return
    out.print(table.doc)
    print_rows(rows)
    if not table.provenance:
        out.print("The gateway writes this table; mappings cannot fill it.")
    for sentence in references.together(table):
        out.print(f"Fill with it, in this mapping or another: {sentence}")
