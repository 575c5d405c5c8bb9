"""Characters in codes and identifiers that nobody sees: they are named, for they may be all that is wrong."""

from __future__ import annotations

from collections.abc import Collection

from gateway.mapping.apply.faults import faults_of, first_column, not_yet_noted
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler.compiler import Compiler
from gateway.mapping.compiler.targets import Target
from gateway.sql import identifier, literal
from gateway.whitespace import hidden, shown

_HIDDEN = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\p{Cf}]"
"""Control characters but tabs and line ends, and format characters, as RE2 writes them."""


def add_hidden_in_keys(work: Work, compiler: Compiler, relation: str, name: str) -> None:
    """One fault for each identifier of a key with such a character: to everybody it looks like another one.

    Its rows count. Codes that a map, a lookup or the aliases stand for are reported where these do not know them.
    """
    keys = [
        (record, target)
        for record in compiler.records
        for target in filter(None, map(record.targets.get, record.spec.key))
        if as_written(target)
    ]
    # One question for all, since hardly any file has one.
    if not _are_there(work, relation, {target.value for _, target in keys}):
        return
    for record, target in keys:
        accepted = f"{compiler.ignored} is null and not {compiler.rejected} and {record.applies}"
        where = f"{accepted} and regexp_matches({target.value}, {literal(_HIDDEN)})"
        column = first_column(compiler, record, target)
        rows = not_yet_noted(name, relation, where, target.value, "ROW_DOUBTFUL", column)
        what = literal("has a character that nobody sees")
        work.con.execute(faults_of(name, record, rows, "ROW_DOUBTFUL", column, what, ""))


def _are_there(work: Work, relation: str, texts: Collection[str]) -> bool:
    found = f"regexp_matches(concat({', '.join(sorted(texts))}), {literal(_HIDDEN)})"
    return (
        bool(texts)
        and work.con.execute(f"select 1 from {identifier(relation)} where {found} limit 1").fetchone() is not None
    )


def as_written(target: Target) -> bool:
    """Whether a field holds a text of the file as it stands there."""
    spec = target.spec
    made = (spec.map, spec.lookup, spec.constant)
    return target.kind in ("text", "code") and not spec.alias and all(one is None for one in made)


def name_invisible(work: Work, name: str) -> None:
    """Name the characters of unknown codes and names that nobody sees: they may be all that is wrong with them."""
    table = identifier(name)
    found = work.con.execute(
        f"select rowid, message, value from {table} where not rejects and regexp_matches(value, '[\\p{{Cc}}\\p{{Cf}}]')"
    ).fetchall()
    hint = "Remove the invisible character and send the file again; until then it counts as it was sent."
    for row, message, value in found:
        if hidden(value):
            work.con.execute(f"update {table} set message = ?, hint = ? where rowid = ?", [shown(message), hint, row])
