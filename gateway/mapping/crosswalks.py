"""What a row needs beyond itself: values filled down, crosswalks and aliases.

Codes and names repeat, so they are resolved once for each distinct combination and joined back.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import pyarrow as pa

from gateway.errors import GatewayError
from gateway.mapping.compile import CompiledRecord, Compiler, Crosswalk
from gateway.mapping.contract import Context
from gateway.mapping.spec import Mapping
from gateway.mapping.values import name as ident
from gateway.mapping.values import quote
from gateway.model import MAPPABLE

ANY = ("", "*")


def fill_down(con: duckdb.DuckDBPyConnection, compiler: Compiler, typed: str) -> str:
    """Name of a relation with the filled-down values by `_ordinal`; the typed table itself where none is."""
    columns = [
        record.prefix + target.name
        for record in compiler.records
        for target in record.targets.values()
        if target.spec.fill_down is not None
    ]
    if not columns:
        return typed
    filled = f"{typed}_filled"
    facts = con.execute(
        "select "
        + ", ".join(
            f"count(distinct {ident(c)}), min({ident(c)}), min(_ordinal) filter ({ident(c)} is not null)"
            for c in columns
        )
        + f", min(_ordinal) from {typed}"
    ).fetchone()
    assert facts is not None
    parts = []
    for number, column in enumerate(columns):
        distinct, value, first = facts[3 * number : 3 * number + 3]
        if distinct == 1 and first == facts[-1]:
            parts.append(f"{quote(value)} as {ident(column)}")
        else:
            parts.append(f"last_value({ident(column)} ignore nulls) over (order by _ordinal) as {ident(column)}")
    con.execute(f"create or replace temp view {filled} as select _ordinal, {', '.join(parts)} from {typed}")
    return filled


def resolve(
    con: duckdb.DuckDBPyConnection, mapping: Mapping, compiler: Compiler, typed: str, context: Context
) -> Callable[[CompiledRecord, Crosswalk], str]:
    """Make the small tables of resolved codes; the result gives the join for each crosswalk."""
    joins: dict[str, str] = {}
    for record in compiler.records:
        for crosswalk in record.crosswalks:
            if crosswalk.target.spec.lookup is not None:
                joins[crosswalk.alias] = _lookup(con, compiler, typed, context, record, crosswalk)
            else:
                joins[crosswalk.alias] = _alias(con, mapping, typed, context, record, crosswalk)
    return lambda _record, crosswalk: joins[crosswalk.alias]


def _lookup(
    con: duckdb.DuckDBPyConnection,
    compiler: Compiler,
    typed: str,
    context: Context,
    record: CompiledRecord,
    crosswalk: Crosswalk,
) -> str:
    """Every combination of codes in the file with the value of the most specific row that fits it."""
    name = crosswalk.target.spec.lookup or ""
    table = context.lookups.get(name)
    if table is None:
        known = ", ".join(sorted(context.lookups)) or "none"
        raise GatewayError("find lookup", name, f"Add mappings/lookups/{name}.csv; there are: {known}.")
    keys = [compiler.key_column(record, crosswalk.target, n) for n in range(len(crosswalk.keys))]
    resolved = f"{typed}_{crosswalk.alias}"
    combinations = con.execute(f"select distinct {', '.join(map(ident, keys))} from {typed}").fetchall()
    values = _Matcher(table, len(keys))
    rows = [(*combination, values.find(combination)) for combination in combinations]
    arrow = pa.table(
        {
            **{key: pa.array([row[n] for row in rows], pa.utf8()) for n, key in enumerate(keys)},
            "value": pa.array([row[-1] for row in rows], pa.utf8()),
        }
    )
    con.register("_resolved", arrow)
    con.execute(f"create or replace temp table {resolved} as select * from _resolved")
    con.unregister("_resolved")
    same = " and ".join(f"{crosswalk.alias}.{ident(key)} = t.{ident(key)}" for key in keys)
    return f"left join {resolved} {crosswalk.alias} on {same}"


class _Matcher:
    """Finds the value of a crosswalk: a blank or * in a row means any code; fewer of them win."""

    def __init__(self, table: pa.Table, keys: int) -> None:
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        self.exact = {
            tuple(cell.casefold() for cell in row[:keys]): row[-1]
            for row in rows
            if not any(cell in ANY for cell in row[:keys])
        }
        self.loose = sorted(
            (row for row in rows if any(cell in ANY for cell in row[:keys])),
            key=lambda row: sum(cell in ANY for cell in row[:keys]),
        )
        self.keys = keys

    def find(self, combination: tuple[str, ...]) -> str | None:
        """The value, or None."""
        wanted = tuple(cell.casefold() for cell in combination)
        if wanted in self.exact:
            return str(self.exact[wanted])
        for row in self.loose:
            if all(cell in ANY or cell.casefold() == code for cell, code in zip(row[: self.keys], wanted, strict=True)):
                return str(row[-1])
        return None


def _alias(
    con: duckdb.DuckDBPyConnection,
    mapping: Mapping,
    typed: str,
    context: Context,
    record: CompiledRecord,
    crosswalk: Crosswalk,
) -> str:
    """Every name in the file with the SKU it meant on the day of the row.

    A name that is a SKU itself is that SKU; the partner's own alias goes before one for all partners.
    """
    source = ident(crosswalk.keys[0])
    event = MAPPABLE[record.spec.type].event
    dated = event in record.targets and record.targets[event].wide.startswith("t.")
    day = f"cast({ident(record.prefix + event)} as date)" if dated else "current_date"
    resolved = f"{typed}_{crosswalk.alias}"
    wanted = f"(select distinct {source} as name, {day} as day from {typed} where {source} is not null)"
    con.execute(
        f"""create or replace temp table {resolved} as
        select w.name, w.day,
               coalesce(max(i.sku), arg_min(a.sku, rank)) as sku,
               case when max(i.sku) is null then arg_min(a.pack_qty, rank) else 1 end as pack_qty
        from {wanted} w
        left join (select distinct sku from {context.item_relation}) i on i.sku = w.name
        left join (select *, case when alias_partner = {quote(mapping.partner)} then 0 else 1 end as rank
                   from {context.alias_relation}
                   where alias_partner in ({quote(mapping.partner)}, '*')
                     and id_type = {quote(crosswalk.target.spec.alias or "")}) a
               on a.external_id = w.name and coalesce(a.valid_from, w.day) <= w.day
              and coalesce(a.valid_to, w.day) >= w.day
        group by w.name, w.day"""
    )
    same_day = (
        f"{crosswalk.alias}.day is not distinct from {day.replace('cast(', 'cast(t.', 1) if dated else 'current_date'}"
    )
    return f"left join {resolved} {crosswalk.alias} on {crosswalk.alias}.name = t.{source} and {same_day}"


def soft_faults(
    con: duckdb.DuckDBPyConnection, compiler: Compiler, typed: str, wide: str, faults: str, context: Context
) -> None:
    """One fault for each name or code that nothing resolves, on rows that were accepted."""
    from gateway.mapping.apply import rejects

    accepted = f"_ignored is null and not ({rejects(compiler.records)})"
    for record in compiler.records:
        for crosswalk in record.crosswalks:
            target = crosswalk.target
            unresolved = f"{typed}_{crosswalk.alias}"
            some = con.execute(
                f"select count(*) from {unresolved} where {'value' if target.spec.lookup else 'sku'} is null"
            ).fetchone()
            if not some or not some[0]:
                continue
            if target.spec.lookup is not None:
                if target.spec.missing == "suspense":
                    keys = [f"t.{ident(compiler.key_column(record, target, n))}" for n in range(len(crosswalk.keys))]
                    _soft(
                        con, faults, typed, wide, f"{accepted} and {record.prefix}applies", record,
                        " || ' / ' || ".join(keys), f"{unresolved} u on " + " and ".join(
                            f"u.{key.removeprefix('t.')} = {key}" for key in keys) + " and u.value is null",
                        "UNMAPPED_LINE", ", ".join(crosswalk.keys),
                        f"is not in the lookup {target.spec.lookup}; its amount is in suspense",
                        f"Add it to mappings/lookups/{target.spec.lookup}.csv and replay the file.",
                    )  # fmt: skip
                continue
            source = f"t.{ident(crosswalk.keys[0])}"
            _soft(
                con, faults, typed, wide, f"{accepted} and {record.prefix}applies", record, source,
                f"(select distinct name from {unresolved} where sku is null) u on u.name = {source}",
                "SKU_UNKNOWN", str(target.spec.source), f"is no SKU and no {target.spec.alias} alias of this partner",
                "Add it to the aliases and replay the file; the units and amounts are counted under its own name.",
            )  # fmt: skip
    del context


def _soft(
    con: duckdb.DuckDBPyConnection, faults: str, typed: str, wide: str, accepted: str, record: CompiledRecord,
    value: str, join: str, code: str, column: str, what: str, hint: str,
) -> None:  # fmt: skip
    con.execute(
        f"""insert into {faults}
        with found as (
            select w._ordinal, w."position", {value} as name from {wide} w
            join {typed} t on t._ordinal = w._ordinal join {join}
            where {accepted.replace("_ignored", "w._ignored")})
        select min(_ordinal), {record.index}, arg_min("position", _ordinal), {quote(code)}, {quote(column)}, name,
               '"' || name || '" ' || {quote(what)} || ' (' || count(*)
               || case when count(*) = 1 then ' row)' else ' rows)' end,
               {quote(hint)}, null, false
        from found group by name"""
    )
