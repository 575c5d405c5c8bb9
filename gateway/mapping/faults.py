"""Faults of rows: what is wrong, in the sender's words, with the whole source row beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Fault
from gateway.mapping import values
from gateway.mapping.compile import CompiledRecord, Compiler, Target
from gateway.mapping.contract import Rows
from gateway.model.status import MOVES

_SCHEMA = pa.schema(
    [("_ordinal", pa.int64()), ("_record", pa.int32())]
    + [(c, pa.utf8()) for c in ("position", "code", "column_name", "value", "message", "hint", "source_row")]
    + [("rejects", pa.bool_())]
)


def create(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make the empty table of faults."""
    con.execute(
        f"""create or replace temp table {name} (_ordinal bigint, _record integer, "position" varchar,
        code varchar, column_name varchar, value varchar, message varchar, hint varchar, source_row varchar,
        rejects boolean)"""
    )


def add(con: duckdb.DuckDBPyConnection, name: str, found: Sequence[Fault]) -> None:
    """Add faults that a reader found."""
    _insert(
        con,
        name,
        [
            (None, None, f.position, f.code, f.column, f.value, f.message, f.hint, _json(f.row), f.code == "ROW_REJECT")
            for f in found
        ],
    )


def _insert(con: duckdb.DuckDBPyConnection, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    columns = list(zip(*rows, strict=True))
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA)
    con.register("_faults", table)
    con.execute(f"insert into {name} select * from _faults")
    con.unregister("_faults")


def _json(row: Any) -> str | None:
    return json.dumps(dict(row), ensure_ascii=False) if row else None


def add_rejected(
    con: duckdb.DuckDBPyConnection,
    compiler: Compiler,
    wide: str,
    wrong: str,
    name: str,
    reopen: Callable[[], Rows],
) -> None:
    """Write one fault for each defective field of each rejected row.

    The file is read once more for the source rows: in the usual case there are none, and nothing is kept.
    """
    masks = ", ".join(
        f"case when {r.prefix}applies then {r.prefix}wrong else 0 end as {r.prefix}mask" for r in compiler.records
    )
    states = ", ".join(
        f"{values.name(f'v_{r.prefix}from_status')} as {r.prefix}from_status"
        if "from_status" in r.targets
        else f"null as {r.prefix}from_status"
        for r in compiler.records
    )
    rows = con.execute(
        f'select _ordinal, "position", {masks}, {states} from {wide} where _ignored is null and ({wrong}) order by 1'
    ).fetchall()
    sources = _source_rows(reopen(), [row[0] for row in rows])
    found: list[tuple[Any, ...]] = []
    for row in rows:
        source = sources.get(row[0], {})
        for number, record in enumerate(compiler.records):
            found += _of_record(
                record, row[0], row[1], row[2 + number], source, row[2 + len(compiler.records) + number]
            )
    _insert(con, name, _unique(found))


def _unique(found: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Two records of a row may stumble over the same cell: it is told once."""
    return list({(f[0], f[4], f[6]): f for f in found}.values())


def _source_rows(rows: Rows, ordinals: Sequence[int]) -> dict[int, dict[str, str]]:
    wanted = pa.array(ordinals, pa.int64())
    found: dict[int, dict[str, str]] = {}
    for batch in rows:
        kept = batch.filter(pc.is_in(batch.column("_ordinal"), wanted))
        for row in kept.to_pylist():
            found[row["_ordinal"]] = {
                key: value for key, value in row.items() if not key.startswith("_") and value is not None
            }
    return found


def _of_record(
    record: CompiledRecord, ordinal: int, position: str, mask: int, source: dict[str, str], origin: str | None
) -> list[tuple[Any, ...]]:
    found = []
    for target in record.targets.values():
        if not mask & (1 << target.bit):
            continue
        column, value = _cell(target, source)
        message, hint = describe(target, column, value, origin)
        found.append((ordinal, record.index, position, "ROW_REJECT", column, value, message, hint, _json(source), True))
    return found


def _cell(target: Target, source: dict[str, str]) -> tuple[str, str]:
    spec = target.spec
    named = [spec.source] if isinstance(spec.source, str) else list(spec.source or ())
    named += [n for n in (spec.credit, spec.debit, spec.fill_down) if n] + list(spec.on)
    present = [n for n in named if source.get(n, "").strip()]
    column = (present or named or [target.name])[0]
    return column, source.get(column, "")


def describe(target: Target, column: str, value: str, origin: str | None) -> tuple[str, str]:
    """(message, hint) for a defective field, for the sender of the file."""
    if target.name == "to_status" and origin:
        allowed = ", ".join(b for a, b in MOVES if a == origin)
        return (
            f"{target.name}: units may not move from {origin} to that status",
            f"From {origin} they may go to {allowed}.",
        )
    if not value.strip():
        return f"{column}: is blank but {target.name} is required", "Fill the cell and send the row again."
    if target.spec.map is not None or target.spec.lookup is not None:
        known = ", ".join(list(target.spec.map or {})[:20])
        return (
            f'{column}: "{value}" is not a known code for {target.name}',
            f"Use one of {known}." if known else f"Add it to the lookup {target.spec.lookup}.",
        )
    if target.name == "qty" and target.spec.expr is None and not _is_number_fault(target, value):
        return f'{column}: "{value}" must be more than zero', "Movements carry positive units."
    return (
        f'{column}: "{value}" is not {values.EXPECTED[target.kind]} (expected {_example(target)})',
        f"Put {values.EXPECTED[target.kind]} into {column} and send the row again.",
    )


def _is_number_fault(target: Target, value: str) -> bool:
    try:
        return float(value.replace(",", ".")) > 0
    except ValueError:
        return True


def _example(target: Target) -> str:
    if target.kind == "decimal":
        sign = {"point": "a decimal point, e.g. 1234.50", "comma": "a decimal comma, e.g. 1234,50"}
        return "digits with " + sign.get(
            target.spec.decimal, "one clear decimal sign, e.g. 1234.50; 1,234 could be either"
        ) + ", at most 4 decimals"  # fmt: skip
    if target.kind in ("date", "datetime"):
        formats = target.spec.formats or ("iso",)
        iso = "2026-11-01" if target.kind == "date" else "2026-11-01T10:00:00Z"
        return " or ".join(iso if form == "iso" else form for form in formats)
    if target.kind == "code" and target.column is not None:
        return ", ".join(target.column.values)
    return {"currency": "e.g. USD", "integer": "digits only", "boolean": "yes or no"}.get(target.kind, "text")


def missing_column(column: str, present: Sequence[str]) -> Fault:
    """A column that the mapping needs and the file lacks: the file is held."""
    near = get_close_matches(column, list(present), n=1, cutoff=0.6)
    listed = ", ".join(list(present)[:40])
    return Fault(
        "FILE_REJECT",
        f'the column "{column}" is missing' + (f'; "{near[0]}" looks like it' if near else "") + f". Found: {listed}",
        "Send the file with that column, or name the new header in the mapping.",
        column=column,
    )


def unknown_column(column: str) -> Fault:
    """A column that the mapping does not know, where it says to hold such files."""
    return Fault(
        "FILE_REJECT",
        f'the column "{column}" is new and the mapping says to hold such files',
        "Map it, or set drift to hold-missing.",
        column=column,
    )
