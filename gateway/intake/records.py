"""Within a commit: the records of one table of a load, and what they take the place of."""

from __future__ import annotations

from gateway.intake.duplicates import Compared
from gateway.intake.taken import Load
from gateway.ledger.commit import Commit
from gateway.mapping.apply.mapped import FILE_SHIFT
from gateway.model import MAPPABLE, Table
from gateway.sql import instant, literal

RECORD_ID = f"concat(file_id, '.', _record, '.', _ordinal & {(1 << FILE_SHIFT) - 1}, again)"
"""SQL of the id of a record that a row of a load makes."""
_TURNED = ("from_location", "from_status", "to_location", "to_status", "type", "reversal_of")
"""Columns of a movement that its reversal has of its own."""


def write(commit: Commit, load: Load, compared: Compared) -> None:
    """Insert the records that are new or changed; take back what they replace or the file does not have any more."""
    _insert(commit, load, compared)
    if compared.table.name == "inventory_movement" and compared.known:
        _reverse(commit, load, compared.new)
    if compared.surplus:
        _take_back(commit, load, compared)


def _insert(commit: Commit, load: Load, compared: Compared) -> None:
    own = ", ".join(f'"{column.name}"' for column in compared.table.columns)
    commit.insert(
        compared.table.name,
        f"""select {RECORD_ID} as record_id, file_id, {literal(load.feed)} as feed,
                   "position", source_key, occurrence, {literal(load.entity)} as entity,
                   {literal(load.partner)} as partner, {instant(commit.at)} as recorded_at,
                   old_id as supersedes, {own}
            from {compared.new}""",
    )


def _reverse(commit: Commit, load: Load, replaced: str, supersedes: str = "null") -> None:
    """The movements `old_id` of a relation are taken back by ones that run the other way.

    supersedes  SQL of what the reversal replaces itself: nothing where a changed movement does
    """
    movement: Table = MAPPABLE["inventory_movement"]
    listed = ", ".join(f'o."{column.name}"' for column in movement.columns if column.name not in _TURNED)
    commit.insert(
        movement.name,
        f"""select o.record_id || 'r' as record_id, n.file_id, {literal(load.feed)} as feed,
                   n."position", o.source_key, o.occurrence, o.entity, o.partner,
                   {instant(commit.at)} as recorded_at, {listed},
                   o.to_location as from_location, o.to_status as from_status, o.from_location as to_location,
                   o.from_status as to_status, 'REVERSAL' as type, o.record_id as reversal_of,
                   {supersedes} as supersedes
            from {replaced} n join lake.inventory_movement o on o.record_id = n.old_id""",
    )


def _take_back(commit: Commit, load: Load, compared: Compared) -> None:
    """Records that a file does not have any more: a movement is reversed, of any other a copy says that it is gone."""
    table = compared.table
    if table.name == "inventory_movement":
        _reverse(commit, load, compared.surplus, "o.record_id")
        return
    own = ", ".join(f'o."{column.name}"' for column in table.columns)
    commit.insert(
        table.name,
        f"""select o.record_id || 'w' as record_id, n.file_id, {literal(load.feed)} as feed,
                   n."position", o.source_key, o.occurrence, o.entity, o.partner,
                   {instant(commit.at)} as recorded_at, o.record_id as supersedes, true as withdrawn, {own}
            from {compared.surplus} n join lake."{table.name}" o on o.record_id = n.old_id""",
    )
