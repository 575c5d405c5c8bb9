"""The model in print: docs/ledger.md, and for mappings docs/tables.md. `make pages` writes both."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

from gateway.model import SUBJECTS, TABLES
from gateway.model.references import STOCK
from gateway.model.table import PROVENANCE, Column, Table

_HEAD = """# The ledger

Every table and column, as `gateway query` reads them. This page is generated from `gateway/model/`; change it there and
run `make pages`.

Tables only grow: a commit adds rows and changes none. What holds now is in views:

| view | shows |
|---|---|
"""
_AFTER = """
Types: quantities and money are `DECIMAL(18,4)`, in the item's base unit and in `currency`; unit costs are
`DECIMAL(18,6)`; instants are UTC. **Bold** columns are never empty. Every table also has `row_hash`, the hash of the
row, and `commit_seq`, the row of `audit_log` that covers it.

## Provenance

The tables that are filled from files begin with these columns.

"""
_MAPPINGS_HEAD = """# The tables that mappings fill

What a record of a mapping may say: `[[record]] type = "…"` names a table, `[record.fields]` its fields. A row without a
required field is rejected, with its place. How a field is written is in [mapping](mapping.md); the same lists are
printed by `gateway tables` and `gateway fields TABLE`. This page is generated from `gateway/model/`; change it there
and run `make pages`.

Types are those of a field without `type`: `decimal` has 4 decimals (6 for costs of a unit), quantities are in the unit
that the file counts in, money is in `currency`; `datetime` needs a time zone, in the value or in the mapping; a `code`
is one of the allowed values, mostly through a `map` or a lookup.
"""

VIEWS = {
    **{
        table.state: f"the newest row of each `{table.identity}` of `{name}`"
        for name, table in TABLES.items()
        if table.state
    },
    "stock": STOCK,
    "<table>_current": "of a table from files, the records that no later file has replaced or taken back",
}
"""Every view of what holds now, with what it shows."""


def page() -> str:
    """The whole page in Markdown."""
    views = [f"| `{name}` | {doc} |\n" for name, doc in VIEWS.items()]
    parts = [_HEAD, *views, _AFTER, _columns(PROVENANCE)]
    for subject, module in SUBJECTS.items():
        parts += _subject(subject, module)
    return "".join(parts)


def mappings_page() -> str:
    """The tables that mappings fill, in Markdown."""
    parts = [_MAPPINGS_HEAD]
    for subject, module in SUBJECTS.items():
        filled = [table for table in module.TABLES if table.provenance]
        parts += [f"\n## {subject}\n"] if filled else []
        for table in filled:
            parts += _filled(table)
    return "".join(parts)


def _filled(table: Table) -> Iterator[str]:
    yield f"\n### `{table.name}`\n\n{table.doc}\n\n"
    if table.together:
        yield (
            "Fill with it, in the same mapping or another:\n\n"
            + "".join(f"- `{name}`, which {why}\n" for name, why in table.together)
            + "\n"
        )
    yield "| field | required | type | allowed values | meaning |\n|---|---|---|---|---|\n"
    for column in table.columns:
        if not column.retired:
            needed = "yes" if column.required else ""
            values = ", ".join(f"`{value}`" for value in column.values)
            yield f"| `{column.name}` | {needed} | {column.kind} | {values} | {_escaped(column.doc)} |\n"


def _subject(subject: str, module: ModuleType) -> Iterator[str]:
    yield f"\n## {subject}\n\n{module.__doc__} Declared in `gateway/model/{module.__name__.rpartition('.')[2]}.py`.\n"
    for table in module.TABLES:
        yield f"\n### `{table.name}`\n\n{table.doc} {_notes(table)}\n\n{_columns(table.columns)}"


def _notes(table: Table) -> str:
    """Where its rows come from, which view shows what holds, by what its history is pruned."""
    notes = ["From files." if table.provenance else "Written by the gateway."]
    if table.present:
        notes.append(f"What holds now: the view `{table.present}`.")
    if table.event:
        notes.append(f"The time of a row: `{table.event}`.")
    return " ".join(notes)


def _columns(columns: tuple[Column, ...]) -> str:
    return "| column | type | meaning |\n|---|---|---|\n" + "".join(
        _column(column) for column in columns if not column.retired
    )


def _column(column: Column) -> str:
    name = f"**`{column.name}`**" if column.required else f"`{column.name}`"
    values = f": {', '.join(f'`{value}`' for value in column.values)}" if column.values else ""
    before = f" (`{column.formerly}` in older ledgers)" if column.formerly else ""
    return f"| {name} | `{column.type}` | {_escaped(column.doc)}{values}{before} |\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(mappings_page() if "mappings" in sys.argv else page())
