"""Columns to fields: one best assignment for each table, and the table that explains the columns best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gateway.model import MAPPABLE
from gateway.model.table import DAY, FLAG, INSTANT, TEXT, WHOLE
from gateway.suggest import codes
from gateway.suggest.shapes import Shape
from gateway.suggest.vocabulary import ALIKE, NEARLY, ONCE, Vocabulary, names_more
from gateway.suggest.words import meant

Certainty = Literal["sure", "likely", "guess"]

BY_SHAPE = {"iban": ("account", 0.85), "gtin": ("gtin", 0.85)}
"""Check digits → the field that they alone speak for, and how much."""
CURRENCY_CODES = 0.8
"""What codes of currencies, or marks of debit and credit, speak for their field without its name."""
TAKEN = 0.65
"""A field takes a column from this score on."""
LACKING, MADE = 1.2, 0.1
"""What a table loses for a field that it needs, and that nothing says; and for one that a draft makes of others."""
HINT, NAMED = 1.5, 0.5
"""What a table gains where the name of the file or the sheet names it, again where it is the last word of the name, as
in OrderResponse, and for each column that does, up to as much."""
CLEAR = 1.25
"""A table is clear where it scores so many times the next one …"""
ELSEWHERE = 0.15
"""What a table loses for each column that says nothing to it, but something to another table."""
RARE, RARE_MIN = 2, 2
"""… and so many of its columns have names that fit no more than so many tables."""
STATED_MIN = 0.85
"""So much must speak for a value above the header, as the check digits of an IBAN do."""
KNOWN_CODES = 0.34
"""So large a share of the codes of a field with fixed values must be known."""
SAME_FOR_ALL = frozenset(("channel", "location", "account", "currency", "settlement_id", "supplier", "as_of"))
"""Fields that may have one value for all rows of a file: of others, such as the item, each row has its own."""
ITEM, BY_SUPPLIER = "sku", "supplier_item"
"""An item that the document has the supplier's number of alone: a draft takes that."""
SIDES = frozenset(("customer", "seller", "supplier"))
"""Words that say whose number of an item it is."""
WORDS = frozenset(("base_uom", "origin", "ship_to_city", "ship_to_country"))
"""Fields whose values are words or codes with letters, and no numbers."""
MODEST = frozenset(
    [
        "ship_to_name",
        "ship_to_code",
        "ship_to_street",
        "ship_to_city",
        "ship_to_region",
        "ship_to_postcode",
        "ship_to_country",
    ]
)
"""Fields that a person may leave out by intent: they are never sure."""

DERIVED: Mapping[str, frozenset[str]] = {
    "order_line": frozenset(("line_no", "channel", "currency", "list_amount")),
    "shipment_line": frozenset(("shipment_no", "location")),
    "receipt_line": frozenset(("location",)),
    "inventory_snapshot": frozenset(("location", "scope", "status")),
    "inventory_movement": frozenset(("from_location", "from_status", "to_location", "to_status", "type")),
    "return_event": frozenset(("stage",)),
    "settlement": frozenset(("channel",)),
    "settlement_line": frozenset(("settlement_id", "channel", "canonical_class", "amount")),
    "bank_line": frozenset(("account", "statement_id", "currency", "direction", "status", "amount")),
    "bank_balance": frozenset(("statement_id", "balance_type", "currency")),
    "opening_balance": frozenset(("amount", "currency")),
    "purchase_order_line": frozenset(("stage", "line_status")),
    "asn_line": frozenset(("location",)),
    "item_alias": frozenset(("alias_partner", "id_type")),
    "location": frozenset(("type",)),
}
"""Required fields that files often do not state: a draft makes them of others, or leaves them to a person."""

HINTS = {
    "order_line": {"order"},
    "shipment_line": {"shipping"},
    "receipt_line": {"received"},
    "inventory_snapshot": {"stock", "count", "snapshot", "hand"},
    "return_event": {"return"},
    "settlement_line": {"settlement", "fee", "payout", "payable", "transaction", "debit", "credit", "balance"},
    "bank_line": {"account", "bank", "booking", "balance", "debit", "credit"},
    "opening_balance": {"opening", "account", "balance", "debit", "credit"},
    "gl_balance": {"ledger", "gl", "trial", "account", "balance"},
    "manual_entry": {"entry", "journal", "voucher", "debit", "credit"},
    "fx_rate": {"rate", "base", "quote"},
    "inventory_movement": {"movement", "event", "opening"},
    "purchase_order_line": {"purchase", "confirmation", "response"},
    "item": {"item", "catalog"},
    "supplier_invoice_line": {"invoice"},
}
"""Words of the names of files and sheets that speak for a table."""


OWN_FORMS = {
    "opening_balance": {"opening"},
    "gl_balance": {"ledger", "gl", "trial"},
    "manual_entry": {"entry", "journal", "voucher"},
}
"""Tables that our own people fill in, with words one of which their files say: no partner sends balances of accounts of
ours."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A column for a field, how much speaks for it (0 to 1), and what."""

    column: str
    score: float
    certainty: Certainty
    why: str


@dataclass
class Assignment:
    """What a table takes from which columns.

    lacking  required fields that neither a column states nor a draft can make of others
    clear    whether no other table comes near
    """

    table: str
    score: float
    choices: dict[str, Choice] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)
    clear: bool = False


def best(
    shapes: Mapping[str, Shape],
    words: Vocabulary,
    names: Sequence[str] = (),
    only: str | None = None,
    above: Mapping[str, Shape] | None = None,
) -> Assignment:
    """The table that explains the columns best, with its fields.

    names  of the file and its sheet, and texts above the header, as hints
    only   the table, where a person named it
    above  labels of texts above the header, which say the same for all rows
    """
    spoken = {word for name in (*shapes, *names) for word in meant(name)}
    tables = [only] if only else [name for name in MAPPABLE if OWN_FORMS.get(name, spoken) & spoken]
    scores = {table: _scores(table, shapes, words) for table in tables}
    common = {column: _tables_of(column, scores) for column in shapes}
    # The item of a line is no list of items.
    said = [[word for word in meant(name) if not (word == "item" and "line" in meant(name))] for name in names]
    hints, heads = {word for name in said for word in name}, {name[-1] for name in said if name}
    stated = {table: _stated(table, above or {}, words) for table in tables}
    found = [_assigned(table, scores[table], shapes, common, (hints, heads), stated[table]) for table in tables]
    found.sort(key=lambda one: -one.score)
    chosen = found[0]
    own = not HINTS.get(chosen.table) or bool(HINTS[chosen.table] & spoken)
    rare = sum(common[one.column] <= RARE and one.score >= ONCE for one in chosen.choices.values())
    chosen.clear = bool(only) or (chosen.score >= CLEAR * max(found[1].score, 1) and rare >= RARE_MIN and own)
    clear = chosen.clear and not chosen.lacking
    chosen.choices = {name: _judged(chosen, name, shapes, scores[chosen.table], clear) for name in chosen.choices}
    return chosen


def renamed(found: Assignment, names: Mapping[str, str]) -> Assignment:
    """The assignment with other names of its columns."""
    choices = {field: replace(one, column=names.get(one.column, one.column)) for field, one in found.choices.items()}
    return replace(found, choices=choices)


Scores = dict[tuple[str, str], tuple[float, str]]
"""(column, field) → (score, what speaks for it)."""


def _scores(table: str, shapes: Mapping[str, Shape], words: Vocabulary) -> Scores:
    found: Scores = {}
    for column, shape in shapes.items():
        for name in words.names(table):
            likeness, origin = words.likeness(table, name, column)
            alone = BY_SHAPE.get(shape.check, ("", 0.0))
            strength = max(likeness, alone[1] if alone[0] == name else 0.0)
            if (shape.kind == "currency" and name == "currency") or (name == "direction" and _both_sides(table, shape)):
                strength = max(strength, CURRENCY_CODES)
            score = strength * fit(table, name, shape)
            if score >= TAKEN:
                found[column, name] = (score, origin if likeness == strength else "")
    return found


def _stated(table: str, above: Mapping[str, Shape], words: Vocabulary) -> set[str]:
    """The fields that texts above the header state for all rows."""
    found = _scores(table, above, words).items()
    return {name for (_, name), (score, _) in found if name in SAME_FOR_ALL and score >= STATED_MIN}


def _both_sides(table: str, shape: Shape) -> bool:
    """Whether the values are marks of debit and credit, and both occur."""
    return {codes.ours(table, "direction", value) for value in shape.values} == {"CRDT", "DBIT"}


def kind_of(table: str, name: str) -> str:
    """date, number, whole, flag or text: what the values of a field are."""
    column = MAPPABLE[table].column(name)
    if column is None:
        return "number"
    kinds = {DAY: "date", INSTANT: "date", WHOLE: "whole", FLAG: "flag", TEXT: "text"}
    return kinds.get(column.type, "number")


def fit(table: str, name: str, shape: Shape) -> float:
    """How well the values of a column go with a field, 0 where they cannot."""
    kind = kind_of(table, name)
    if shape.kind == "blank":
        return 0.7
    if kind == "date":
        return 1.0 if shape.timely else 0.0
    if kind in ("number", "whole"):
        return 1.0 if shape.numeric and not (kind == "whole" and shape.kind == "decimal") else 0.0
    column = MAPPABLE[table].column(name)
    if column is not None and column.values:
        known = sum(bool(codes.ours(table, name, value)) for value in shape.values)
        return 1.0 if known >= KNOWN_CODES * len(shape.values) else 0.0
    if name == "currency":
        return 1.0 if shape.kind == "currency" else 0.0
    if name in WORDS and (shape.numeric or shape.timely):
        return 0.0
    if shape.timely:
        return 0.3
    if shape.kind == "decimal":
        return 0.68
    return 0.6 if shape.kind == "currency" else 1.0


def _tables_of(column: str, scores: Mapping[str, Scores]) -> int:
    """How many tables have a field that the column's name fits."""
    return sum(
        any(score >= ALIKE for (name, _), (score, _) in found.items() if name == column) for found in scores.values()
    )


def _assigned(
    table: str,
    scores: Scores,
    shapes: Mapping[str, Shape],
    common: Mapping[str, int],
    hints: tuple[set[str], set[str]],
    stated: set[str],
) -> Assignment:
    order = {column: place for place, column in enumerate(shapes)}
    pairs = sorted(scores.items(), key=lambda pair: (-pair[1][0], -shapes[pair[0][0]].filled, order[pair[0][0]]))
    result, columns = Assignment(table, 0.0), set[str]()
    for (column, name), (score, why) in pairs:
        if column not in columns and name not in result.choices:
            columns.add(column)
            result.choices[name] = Choice(column, score, "guess", why)
    required = {column.name for column in MAPPABLE[table].columns if column.required}
    for name, choice in result.choices.items():
        rare = max(common[choice.column], 1) ** -0.5
        filled = 1.0 if shapes[choice.column].kind != "blank" else 0.3
        result.score += choice.score * rare * filled * (2 if name in required else 1)
    if BY_SUPPLIER in result.choices:
        stated = stated | {ITEM}
    result.lacking = sorted(required - set(result.choices) - DERIVED.get(table, frozenset()) - stated)
    missing = required - set(result.choices) - set(result.lacking) - stated
    result.score -= LACKING * len(result.lacking) + MADE * len(missing)
    result.score -= ELSEWHERE * sum(count > 0 for column, count in common.items() if column not in columns)
    words = HINTS.get(table, set())
    result.score += sum(HINT for spoken in hints if spoken & words)
    result.score += min(NAMED * sum(bool(words & set(meant(column))) for column in shapes), HINT)
    return result


def _judged(chosen: Assignment, name: str, shapes: Mapping[str, Shape], scores: Scores, clear: bool) -> Choice:
    """How sure the choice is, and why."""
    choice = chosen.choices[name]
    shape = shapes[choice.column]
    rivals = _rivals(chosen, name, shapes, scores)
    others = [
        other
        for (column, other), (score, _) in scores.items()
        if column == choice.column and other != name and score >= max(NEARLY, choice.score - 0.02)
    ]
    said = f"named so in {choice.why}" if choice.why else ""
    why = "; ".join(part for part in (said, shape.words) if part)
    why += f"; {rivals[0]} could be it too" if rivals else ""
    certainty: Certainty = "likely" if choice.score >= NEARLY and not rivals else "guess"
    if name == ITEM and SIDES & set(meant(choice.column)):  # Whose number is ours, only a person knows.
        clear = False
    if clear and choice.score >= ONCE and not rivals and not others and shape.kind != "blank" and name not in MODEST:
        certainty = "sure"
    return Choice(choice.column, choice.score, certainty, why)


def _rivals(chosen: Assignment, name: str, shapes: Mapping[str, Shape], scores: Scores) -> list[str]:
    """Columns that could be the field as well: names that fit, and for numbers every number that nothing explains."""
    own = chosen.choices[name]
    rivals = [
        column
        for (column, other), (score, _) in scores.items()
        if other == name and column != own.column and score >= min(0.85, own.score)
    ]
    explained = {one.column for one in chosen.choices.values() if one.score >= NEARLY}
    if kind_of(chosen.table, name) != "number":
        more = [column for column in shapes if column not in explained and column != own.column]
        return rivals + [column for column in more if shapes[column].kind != "blank" and names_more(column, name)]
    return rivals + [
        column for column, shape in shapes.items() if shape.numeric and column not in explained and column != own.column
    ]
