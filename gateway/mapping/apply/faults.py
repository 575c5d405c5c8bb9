"""Faults of rows: the table of them, with the whole source row beside each defect."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Fault
from gateway.mapping.apply import misread
from gateway.mapping.apply.mapped import FILE_SHIFT
from gateway.mapping.apply.messages import Defect, describe, dropped, shown_name
from gateway.mapping.apply.misread import Unread
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler import fields
from gateway.mapping.compiler.compiler import Compiler
from gateway.mapping.compiler.sources import SHORTENED
from gateway.mapping.compiler.targets import Record, Target
from gateway.mapping.compiler.values import NUMBERS
from gateway.mapping.language import named_columns
from gateway.mapping.language.expressions import names
from gateway.mapping.language.identifiers import wrong as wrong_identifier
from gateway.mapping.language.repeat import NUMBER
from gateway.mapping.language.spec import Ignore, SignRule
from gateway.reading import UNREADABLE, Reading, cell_parts
from gateway.sql import identifier, literal
from gateway.whitespace import INVISIBLE, shown

_COLUMNS = {
    "_file": "BIGINT",
    "_ordinal": "BIGINT",
    "_record": "INTEGER",
    **dict.fromkeys(("position", "code", "column_name", "value", "message", "hint", "source_row"), "VARCHAR"),
    "rejects": "BOOLEAN",
    **dict.fromkeys(("record_type", "source_key"), "VARCHAR"),
}
"""`record_type` and `source_key`: those of the record that a rejected row would have made, where its key is known."""
_REPORTED = ", ".join(map(identifier, list(_COLUMNS)[:-2]))
"""Columns of a fault that rejects no row."""
EXAMPLE_CHARACTERS = 200
"""Length of an example of a value."""
_ARROW = {"BIGINT": pa.int64(), "INTEGER": pa.int32(), "VARCHAR": pa.utf8(), "BOOLEAN": pa.bool_()}


def create(work: Work) -> str:
    """Make the empty table of faults."""
    columns = ", ".join(f"cast(null as {kind}) as {identifier(column)}" for column, kind in _COLUMNS.items())
    return work.make("table", "faults", f"select {columns} where false")


def add(work: Work, name: str, file: int, found: Sequence[Fault]) -> None:
    """Add faults that the reader of a file found: of rows (they reject their row) or of anything else (they only
    report)."""
    _insert(
        work,
        name,
        [
            (
                file,
                None,
                None,
                f.position,
                f.code,
                f.column,
                f.value,
                f.message,
                f.hint,
                _json(f.row),
                f.code == "ROW_REJECT",
                None,
                None,
            )
            for f in found
        ],
    )


def _insert(work: Work, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        kinds = [_ARROW[kind] for kind in _COLUMNS.values()]
        cells = [pa.array(cell, kind) for cell, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
        table = pa.table(cells, names=list(_COLUMNS))
        work.over(table, lambda source: work.con.execute(f"insert into {identifier(name)} select * from {source}"))


def _json(row: Mapping[str, str]) -> str | None:
    seen = {column: cell_parts(text)[2] for column, text in row.items()}
    return json.dumps(seen, ensure_ascii=False) if seen else None


# --- rejected rows ------------------------------------------------------------------------------------


def add_rejected(
    work: Work,
    compiler: Compiler,
    relation: str,
    name: str,
    reopen: Callable[[int], Reading],
    place: Callable[..., str],
) -> list[tuple[int, Fault]]:
    """Write one fault for each defective field of each rejected row; (number of the file, why it is held) where the
    mapping reads a column in another way than it is written, instead of one for each of its values.

    Their files are read once more for the source rows: in the usual case there are none, and nothing is kept.
    """
    shown = [
        (record, target) for record in compiler.records for target in record.targets.values() if _shown(record, target)
    ]
    columns = ["_ordinal", "_position"]
    for record in compiler.records:
        broken = " | ".join(record.broken.values()) or "0"
        columns += [f"case when {record.applies} then {mask} else 0 end" for mask in (record.wrong, f"({broken})")]
    columns += [f"cast({target.unread or target.value} as varchar)" for _, target in shown]
    columns.append(compiler.unjudged)
    columns += [_known_key(record) for record in compiler.records]
    rows = work.con.execute(
        f"""select {", ".join(columns)} from {identifier(relation)}
            where {compiler.ignored} is null and {compiler.rejected} order by _ordinal"""
    ).fetchall()
    sources: dict[int, dict[str, str]] = {}
    for file, of_file in groupby(rows, key=lambda row: row[0] >> FILE_SHIFT):
        sources |= _source_rows(reopen(file), file << FILE_SHIFT, [row[0] for row in of_file])
    found: list[tuple[Any, ...]] = []
    unread: dict[tuple[int, int, str], Unread] = {}
    of_texts = 2 + 2 * len(compiler.records)
    for row in rows:
        texts = dict(zip([(r.index, t.name) for r, t in shown], row[of_texts : of_texts + len(shown)], strict=True))
        unjudged, keys = row[of_texts + len(shown)], row[of_texts + len(shown) + 1 :]
        source = sources.get(row[0], {})
        sent = _json({compiler.heading(column): text for column, text in source.items()})
        seen: set[tuple[str, str]] = set()
        if unjudged is not None:
            column, value, message, hint = _untested(compiler, compiler.rules[unjudged], source)
            seen.add((column, message.partition(";")[0]))
            cells = (column, value, message, hint, sent, True, None, None)
            found.append((row[0] >> FILE_SHIFT, row[0], None, row[1], "ROW_REJECT", *cells))
        for number, record in enumerate(compiler.records):
            wrong, broken = row[2 + 2 * number : 4 + 2 * number]
            for defect in _defects(compiler, record, wrong, broken, source, texts):
                message, hint = describe(defect)
                # Two records of a row may fail on the same cell: it is reported once.
                new = (defect.column, message) not in seen
                if not defect.missing and not defect.mark and misread.may_be(defect.target):
                    one = (row[0] >> FILE_SHIFT, record.index, defect.target.name)
                    unread.setdefault(one, Unread(record, defect, row[1])).add(
                        len(found) if new else None, defect.value
                    )
                if new:
                    seen.add((defect.column, message))
                    key = (record.spec.type, keys[number]) if keys[number] else (None, None)
                    cells = (defect.column, cell_parts(defect.value)[2], message, hint, sent, True, *key)
                    found.append((row[0] >> FILE_SHIFT, row[0], record.index, row[1], "ROW_REJECT", *cells))
    held = list(misread.judged(work, compiler, relation, unread, place))
    once = {number for _, one, _ in held for number in one.places}
    _insert(work, name, [row for number, row in enumerate(found) if number not in once])
    return [(file, fault) for file, _, fault in held]


def _known_key(record: Record) -> str:
    """SQL of the source key of the record that a row would have made, NULL where a field of the key is defective."""
    behind = record.bits(record.behind(name for name in record.spec.key if name in record.targets))
    return f"case when {record.applies} and {record.wrong} & {behind} = 0 then cast({record.key} as varchar) end"


def _untested(compiler: Compiler, rule: Ignore, source: dict[str, str]) -> tuple[str, str, str, str]:
    """(column, its text, message, hint) of a cell without a value that a rule of `ignore` tests."""
    columns = sorted(names(rule.when)[1])
    column = next(column for column in columns if source.get(column, "").startswith(UNREADABLE))
    what, fix, text = cell_parts(source[column])
    heading = compiler.heading(column)
    return (
        heading,
        text,
        f'{heading}: {what}; the rule "{rule.name}" of `ignore` needs it to know whether the row is data',
        fix,
    )


def _shown(record: Record, target: Target) -> bool:
    """Fields whose text cannot be seen in the row's own cells."""
    return target.spec.fill_down is not None or (
        record.spec.type == "inventory_movement" and target.name in ("from_status", "to_status", "qty")
    )


def _source_rows(rows: Reading, base: int, ordinals: Sequence[int]) -> dict[int, dict[str, str]]:
    wanted = pa.array([ordinal - base for ordinal in ordinals], pa.int64())
    found: dict[int, dict[str, str]] = {}
    for batch in rows:
        for row in batch.filter(pc.is_in(batch.column("_ordinal"), wanted)).to_pylist():
            found[base + row["_ordinal"]] = {column: row[column] for column in rows.columns if row[column] is not None}
    return found


def _defects(
    compiler: Compiler,
    record: Record,
    wrong: int,
    broken: int,
    source: dict[str, str],
    texts: dict[tuple[int, str], str | None],
) -> list[Defect]:
    """The row's defects; what only follows from another one is left out."""
    found: list[Defect] = []
    following: list[Defect] = []
    for target in record.targets.values():
        bit = 1 << target.bit
        if not wrong & bit:
            continue
        missing = not broken & bit
        cells = tuple(_made_from(compiler, record, target, source, missing=missing))
        column, value = _cell(compiler, record, target, source, cells)
        mark = not missing and _mark(compiler, target, source)
        if mark:
            column, value = mark
        text = texts.get((record.index, target.name))
        if target.spec.fill_down is not None:
            value = text or value
        origin = texts.get((record.index, "from_status")) or ""
        defect = Defect(target, column, value, missing, origin, text or "", cells, mark=bool(mark))
        # A row without any item has no number, or name, because of its other columns.
        follows = column in compiler.counters or (
            wrong & record.bits(record.behind(target.needs)) and not target.spec.alias
        )
        (following if follows else found).append(defect)
    return found or following


def _cell(
    compiler: Compiler, record: Record, target: Target, source: dict[str, str], cells: Sequence[tuple[str, str]]
) -> tuple[str, str]:
    """The source column that a defect is about, and its text; of a computed field the first of its `cells`."""
    named = named_columns.columns_of(target.spec, record.spec.fields)
    # What keeps the record from being judged at all is reported with its first field.
    judged = (name for text in record.spec.conditions.values() for name in sorted(names(text)[1]))
    also = [*record.spec.key, *judged]
    texts = fields.identifying(record)
    for name in (*named, *(also if target.bit == 0 else ())):
        text = source.get(name, "")
        if text.startswith(UNREADABLE) or (name in texts and re.fullmatch(SHORTENED, text.strip(INVISIBLE))):
            return compiler.heading(name), text
    if target.spec.lookup is not None:
        asked = _behind(compiler, record, target, source, target.needs)
        return ", ".join(name for name, _ in asked), " / ".join(text for _, text in asked)
    if target.spec.expr is not None or cells:
        return cells[0] if cells else (shown_name(target), "")
    if target.spec.fill_down is not None:
        return compiler.heading(target.spec.fill_down), source.get(target.spec.fill_down, "")
    filled = [name for name in named if (source.get(name) or "").strip()]
    column = (filled or named or [shown_name(target)])[0]
    return compiler.heading(column), source.get(column, "")


def _mark(compiler: Compiler, target: Target, source: dict[str, str]) -> tuple[str, str] | None:
    """The column and the text that should say which sign a number has, where it does not."""
    sign = target.spec.sign
    if not isinstance(sign, SignRule) or sign.decides(source.get(sign.source) or ""):
        return None
    return compiler.heading(sign.source), source.get(sign.source) or ""


def _behind(
    compiler: Compiler, record: Record, target: Target, source: dict[str, str], wanted: Iterable[str]
) -> list[tuple[str, str]]:
    """All source columns that a field is made from, also through the wanted fields, with their texts."""
    targets = [target, *(record.targets[name] for name in record.behind(wanted))]
    columns = [name for one in targets for name in named_columns.columns_of(one.spec, record.spec.fields)]
    return [(compiler.heading(name), cell_parts(source.get(name, ""))[2]) for name in dict.fromkeys(columns)]


def _made_from(
    compiler: Compiler, record: Record, target: Target, source: dict[str, str], *, missing: bool
) -> list[tuple[str, str]]:
    """Cells of an expression that may be wrong: of numbers and dates those with a digit, but always one that it names;
    cells of the helpers that `from` names. None of a field that reads its columns itself.

    Where nothing was made, the blank ones come first.
    """
    helpers = named_columns.named_helpers(target.spec, record.spec.fields)
    if target.spec.expr is None and not helpers:
        return []
    used, columns = (set(helpers), set()) if target.spec.expr is None else names(target.spec.expr)
    cells = _behind(compiler, record, target, source, used)
    filled = [cell for cell in cells if cell[1].strip()]
    if missing:
        return [cell for cell in cells if not cell[1].strip()] + filled
    if target.kind not in (*NUMBERS, "integer", "date", "datetime"):
        return filled or cells
    own = {cell for cell in filled if cell[0] in map(compiler.heading, columns)}
    digits = {cell for cell in filled if re.search("[0-9]", cell[1])}
    likely = digits if own & digits else own | digits
    return [cell for cell in filled if cell in likely] or filled or cells


# --- accepted rows with something that nobody knows ---------------------------------------------------


def add_unmapped(work: Work, compiler: Compiler, relation: str, name: str) -> None:
    """One fault for each code that went to suspense and each unknown name, on its first row, with the count.

    Where several records of a row read the same cell, it is reported once.
    """
    accepted = f"{compiler.ignored} is null and not {compiler.rejected}"
    for record in compiler.records:
        for target in record.targets.values():
            if not target.unmapped or (target.spec.map is None and target.tag not in work.unresolved):
                continue
            spec = target.spec
            column = (
                ", ".join(map(compiler.heading, named_columns.columns_of(spec, record.spec.fields)))
                if spec.lookup
                else first_column(compiler, record, target)
            )
            if spec.alias and spec.lookup is None:
                kinds = f"a {spec.alias[0]} alias" if len(spec.alias) == 1 else f"an alias ({', '.join(spec.alias)})"
                code, what = "SKU_UNKNOWN", f"is neither a SKU nor {kinds} of this partner"
                hint = "Add it to the aliases and replay the file; until then it is counted under its own name."
            else:
                place = f"lookup {spec.lookup}" if spec.lookup else "mapping"
                code, what = "UNMAPPED_LINE", f"is not in the {place}: {target.name} is suspense"
                where = f"mappings/lookups/{spec.lookup}.csv" if spec.lookup else "`map` of the mapping"
                hint = f"Add it to {where} and replay the file."
            text = f"replace({target.unmapped}, chr(31), ' / ')"
            where = f"{accepted} and {record.applies} and {target.unmapped} is not null"
            rows = not_yet_noted(name, relation, where, text, code, column)
            work.con.execute(faults_of(name, record, rows, code, column, literal(what), hint))


def not_yet_noted(name: str, relation: str, where: str, text: str, code: str, column: str) -> str:
    """SQL of the rows for which `where` holds, without texts that are noted for that code and column in their file."""
    return f"""(select _ordinal, _position, {text} as text from {identifier(relation)}
        where {where} and (_ordinal >> {FILE_SHIFT}, {text}) not in (
            select _ordinal >> {FILE_SHIFT}, value from {identifier(name)}
            where code = {literal(code)} and column_name = {literal(column)}))"""


def add_dropped(work: Work, compiler: Compiler, relation: str, name: str) -> None:
    """One fault for each text that cannot be read and costs only its field, on its first row, with the count."""
    for record in compiler.records:
        for target in record.targets.values():
            if not target.dropped:
                continue
            where = f"{compiler.ignored} is null and not {compiler.rejected} and {record.applies}"
            column = first_column(compiler, record, target)
            rows = not_yet_noted(
                name, relation, f"{where} and {target.dropped} is not null", target.dropped, "FIELD_UNREAD", column
            )
            what, hint = dropped(target)
            work.con.execute(faults_of(name, record, rows, "FIELD_UNREAD", column, literal(what), hint))


def add_wrong_identifiers(work: Work, compiler: Compiler, relation: str, name: str) -> None:
    """One fault for each identifier with a wrong check digit, on its first row, with the count."""
    accepted = f"{compiler.ignored} is null and not {compiler.rejected}"
    for record in compiler.records:
        for target in record.targets.values():
            if target.spec.check is None:
                continue
            rows = f"from {identifier(relation)} where {accepted} and {record.applies} and {target.value} is not null"
            found = work.con.execute(f"select distinct {target.value} {rows}").fetchall()
            seen = {text: wrong for (text,) in found if (wrong := wrong_identifier(target.spec.check, text))}
            if not seen:
                continue
            table = pa.table({"text": pa.array(seen, pa.utf8()), "wrong": pa.array(seen.values(), pa.utf8())})
            texts = f"(select _ordinal, _position, {target.value} as text {rows})"
            work.over(table, partial(_insert_wrong, work, name, record, first_column(compiler, record, target), texts))


def _insert_wrong(work: Work, name: str, record: Record, column: str, texts: str, known: str) -> None:
    rows = f"{texts} join {known} using (text)"
    hint = "Ask the sender to correct it. Its rows count under it all the same."
    work.con.execute(faults_of(name, record, rows, "CHECK_DIGIT", column, "min(wrong)", hint))


def faults_of(name: str, record: Record, rows: str, code: str, column: str, what: str, hint: str) -> str:
    """SQL that reports each text of these rows once in a file, on its first row, with the count.

    rows  SQL of rows with _ordinal, _position and text
    what  SQL of what is wrong with a text
    """
    return f"""insert into {identifier(name)} ({_REPORTED})
        select _ordinal >> {FILE_SHIFT}, min(_ordinal), {record.index}, arg_min(_position, _ordinal),
               {literal(code)}, {literal(column)}, text,
               '"' || text || '" ' || {what} || ' (' || count(*)
                   || case when count(*) = 1 then ' row)' else ' rows)' end,
               {literal(hint)}, null, false
        from {rows} group by _ordinal >> {FILE_SHIFT}, text order by 2"""


def first_column(compiler: Compiler, record: Record, target: Target) -> str:
    return compiler.heading(next(iter(named_columns.columns_of(target.spec, record.spec.fields)), shown_name(target)))


# --- drift --------------------------------------------------------------------------------------------


def unknown_column(column: str) -> Fault:
    """A column that the mapping does not know, where it says to hold such files."""
    return Fault(
        "FILE_REJECT",
        f'the column "{column}" is new and the mapping holds such files',
        "Map it, name it in `known`, or set drift to hold-missing.",
        column=column,
    )


def column_with_values(column: str, count: int, position: str, example: str) -> Fault:
    """A column that the mapping does not know and that holds values: they are not read."""
    known = f'"{column}"' if NUMBER in column else "it"
    rows = "1 row has a value" if count == 1 else f"{count} rows have a value"
    return Fault(
        "COLUMN_UNKNOWN",
        f'the column "{shown(column)}" is not known to the mapping and is not read; {rows} in it, such as '
        f'"{shown(example)[:EXAMPLE_CHARACTERS]}"',
        f"Map it, or name {known} in `known` below [file] if it is not needed.",
        position,
        column,
        example[:EXAMPLE_CHARACTERS],
    )
