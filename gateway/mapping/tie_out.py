"""Tie-outs: the figures that a file states about itself against what its rows add up to."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from gateway.errors import Fault
from gateway.mapping import values
from gateway.mapping.compile import CompiledRecord
from gateway.mapping.contract import Mapped
from gateway.mapping.expressions import compile_scalar, names
from gateway.mapping.spec import Mapping, RecordSpec, TieOut
from gateway.mapping.values import name as ident

if TYPE_CHECKING:
    from gateway.mapping.apply import Kind

GROUPS_TOLD_MAX = 20


def carried(mapping: Mapping, records: Sequence[RecordSpec]) -> dict[str, str]:
    """Source columns that the tie-outs of these records read."""
    first = mapping.record[0].type
    return {
        column: column
        for tie in mapping.file.tie_out
        if any(record.type == (tie.record or first) for record in records)
        for text in (tie.sum, tie.where, tie.equals)
        if text
        for column in sorted(names(text)[1])
    }


def check(con: duckdb.DuckDBPyConnection, mapping: Mapping, kinds: Sequence[Kind], mapped: Mapped) -> None:
    """Run every tie-out; a difference beyond its tolerance holds the file and is told with both figures."""
    first = mapping.record[0].type
    for tie in mapping.file.tie_out:
        for kind in kinds:
            record = next((r for r in kind.compiler.records if r.spec.type == (tie.record or first)), None)
            if record is not None:
                _check_one(con, kind.wide, record, tie, mapped)
                break


def _check_one(con: duckdb.DuckDBPyConnection, wide: str, record: CompiledRecord, tie: TieOut, mapped: Mapped) -> None:
    def field_sql(name: str) -> str:
        return ident(f"v_{record.prefix}{name}")

    def column_sql(name: str) -> str:
        return values.number(f"nullif(trim({ident('c_' + name)}), '')", "auto")

    def compiled(text: str, aggregates: bool = False) -> str:
        return compile_scalar(
            text, record.targets, (), field_sql=field_sql, column_sql=column_sql, aggregates=aggregates
        )

    counted = f"_ignored is null and {record.prefix}applies and {record.prefix}wrong = 0"
    if tie.where:
        condition = compile_scalar(
            tie.where, record.targets, (), field_sql=field_sql, column_sql=lambda n: ident("c_" + n)
        )
        counted += f" and ({condition})"
    left = f"count(*) filter ({counted})" if tie.sum is None else (
        f"coalesce(sum({compiled(tie.sum)}) filter ({counted}), 0)"
    )  # fmt: skip
    groups = [field_sql(name) for name in tie.by]
    key = f"concat_ws(', ', {', '.join(groups)})" if groups else "''"
    having = " and ".join(f"{group} is not null" for group in groups) or "true"
    rows = con.execute(
        f"""select {key} as "group", {left} as made, {compiled(tie.equals, aggregates=True)} as stated,
                   count(*) filter ({record.prefix}applies and {record.prefix}wrong <> 0) as unread
            from {wide} where _ignored is null and {having} group by {key if groups else "()"}"""
    ).fetchall()
    for group, made, stated, unread in rows:
        if mapped.control_total is None and stated is not None:
            mapped.control_total = Decimal(stated)
        agrees = stated is not None and abs(Decimal(made) - Decimal(stated)) <= tie.tolerance
        if not agrees and len(mapped.held) < GROUPS_TOLD_MAX:
            mapped.held.append(_fault(tie, str(group), Decimal(made), stated, int(unread)))


def _fault(tie: TieOut, group: str, made: Decimal, stated: object, unread: int) -> Fault:
    what = tie.name or f"{tie.sum or 'number of records'} = {tie.equals}"
    place = f" for {group}" if group else ""
    also = f"; {unread} row(s) could not be read and are not in the sum" if unread else ""
    if stated is None:
        message = f"{what}{place}: the file does not state the figure that the rows make, {made:f}{also}"
    else:
        difference = made - Decimal(str(stated))
        message = f"{what}{place}: the rows make {made:f}, the file states {stated}, difference {difference:f}{also}"
    return Fault(
        tie.code,
        message,
        "Nothing of the file was posted. Ask the sender for a corrected file, or release it if it is right as it is.",
    )
