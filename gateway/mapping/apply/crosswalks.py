"""What a row needs beyond itself: values filled down, crosswalks and aliases.

Codes and names repeat, so they are resolved once for each distinct combination and joined back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa

from gateway.errors import HouseError
from gateway.mapping.apply.mapped import Context
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler import measures
from gateway.mapping.compiler.stages import Joined, Stages
from gateway.mapping.compiler.targets import Join
from gateway.mapping.language.code_patterns import ANY, fits, is_pattern, rank
from gateway.sql import identifier, literal, one_of, words

Filled = dict[str, tuple[str | None, int, tuple[str | None, ...]]]
"""Tag of a field that is filled down → the last text, the unit in which it stood, the last texts of its group."""


def supply(work: Work, stages: Stages, number: int, joins: Sequence[Join], filled: Filled, context: Context) -> bool:
    """Give a stage what it needs from other rows and from crosswalks; whether that is dear to compute twice.

    filled  what the rows before had to fill down, and after this what these rows have
    """
    dear = number > 1
    for join in joins:
        if join.kind == "fill_down":
            if len(join.keys) > 1:
                joined, window = _fill_group(work, stages, join, filled), True
            else:
                joined, window = _fill_down(work, stages, join, filled)
            dear = dear or window
        elif join.kind == "lookup":
            joined = _lookup(work, stages, number, join, context)
        else:
            joined = _alias(work, stages, join, context)
        stages.join(number, joined)
    return dear


def _fill_down(work: Work, stages: Stages, join: Join, filled: Filled) -> tuple[Joined, bool]:
    """The last text at or above the row, and whether it is a window over all rows."""
    (text,) = join.keys
    tag, present = join.target.tag, f"{text} is not null"
    facts = work.con.execute(
        f"""select min({text}), max({text}), min(_ordinal) filter ({present}), min(_ordinal), min(_unit), max(_unit),
                   arg_max({text}, _ordinal) filter ({present}), arg_max(_unit, _ordinal) filter ({present})
            from {stages.reach(text)}"""
    ).fetchone()
    assert facts is not None
    least, most, first, top, unit, unit_last, last, last_in = facts
    above = "cast(null as varchar)"
    if tag in filled:
        before, before_in, _ = filled[tag]
        above = f"case when _unit = {before_in} then {literal(before or '')} end"
    window = False
    if least is None:
        sql = above
    elif least == most and unit == unit_last:
        sql = (
            literal(least) if first == top else f"case when _ordinal >= {first} then {literal(least)} else {above} end"
        )
    else:
        last_value = f"last_value({text} ignore nulls) over (partition by _unit order by _ordinal)"
        sql, window = f"coalesce({last_value}, {above})", True
    if last is not None:
        filled[tag] = (last, last_in, ())
    return Joined({f"__d{join.target.tag}": sql}, (text,)), window


def _fill_group(work: Work, stages: Stages, join: Join, filled: Filled) -> Joined:
    """The last text at or above the row within its group: the rows down to where a column of the group has another
    text. A row that is blank there belongs to the group above."""
    text, *groups = join.keys
    tag, alias = join.target.tag, f"d{join.target.tag}"
    columns = ", ".join([f"{text} as value", *(f"{key} as g{n}" for n, key in enumerate(groups))])
    rows = f"select _ordinal as place, _unit as unit, {columns} from {stages.reach(*join.keys)}"
    if tag in filled:
        before, unit, last = filled[tag]
        rows += f" union all select -1, {unit}, {', '.join(map(_text, (before, *last)))}"
    begins = " or ".join(
        f"(g{n} is not null and g{n} is distinct from lag(g{n} ignore nulls) over above)" for n in range(len(groups))
    )
    above = "window above as (partition by unit order by place)"
    name = work.make(
        "table",
        f"_{alias}",
        f"""select *, last_value(value ignore nulls) over (partition by unit, part order by place) as found
            from (select *, count(*) filter (begins) over above as part
                  from (select *, {begins} as begins from ({rows}) {above}) {above})""",
    )
    held = ", ".join(f"arg_max(g{n}, place) filter (g{n} is not null)" for n in range(len(groups)))
    state = f"select arg_max_null(found, place), max(unit), {held} from {identifier(name)}"
    row = work.con.execute(f"{state} where unit = (select max(unit) from {identifier(name)})").fetchone()
    if row is not None and row[1] is not None:
        filled[tag] = (row[0], row[1], row[2:])
    tail = f"left join {identifier(name)} {alias} on {alias}.place = t._ordinal"
    return Joined({f"__d{tag}": f"{alias}.found"}, join.keys, tail)


def _text(value: str | None) -> str:
    return "cast(null as varchar)" if value is None else literal(value)


# --- lookups ------------------------------------------------------------------------------------------


def _lookup(work: Work, stages: Stages, number: int, join: Join, context: Context) -> Joined:
    """Every combination of codes in the file with the value of the most specific row that fits it, and what is made
    of that value alone."""
    alias, found = f"l{join.target.tag}", f"__l{join.target.tag}"
    matcher = _Matcher(join, context)
    keys = [f"k{number}" for number in range(len(join.keys))]
    asked = f"select distinct {', '.join(join.keys)} from {stages.reach(*join.keys)}"
    combinations = work.con.execute(asked).fetchall()
    table = pa.table(
        [pa.array([codes[number] for codes in combinations], pa.utf8()) for number in range(len(keys))]
        + [pa.array([matcher.find(codes) for codes in combinations], pa.utf8())],
        names=[*keys, found],
    )
    made = stages.plan.following(number, [found])
    name = work.over(
        table, lambda source: work.make("table", f"_{alias}", f"select * from {stages.plan.levels(made, source)}")
    )
    if table.column(found).null_count:
        work.unresolved.update(join.tags)
    same = " and ".join(f"{alias}.{key} = {sql}" for key, sql in zip(keys, join.keys, strict=True))
    gives = {step: f"{alias}.{step}" for step in (found, *made)}
    return Joined(gives, join.keys, f"left join {identifier(name)} {alias} on {same}")


class _Matcher:
    """Finds the value of a crosswalk, whatever the case of the codes.

    A blank or * in a row of the crosswalk means any code, and a * in a code any text. The row with the fewest blank
    cells wins, then, from the left, the more definite code.
    """

    def __init__(self, join: Join, context: Context) -> None:
        spec = join.target.spec
        table = context.lookups.get(spec.lookup or "")
        if table is None:
            known = ", ".join(sorted(context.lookups)) or "none"
            raise HouseError(
                "find lookup",
                spec.lookup or "",
                f"Add mappings/lookups/{spec.lookup}.csv; there are: {known}.",
                "it does not exist",
            )
        if table.num_columns != len(spec.on) + 1:
            raise HouseError(
                "use lookup",
                spec.lookup or "",
                f"Name {table.num_columns - 1} columns in `on`, in its order.",
                f"`on` names {len(spec.on)} columns, the lookup has {table.num_columns - 1} before its value",
            )
        names = table.column_names
        if set(names[:-1]) == set(spec.on):
            table = table.select([*spec.on, names[-1]])
        cells = [[(cell or "").strip() for cell in column.to_pylist()] for column in table.columns]
        rows = [(tuple(c.casefold() for c in row[:-1]), row[-1]) for row in zip(*cells, strict=True)]
        self.exact = {codes: value for codes, value in reversed(rows) if not any(_stands_for_more(c) for c in codes)}
        self.loose = sorted(
            ((codes, value) for codes, value in rows if any(_stands_for_more(c) for c in codes)),
            key=lambda row: (sum(c in ANY for c in row[0]), [rank(c) for c in row[0]]),
        )

    def find(self, codes: Sequence[str]) -> str | None:
        """The value for these codes, compared without case; None where no row has them."""
        wanted = tuple(code.casefold() for code in codes)
        value = self.exact.get(wanted)
        if value is None:
            for row, loose in self.loose:
                if all(map(_fits, row, wanted)):
                    value = loose
                    break
        return value or None


def _stands_for_more(cell: str) -> bool:
    return cell in ANY or is_pattern(cell)


def _fits(cell: str, code: str) -> bool:
    return cell in ANY or cell == code or (is_pattern(cell) and fits(cell, code))


# --- aliases ------------------------------------------------------------------------------------------


def _alias(work: Work, stages: Stages, join: Join, context: Context) -> Joined:
    """Every combination of names that a row of the file has for its item, with the SKU that the first known of them
    meant on the day of the row.

    Of a name, the partner's own alias goes before one for all partners, then the kinds of alias in their order, a later
    one before an earlier one, any alias before an item whose SKU is that name.
    """
    alias, texts = f"a{join.target.tag}", f"[{', '.join(join.keys)}]"
    columns = [f"n{number}" for number in range(len(join.keys))]
    fallback = f"date '{(context.arrived or datetime.now(UTC).date()).isoformat()}'"
    names = work.make(
        "table",
        f"_{alias}_names",
        f"""select distinct name from (select unnest({texts}) as name from {stages.reach(*join.keys)})
            where name is not null""",
    )
    kinds = join.target.spec.alias
    known = work.make(
        "table",
        f"_{alias}_known",
        f"""select external_id, sku, pack_qty, valid_from, valid_to, alias_partner = '*' as general,
                list_position([{words(kinds)}], id_type) as kind
            from {context.alias_relation}
            where alias_partner in ({literal(context.partner)}, '*')
              and {one_of("id_type", kinds)} and external_id in (from {identifier(names)})""",
    )
    dated = work.con.execute(
        f"select 1 from {identifier(known)} where valid_from is not null or valid_to is not null limit 1"
    ).fetchone()
    # Most names mean the same on every day: days are distinguished only where a name changes.
    day = f"coalesce({join.day}, {fallback})" if dated and join.day else fallback
    given = ", ".join(f"{key} as {column}" for key, column in zip(join.keys, columns, strict=True))
    reach = stages.reach(*join.keys, *([day] if dated else []))
    name = work.make(
        "table",
        f"_{alias}",
        f"""select {", ".join(columns)}, w.day, coalesce(k.sku, i.sku) as sku,
                case when k.pack_qty > 0 then k.pack_qty end as pack_qty,
                case when w.name = coalesce({", ".join(columns)}) then pack_qty end as pack_of_one
            from (select *, unnest([{", ".join(columns)}]) as name, unnest(range({len(columns)})) as place
                  from (select distinct {given}, {day} as day from {reach})) w
            left join {identifier(known)} k on k.external_id = w.name
                and coalesce(k.valid_from, w.day) <= w.day and coalesce(k.valid_to, w.day) >= w.day
            left join (select distinct sku from {context.item_relation}) i on i.sku = w.name
            where w.name is not null
            qualify row_number() over (partition by {", ".join(columns)}, w.day
                order by coalesce(k.sku, i.sku) is null, w.place,
                    k.general, k.kind, k.valid_from desc nulls last, k.sku, k.pack_qty) = 1""",
    )
    if work.con.execute(f"select 1 from {identifier(name)} where sku is null limit 1").fetchone() is not None:
        work.unresolved.update(join.tags)
    steps = {"__a": "sku", "__p": "pack_qty", "__po": "pack_of_one"}
    gives = {f"{step}{join.target.tag}": f"{alias}.{column}" for step, column in steps.items()}
    if join.base:
        name = _with_base_units(work, alias, name, context)
        gives |= {f"__ub{join.target.tag}": f"{alias}.base", f"__un{join.target.tag}": f"{alias}.items"}
    equal = "=" if len(columns) == 1 else "is not distinct from"
    same = [f"{alias}.{column} {equal} {key}" for key, column in zip(join.keys, columns, strict=True)]
    same += [f"{alias}.day = {day}"] if dated else []
    return Joined(gives, (*join.keys, day), f"left join {identifier(name)} {alias} on {' and '.join(same)}")


def _with_base_units(work: Work, alias: str, name: str, context: Context) -> str:
    """The names with the unit of measure that their item is counted in, and what that is (`measures.number_of`)."""
    units = f"(select sku, upper(trim(min(base_uom))) as base from {context.item_relation} group by sku)"
    return work.make(
        "table",
        f"_{alias}_units",
        f"""select n.*, u.base, {measures.number_of("u.base")} as items
            from {identifier(name)} n left join {units} u using (sku)""",
    )
