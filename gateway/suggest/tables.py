"""The draft for a table: its layout, its total rows, its record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.errors import HouseError
from gateway.model import MAPPABLE
from gateway.suggest import assign, by_status, codes, fields, gross, moves, remainder, tie_outs, titles, totals
from gateway.suggest.assign import Assignment
from gateway.suggest.draft import Draft, Line, Record, inline, quoted, shown
from gateway.suggest.fields import Habits
from gateway.suggest.look import Seen
from gateway.suggest.shapes import Shape
from gateway.suggest.shapes import of as shapes_of
from gateway.suggest.vocabulary import NEARLY, Vocabulary

FEEDS = {
    "item": "items",
    "item_alias": "aliases",
    "location": "locations",
    "inventory_movement": "movements",
    "inventory_snapshot": "stock",
    "order_line": "orders",
    "shipment_line": "shipments",
    "receipt_line": "receipts",
    "purchase_order_line": "purchase-orders",
    "asn_line": "advices",
    "supplier_invoice_line": "supplier-invoices",
    "transport_event": "transport",
    "return_event": "returns",
    "settlement": "payouts",
    "settlement_line": "settlement",
    "bank_line": "bank",
    "bank_balance": "balances",
    "acknowledgement": "acknowledgements",
    "fx_rate": "rates",
    "gl_balance": "gl-balances",
    "manual_entry": "entries",
    "opening_balance": "opening-balances",
}
"""Table → what a feed of it is usually called; that of another table is called as the table is."""

AMOUNTS = ("amount", "list_amount", "unit_price", "unit_cost", "total", "principal_amount")
"""What a currency is of, the first that is read."""
UNMAPPED_MAX = 40
"""So many values of a document that nothing reads are listed."""
COLUMNS_SHOWN = 12
NAMED_MIN, ALIKE_MIN = 2, 4
"""So many columns must have names that a table knows, or names that are like them."""
EXAMPLES = 3
HEADER_NAMES = 3
EXAMPLE_CHARACTERS = 40


def draft(seen: Seen, words: Vocabulary, partner: str, table: str | None) -> Draft:
    """The draft for a table that was seen. Raises HouseError where it fits no table and none is named."""
    statuses = by_status.columns(seen.shapes) if table in (None, "inventory_snapshot") else {}
    shapes = {column: shape for column, shape in seen.shapes.items() if column not in statuses}
    if statuses:  # What counts them together is no field beside them.
        shapes = {column: shape for column, shape in shapes.items() if shape.kind not in ("integer", "decimal")}
        table = "inventory_snapshot"
    found = assigned(seen, shapes, words, table)
    if table is None and not _fits(found):
        cause = f"its columns fit no table: {', '.join(seen.columns[:COLUMNS_SHOWN])}"
        raise HouseError("suggest a mapping for", str(seen.path), "Name what a row is, as --table order_line.", cause)
    own = fields.habits(seen.shapes)
    record, ties = _record(seen, found, own)
    if statuses:
        record = replace(record, fields=[_of_partner(line) for line in record.fields])
        record, ties = by_status.record(seen, record, statuses, own)
    record = titles.stated(record, seen, words, own)
    records = [record, *moves.beside(record)]
    result = Draft(f"{partner}.{FEEDS.get(found.table, found.table)}", partner, records=records, notes=list(seen.notes))
    balanced = {found.choices["balance"].column} if "balance" in found.choices else set()
    used = (_read(found) | set(statuses)) - (balanced if not any(tie["sum"] == "amount" for tie in ties) else set())
    result.unmapped = _unmapped(seen, used)
    rules = [*totals.rules(seen), *(by_status.rules(seen, statuses) if statuses else ())]
    result.file = _file(seen, found, [column for column, _ in result.unmapped], rules, ties)
    result.file += by_status.lines(seen, statuses) if statuses else ()
    return result


def _fits(found: Assignment) -> bool:
    """Whether a table says something of the file: two columns are named as its fields are, one of them a field that it
    needs; or several are alike.
    """
    named = {name for name, choice in found.choices.items() if choice.score >= NEARLY}
    needed = {column.name for column in MAPPABLE[found.table].columns if column.required}
    return len(found.choices) >= ALIKE_MIN or (len(named) >= NAMED_MIN and bool(named & needed))


def assigned(seen: Seen, shapes: Mapping[str, Shape], words: Vocabulary, table: str | None) -> Assignment:
    """The columns of a table or the values of a document as fields."""
    labelled = {seen.labels.get(column, column): shape for column, shape in shapes.items()}
    hints = (
        *(path.stem for path in seen.paths),
        str(seen.options.get("sheet", "")),
        *seen.options.get("root", ()),
        seen.each,
        *(cell for _, _, cell in seen.titles),
    )
    found = assign.best(labelled, words, hints, table, titles.labelled(seen) if seen.titles else None)
    _leave_order_amount(found, labelled)
    found = assign.renamed(found, {label: column for column, label in seen.labels.items()})
    return _with_its_currency(found, shapes)


def _with_its_currency(found: Assignment, shapes: Mapping[str, Shape]) -> Assignment:
    """The currency of a value of a document is that of the amount that is read, where an attribute of it states one."""
    amounts = [found.choices[name].column for name in AMOUNTS if name in found.choices]
    own = [
        column
        for amount in amounts
        for column in shapes
        if column.startswith(f"{amount}/@") and shapes[column].kind == "currency"
    ]
    chosen = found.choices.get("currency")
    if chosen and own and "@" in chosen.column:
        found.choices["currency"] = replace(chosen, column=own[0])
    return found


def _leave_order_amount(found: Assignment, shapes: Mapping[str, Shape]) -> None:
    """An amount that not every row has is that of the order, not of the line, where every row has a price."""
    amount, price = (found.choices.get(name) for name in ("list_amount", "unit_price"))
    if amount and price and shapes[amount.column].filled < shapes[price.column].filled:
        del found.choices["list_amount"]


def checks(seen: Seen, words: Vocabulary, table: str) -> tuple[list[Line], list[dict[str, str]]]:
    """Helper fields and tie-outs of a table that a pack reads: of its total row, and of a running balance."""
    found = assign.best(seen.shapes, words, only=table)
    own = fields.habits(seen.shapes)
    return tie_outs.of(
        seen, found, own, fields.pair_of(found, seen.shapes, own) if "amount" not in found.choices else {}
    )


def further(seen: Seen, words: Vocabulary, table: str, unread: set[str]) -> list[Line]:
    """Fields of a table for those of its columns that a pack does not read, where their names are known."""
    found = assign.best(seen.shapes, words, only=table)
    own = fields.habits(seen.shapes)
    return [
        fields.line_of(found, name, seen.shapes[choice.column], own)
        for name, choice in found.choices.items()
        if choice.column in unread and choice.score >= NEARLY and MAPPABLE[table].column(name)
    ]


def _unmapped(seen: Seen, used: set[str]) -> list[tuple[str, str]]:
    rest = [column for column in seen.columns if column not in used and not re.fullmatch("#[0-9]+", column)]
    if seen.each:  # A document has many values that nobody needs.
        rest = [column for column in rest if seen.shapes[column].kind != "blank"][:UNMAPPED_MAX]
    return [(column, _examples(seen.shapes[column])) for column in rest]


def _examples(shape: Shape) -> str:
    cut = [value.replace("\n", " ")[:EXAMPLE_CHARACTERS] for value in shape.values[:EXAMPLES]]
    return ", ".join(cut) if cut else "no values"


# --- [file] ---------------------------------------------------------------------------------------------


def match(paths: Sequence[Path]) -> Line:
    """`match` for files with names like these: what stands for a day or a number is a *."""
    names = [path.name for path in paths]
    why = f"from the name{'s' * (len(names) > 1)} {', '.join(names[:EXAMPLES])}"
    return Line("match", shown(list(dict.fromkeys(map(_pattern, names)))), "guess", why)


def _pattern(name: str) -> str:
    pattern = re.sub(r"[0-9]+(?:[-_. ]?[0-9]+)*", "*", name)
    return pattern if re.search("[A-Za-z]{2}", pattern.rpartition(".")[0]) else name


def _file(
    seen: Seen,
    found: Assignment,
    unmapped: Sequence[str],
    rules: Sequence[Mapping[str, str]],
    ties: Sequence[Mapping[str, Any]],
) -> list[Line]:
    lines = [match(seen.paths), Line("format", quoted(seen.format), "sure", "the content shows it")]
    if seen.each:
        lines += [Line(key, shown(value), "sure", "the document shows it") for key, value in seen.options.items()]
        return lines + (
            [Line("tie_out", shown(list(ties)), "sure", "the rows of the sample agree with it")] if ties else []
        )
    lines += _text_layout(seen) if seen.format == "delimited" else []
    lines += _header(seen, [choice.column for choice in found.choices.values()])
    if rules:
        more = [one["name"] for one in rules if one["name"] not in (totals.RULE, totals.FOOTER)]
        why = "; ".join(filter(None, [totals.words(seen), *more]))
        lines.append(Line("ignore", shown(rules), "likely", why))
    if ties:
        lines.append(Line("tie_out", shown(list(ties)), "sure", "the rows of the sample agree with it"))
    if unmapped:
        lines.append(Line("known", shown(list(unmapped)), None, "columns that no field reads, listed below"))
    return lines


def _text_layout(seen: Seen) -> list[Line]:
    codec = str(seen.options["encoding"]).removesuffix("-sig")
    plain = all(cell.isascii() for row in (seen.columns, *seen.cells) for cell in row)
    why = "every letter so far is in all of them" if plain else "the bytes of its letters"
    lines = [
        Line("delimiter", quoted(str(seen.options["delimiter"])), "sure", "the first lines have it equally often"),
        Line("encoding", quoted(codec), "likely" if plain or codec == "cp1252" else "sure", why),
    ]
    return lines + ([Line("quote", '""', "likely", "no cell is quoted")] if "quote" in seen.options else [])


def _header(seen: Seen, used: Sequence[str]) -> list[Line]:
    if not seen.line:
        why = "no row looks like names: name the columns yourself"
        return [Line("header", "false", "guess", why), Line("columns", shown(list(seen.columns)))]
    if not seen.above and seen.format == "delimited":
        return []
    names = [column for column in seen.columns if column in used][:HEADER_NAMES] or list(seen.columns[:HEADER_NAMES])
    why = f"row {seen.line}" + (f", below {seen.above} others" if seen.above else "")
    return [Line("header", inline({"contains": names}), "sure", why)]


# --- [[record]] -----------------------------------------------------------------------------------------


def _record(seen: Seen, found: Assignment, own: Habits) -> tuple[Record, list[dict[str, str]]]:
    """The record of the table, and the tie-outs that the sample bears out."""
    order = [column.name for column in MAPPABLE[found.table].columns]
    lines = [
        fields.line_of(found, name, seen.shapes[found.choices[name].column], own)
        for name in order
        if name in found.choices
    ]
    lines = [_signed(seen, found, line) for line in _filled_down(seen, lines, found)]
    pair = fields.pair_of(found, seen.shapes, own) if "amount" not in found.choices else {}
    lines += _made(seen, found, own, pair)
    more, ties = tie_outs.of(seen, found, own, pair)
    stated = {name: choice.column for name, choice in found.choices.items() if name not in _UNSAID}
    rest = remainder.lines(found.table, stated | {line.key: "" for line in lines if line.key == "amount"})
    rest = [_of_partner(line) if found.table in moves.MOVES else line for line in rest]
    lines = [*lines, *(_above(seen, line) for line in rest)]
    lines, ties = gross.without_tax(seen, found, own, lines, ties)
    lines.sort(
        key=lambda line: (line.todo, line.key.startswith("_"), order.index(line.key) if line.key in order else 0)
    )
    key = remainder.key_of(found.table, [line.key for line in lines])
    certainty: assign.Certainty = "sure" if found.clear and not found.lacking else "likely" if found.clear else "guess"
    why = f"{len(_read(found))} of {len(seen.columns)} columns are fields of it; `--table` names another"
    return Record(found.table, key, [*lines, *more], certainty=certainty, why=why, each=seen.each), ties


def _signed(seen: Seen, found: Assignment, line: Line) -> Line:
    """The amount, negative where the mark beside it says debit and no amount has a sign of its own."""
    if line.key != "amount" or "direction" not in found.choices or "amount" not in found.choices:
        return line
    mark, column = found.choices["direction"].column, found.choices["amount"].column
    if seen.shapes[column].negative:
        return line
    debits = [value for value in seen.shapes[mark].values if codes.ours(found.table, "direction", value) == "DBIT"]
    spec = f"sign = {{ from = {quoted(mark)}, negative = {shown(debits)} }} }}"
    value = (
        f"{{ from = {line.value}, {spec}" if line.value.startswith('"') else f"{line.value.removesuffix(' }')}, {spec}"
    )
    return replace(line, value=value, why=f"{line.why}; its sign stands in {mark}")


_UNSAID = frozenset(("paid_in", "paid_out", "balance"))
"""What columns say that is no field by itself."""


def _read(found: Assignment) -> set[str]:
    """The columns that the record reads: not the price of a unit where the amount of the line is stated."""
    unread = {"unit_price"} if "list_amount" in found.choices or "qty" not in found.choices else set()
    unread |= {"paid_in", "paid_out"} if "amount" in found.choices else set()
    return {choice.column for name, choice in found.choices.items() if name not in unread}


def _made(seen: Seen, found: Assignment, own: Habits, pair: Mapping[str, Any]) -> list[Line]:
    """Fields and helpers made of columns that are no field by themselves."""
    lines = []
    if pair:
        sides = [found.choices["paid_in"], found.choices["paid_out"]]
        least: assign.Certainty = "sure" if all(one.certainty == "sure" for one in sides) else "likely"
        lines += fields.both_directions(pair, seen.shapes[pair["debit"]], least)
    if "unit_price" in found.choices and found.choices["unit_price"].column in _read(found):
        price = found.choices["unit_price"]
        spec = {"from": price.column, "type": "rate"} | fields.decimal_of(seen.shapes[price.column], own)
        lines.append(Line("_price", inline(spec), price.certainty, "the price of one unit"))
    if found.table == "purchase_order_line" and "line_status" in found.choices:
        column = found.choices["line_status"].column
        lines.append(Line("source_status", quoted(column), "likely", "the same, as it is written"))
    return lines


def _filled_down(seen: Seen, lines: Sequence[Line], found: Assignment) -> list[Line]:
    """The lines, with `fill_down` where a document's number stands in the first of its rows alone."""
    names = [name for name in remainder.KEYS.get(found.table, ())[:1] if name in found.choices]
    if not names:
        return list(lines)
    group = found.choices[names[0]].column
    filled = [bool(cell) for cell in seen.values(group)]
    if not filled or all(filled) or not filled[0]:
        return list(lines)
    result = []
    for line in lines:
        column = found.choices[line.key].column
        alike = [bool(cell) for cell in seen.values(column)] == filled
        plain = line.value == quoted(column)
        if not alike or not (plain or line.value.startswith("{ from = ")):
            result.append(line)
            continue
        value = f"{{ fill_down = {quoted(column)}" + (f", within = {quoted(group)}" if column != group else "")
        rest = line.value.removeprefix(f"{{ from = {quoted(column)}").removesuffix(" }") if not plain else ""
        why = f"{line.why}; it stands in the first row of each {names[0]}"
        result.append(replace(line, value=f"{value}{rest} }}", certainty="likely", why=why))
    return result


def _above(seen: Seen, line: Line) -> Line:
    """An account that a person must write, with the IBAN that stands above the header: it may differ in other files."""
    found = [(number, cell) for number, _, cell in seen.titles if shapes_of([cell]).check == "iban"]
    if line.key != "account" or not line.todo or len(found) != 1:
        return line
    number, account = found[0]
    why = f"it stands in line {number}, above the header; files of other accounts need mappings of their own"
    return replace(line, value=inline({"constant": account.replace(" ", "")}), why=why)


def _of_partner(line: Line) -> Line:
    """A place that nobody states is that of the partner: written once, in its settings, instead of in every record."""
    if line.key != "location" or not line.todo:
        return line
    return Line(
        "location",
        inline({"constant": "", "default": "{location}"}),
        "guess",
        "`location` of the partner in config.toml",
    )
