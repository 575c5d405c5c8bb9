"""One field of a record → steps: from its source over its text and crosswalk to its typed value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from gateway.mapping.compiler import amounts, date_order, dates, measures, values, written_currencies
from gateway.mapping.compiler.sources import Sources
from gateway.mapping.compiler.targets import Join, JoinKind, Record, Target
from gateway.mapping.language.code_patterns import is_pattern, rank, regex
from gateway.mapping.language.expressions import names
from gateway.mapping.language.named_columns import columns_of, named_helpers, read_columns, sources
from gateway.mapping.language.spec import FieldSpec, SignRule
from gateway.reading import UNREADABLE
from gateway.sql import literal, one_of

_PLAIN = FieldSpec.model_validate({"constant": ""})
"""How the mapping's own values (constants, defaults, crosswalk results) are read: decimal point, ISO dates."""


def needs(record: Record, target: Target) -> set[str]:
    """Fields of the record that this one is made from."""
    spec, found = target.spec, set[str]()
    if spec.expr is not None:
        found |= names(spec.expr)[0]
    found |= {*spec.packs_of, *([spec.pack_size] if spec.pack_size else ())}
    found |= set(named_helpers(spec, record.spec.fields))
    if spec.alias and record.table.event != target.name:
        found.add(record.table.event)
    found |= {name for name in (*spec.on, *spec.counted_in) if record.is_helper(name)}
    return {name for name in found if name in record.targets}


def compile_field(compiler: Sources, record: Record, target: Target) -> None:
    """Add the steps of a field; those it needs are there already."""
    written = ""
    if target.spec.expr is not None and target.spec.map is None and not target.spec.alias:
        written = _expression(compiler, record, target)
    elif target.spec.credit is not None or target.spec.debit is not None:
        _pair(compiler, record, target)
    else:
        _textual(compiler, record, target)
    _packs(compiler, record, target)
    target.value = target.value or target.text
    if target.spec.unread == "field" and target.broken:
        text = target.text or written
        condition = " or ".join(f"({check})" for check in target.broken)
        target.dropped = compiler.plan.add(f"__o{target.tag}", f"case when {condition} then coalesce({text}, '') end")
        target.broken = []


def identifying(record: Record) -> set[str]:
    """Source columns whose texts are taken as they stand, as identifiers are."""
    found = {column for column in record.spec.key if column not in record.targets}
    for target in record.targets.values():
        if target.kind in ("text", "code") and target.spec.map is None:
            found |= set(columns_of(target.spec, record.spec.fields))
    return found


def not_positive(record: Record) -> None:
    """Numbers that must be above zero, and are not, cannot be read."""
    for target in record.targets.values():
        if target.column is not None and target.column.positive:
            target.broken.append(f"{target.value} <= 0")


def without_value(compiler: Sources, record: Record) -> None:
    """Cells that hold no value, and identifiers that a spreadsheet shortened, cannot be read; of the condition and the
    key of the record neither."""
    texts = identifying(record)
    for target in record.targets.values():
        for column in read_columns(target.spec, record.spec.fields):
            lost = compiler.shortened(column) if target.kind in ("text", "code") and column in texts else ""
            used = _unused_before(compiler, target, column)
            target.broken += [f"({wrong}{used})" for wrong in (compiler.unreadable(column), lost) if wrong]
        if target.spec.fill_down is not None and compiler.unreadable(target.spec.fill_down):
            target.broken.append(f"starts_with({target.text}, {literal(UNREADABLE)})")
    first = next(iter(record.targets.values()))
    keys = [column for column in record.spec.key if column not in record.targets]
    judged = (column for text in record.spec.conditions.values() for column in sorted(names(text)[1]))
    for column in (*keys, *judged):
        first.broken += [compiler.unreadable(column)] if compiler.unreadable(column) else []
    first.broken += [lost for column in keys if (lost := compiler.shortened(column))]


def writing_of(record: Record, target: Target) -> amounts.Writing:
    """What may be written beside the field's numbers: a currency where the record states one and counts no pieces by
    the field; debit and credit in bank lines, where only one meaning is usual."""
    counts = target.column is not None and "currency" in record.targets and target.column.name.endswith("qty")
    money = "currency" in record.targets and not counts and not target.spec.packs_of and not target.spec.counted_in
    return amounts.Writing(
        money, record.spec.type in ("bank_line", "bank_balance") and target.spec.sign in (None, "absolute")
    )


def other_currencies(compiler: Sources, record: Record) -> None:
    """An amount with another currency written beside it than the row has cannot be read."""
    currency = record.targets.get("currency")
    if currency is None or compiler.known.notation == "plain":
        return
    for target in record.targets.values():
        if target.kind not in values.NUMBERS or not writing_of(record, target).currency:
            continue
        for column in columns_of(target.spec, record.spec.fields) if target.spec.expr is None else ():
            step = compiler.source(column)
            marks = compiler.plan.add(step.replace("__s", "__marks"), written_currencies.marks(compiler.text(column)))
            other = written_currencies.is_other(marks, currency.value)
            other = f"{currency.value} is not null and {other}"
            target.broken.append(compiler.plan.add(step.replace("__s", f"__other{record.index}_"), other))


def _unused_before(compiler: Sources, target: Target, column: str) -> str:
    """SQL: no column that `from` names before this one has a text."""
    before = [name for name in takewhile(lambda name: name != column, sources(target.spec)) if name in compiler.columns]
    if column not in sources(target.spec) or not before:
        return ""
    return "".join(f" and {compiler.text(name)} is null" for name in before)


# --- text, crosswalks ---------------------------------------------------------------------------------


def _textual(compiler: Sources, record: Record, target: Target) -> None:
    spec = target.spec
    text = _text(compiler, record, target)
    target.text, target.key = text, target.key or (text if spec.map or spec.alias else "")
    if spec.map is not None:
        text = _map(compiler, target, text)
    if spec.alias:
        text = _alias(compiler, record, target, text)
    own = spec.lookup is not None or spec.map is not None or spec.constant is not None
    reading = spec.model_copy(update={"decimal": "point", "formats": (), "scale": None}) if own else spec
    writing = amounts.PLAIN_WRITING if own else writing_of(record, target)
    number = target.kind in values.NUMBERS
    if number and spec.decimal == "auto" and not own and writing.currency:
        text = _in_whole_units(compiler, record, target, text)
    if number or spec.scale:
        writing = _with_bare(compiler, target, text, reading, writing)
    if number and spec.decimal == "auto" and not own:
        into = values.room(target.kind, target.column)
        # What is filled down is no further evidence, and unknown while the file is looked through for it.
        seen = compiler.plan.add(f"__e{target.tag}", amounts.evidence(target.own_text or text, into, writing))
        compiler.auto[(target.record, target.name)] = seen
    if target.kind in ("date", "datetime") and not own:
        text = compiler.plan.add(f"__c{target.tag}", dates.tidied(text, spec.formats))
        reading = _in_one_order(compiler, target, text, reading)
    value = values.typed(target.kind, text, reading, target.column, compiler.notation_of(target), writing)
    if spec.constant is not None:
        target.broken.append(f"{text} is not null and ({value}) is null")
    elif value != text:
        value = compiler.plan.add(f"__v{target.tag}", value)
        target.broken.append(f"{text} is not null and {value} is null")
    value = _signed(compiler, target, value)
    target.value = _default(compiler, target, value)


def _with_bare(
    compiler: Sources, target: Target, text: str, spec: FieldSpec, writing: amounts.Writing, letter: str = ""
) -> amounts.Writing:
    """The writing with a step for the bare number: every way to read it starts from there."""
    into = values.room(target.kind, target.column)
    step = compiler.plan.add(f"__bare{letter}{target.tag}", amounts.bare(text, spec.decimal, into, writing))
    return replace(writing, bare=step)


def _in_whole_units(compiler: Sources, record: Record, target: Target, text: str, letter: str = "") -> str:
    """The text of an amount; of a currency without decimals (¥1,234) its only separator is none of decimals."""
    spec = record.targets["currency"].spec
    if target.kind != "decimal" or compiler.known.notation == "plain":
        return text
    currency = "cast(null as varchar)"
    if spec.constant is not None:
        currency = literal(str(spec.constant))
    elif spec.source is not None and spec.map is None and spec.lookup is None:
        written = [compiler.text(column) for column in sources(spec)]
        written += [literal(str(spec.default))] if spec.default is not None else []
        currency = f"upper(coalesce({', '.join([*written, 'null'])}))"
    condition = written_currencies.has_no_decimals(text, currency)
    return compiler.plan.add(f"__z{letter}{target.tag}", amounts.without_decimals(text, condition))


def _in_one_order(compiler: Sources, target: Target, text: str, reading: FieldSpec) -> FieldSpec:
    """Dates of a column have one order of day and month; a date that can mean two days never has another."""
    seen = date_order.evidence(text, reading.formats)
    if not seen:
        return reading
    filled = seen if target.own_text else ""
    if target.own_text:
        own = compiler.plan.add(f"__ce{target.tag}", dates.tidied(target.own_text, reading.formats))
        seen = date_order.evidence(own, reading.formats)
    place = (target.record, target.name)
    step = compiler.plan.add(f"__e{target.tag}", seen)
    compiler.dates[place] = step
    if date_order.both(reading.formats):
        compiler.two_orders.append(step)
    order = compiler.known.orders.get(place)
    if order is None:
        return reading
    if order == "none":
        target.broken.append(f"{filled or step} = {date_order.AMBIGUOUS}")
    return reading.model_copy(update={"formats": date_order.kept(reading.formats, order)})


def _text(compiler: Sources, record: Record, target: Target) -> str:
    """SQL of the field's text as the source gives it."""
    spec = target.spec
    if spec.constant is not None:
        text = str(spec.constant).lower() if isinstance(spec.constant, bool) else str(spec.constant)
        return literal(text) if text else "cast(null as varchar)"
    if spec.lookup is not None:
        return _lookup(compiler, record, target)
    if spec.expr is not None:
        # A code, or a partner's name of an item: only what it stands for must fit the column.
        result, blank = _computed(compiler, record, target)
        target.broken.append(f"{blank} is null")
        return compiler.plan.add(f"__x{target.tag}", f"nullif(trim(cast({result} as varchar)), '')")
    if spec.fill_down is not None:
        text = target.own_text = _blanked(compiler, target, [compiler.marked(spec.fill_down)])
        groups = [compiler.text(column) for column in spec.within or ()]
        return _join(compiler, target, "fill_down", (text, *groups), "d")[0]
    return _blanked(compiler, target, _source_texts(compiler, record, target))


def _source_texts(compiler: Sources, record: Record, target: Target) -> list[str]:
    """The texts of what `from` names, of columns those that the file has."""
    spec = target.spec
    helpers = named_helpers(spec, record.spec.fields)
    there = [name for name in sources(spec) if name in compiler.columns or name in helpers] or list(sources(spec)[:1])
    return [record.targets[name].value if name in helpers else compiler.text(name) for name in there]


def _blanked(compiler: Sources, target: Target, texts: list[str], letter: str = "x") -> str:
    """The first text that is neither blank nor a word that means blank."""
    if not target.spec.blank and len(texts) == 1:
        return texts[0]
    filled = _without_blanks(target, texts)
    return compiler.plan.add(f"__{letter}{target.tag}", f"coalesce({', '.join(filled)})")


def _without_blanks(target: Target, texts: list[str]) -> list[str]:
    """SQL of these texts, NULL for a word that means blank."""
    if not target.spec.blank:
        return texts
    blanks = [word.strip().lower() for word in target.spec.blank]
    return [f"case when not {one_of(f'lower({text})', blanks)} then {text} end" for text in texts]


def _join(
    compiler: Sources,
    target: Target,
    kind: JoinKind,
    keys: tuple[str, ...],
    letters: Sequence[str],
    day: str = "",
    *,
    base: bool = False,
) -> list[str]:
    """Ask for something that only the whole file or a crosswalk knows; the names of the steps given, by letter."""
    join = Join(kind, compiler.plan.stage(*keys, day) + 1, target, keys, day, base)
    earlier = next((one for one in compiler.joins if one.asks == join.asks), None)
    if earlier is None:
        compiler.joins.append(join)
    else:
        earlier.others.append(target)
        join = earlier
    return [compiler.plan.given(f"__{letter}{join.target.tag}", join.stage) for letter in letters]


def _lookup(compiler: Sources, record: Record, target: Target) -> str:
    spec = target.spec
    keys = tuple(
        f"coalesce(cast({record.targets[name].value} as varchar), '')"
        if record.is_helper(name)
        else f"coalesce({compiler.text(name)}, '')"
        for name in spec.on
    )
    (found,) = _join(compiler, target, "lookup", keys, "l")
    blank = f"concat({', '.join(keys)}) = ''"
    target.key = f"concat_ws(chr(31), {', '.join(keys)})"
    if spec.missing == "reject":
        target.broken.append(f"{found} is null and not ({blank})")
        return found
    if spec.missing == "keep":
        cells = ", ".join(f"nullif({key}, '')" for key in keys)
        return compiler.plan.add(f"__x{target.tag}", f"coalesce({found}, nullif(concat_ws(' / ', {cells}), ''))")
    unknown = f"{found} is null" if spec.default is None else f"{found} is null and not ({blank})"
    target.unmapped = unknown
    return compiler.plan.add(f"__x{target.tag}", f"case when {unknown} then 'suspense' else {found} end")


def _map(compiler: Sources, target: Target, text: str) -> str:
    """The inline crosswalk, whatever the case of the codes; * in a code is any text, the code * all others."""
    spec, low = target.spec, f"lower({text})"
    table = {code.strip().lower(): value for code, value in (spec.map or {}).items()}
    rest = table.pop("*", None)
    other = {"keep": text, "suspense": "'suspense'", "reject": "null"}[spec.missing] if rest is None else literal(rest)
    if rest is None and spec.missing == "suspense":
        known = f"regexp_full_match({low}, {literal('|'.join(map(regex, table)))}, 's')" if table else "false"
        target.unmapped = f"{text} is not null and not {known}"
    patterns = [code for code in sorted(table, key=rank) if is_pattern(code)]
    matches = [
        f"when regexp_full_match({low}, {literal(regex(code))}, 's') then {literal(table[code])}" for code in patterns
    ]
    other = f"case {' '.join(matches)} else {other} end" if matches else other
    cases = " ".join(f"when {literal(code)} then {literal(table[code])}" for code in table if not is_pattern(code))
    choice = f"case {low} {cases} else {other} end" if cases else other
    mapped = compiler.plan.add(f"__y{target.tag}", f"case when {text} is not null then {choice} end")
    target.broken.append(f"{text} is not null and {mapped} is null")
    return mapped


def _alias(compiler: Sources, record: Record, target: Target, text: str) -> str:
    """Our SKU for the first of the sender's names of it that is known, by the row's event day; `?` and the first name
    where nobody knows any."""
    event, day = record.targets.get(record.table.event), ""
    if event is not None and event is not target:
        day = f"cast(timezone('UTC', {event.value}) as date)" if event.type == "TIMESTAMPTZ" else event.value
    name = compiler.plan.add(f"__z{target.tag}", text) if text not in compiler.plan.steps else text
    keys: tuple[str, ...] = (name,)
    if len(sources(target.spec)) > 1 and target.spec.map is None:
        texts = _without_blanks(target, _source_texts(compiler, record, target))
        keys = tuple(compiler.plan.add(f"__z{target.tag}_{number}", sql) for number, sql in enumerate(texts))
    base = any(spec.counted_in for spec in record.spec.fields.values())
    letters = ("a", "p", "po", *(("ub", "un") if base else ()))
    sku, target.packs, target.packs_of_one, *target.base = _join(
        compiler, target, "alias", keys, letters, day, base=base
    )
    target.unmapped = f"{name} is not null and {sku} is null"
    return compiler.plan.add(
        f"__k{target.tag}", f"case when {name} is not null then coalesce({sku}, '?' || {name}) end"
    )


# --- values -------------------------------------------------------------------------------------------


def _computed(compiler: Sources, record: Record, target: Target) -> tuple[str, str]:
    """Names of two steps: what the expression gives, and whether that is nothing, null where it cannot be computed."""
    sql = compiler.expression(record, target.spec.expr or "")
    result = compiler.plan.add(f"__r{target.tag}", f"try({sql})")
    return result, compiler.plan.add(f"__n{target.tag}", f"try(({sql}) is null)")


def _expression(compiler: Sources, record: Record, target: Target) -> str:
    """A computed field: an error in it (overflow, a text that is no number) is a fault of the row; its text."""
    result, blank = _computed(compiler, record, target)
    reading = target.spec.model_copy(update={"formats": (*target.spec.formats, "iso")})
    text = f"nullif(trim(cast({result} as varchar)), '')"
    if target.kind in (*values.NUMBERS, "integer", "boolean"):
        # A text is read like any other; a computed number is taken to the decimals of its column.
        written = compiler.plan.add(f"__w{target.tag}", f"case when typeof({result}) = 'VARCHAR' then {text} end")
        writing = amounts.PLAIN_WRITING
        if target.kind in values.NUMBERS or reading.scale:
            writing = _with_bare(compiler, target, written, reading, writing)
        read = values.typed(target.kind, written, reading, target.column, compiler.known.notation, writing)
        value = (
            f"case when {written} is not null then {read} when typeof({result}) <> 'VARCHAR' then "
            f"try_cast({result} as {target.type}) end"
        )
        target.broken.append(f"{blank} is null")
    else:
        written = compiler.plan.add(f"__w{target.tag}", text)
        value = values.typed(target.kind, written, reading, target.column)
    target.value = compiler.plan.add(f"__v{target.tag}", value)
    target.broken.append(f"{blank} is null or ({written} is not null and {target.value} is null)")
    if target.kind in (*values.NUMBERS, "integer", "boolean"):
        target.broken[-1] += f" or (typeof({result}) <> 'VARCHAR' and not {blank} and {target.value} is null)"
    value = _signed(compiler, target, target.value)
    if target.spec.default is not None:
        value = compiler.plan.add(f"__f{target.tag}", f"coalesce({value}, {_own(target, target.spec.default)})")
    target.value = value
    return written


def _pair(compiler: Sources, record: Record, target: Target) -> None:
    """Credit less debit; blank on both sides is blank."""
    spec = target.spec
    notation = compiler.notation_of(target)
    writing = replace(writing_of(record, target), letters=False)
    into, sides, seen = values.room(target.kind, target.column), [], []
    for column, letter in ((spec.credit, "cr"), (spec.debit, "dr")):
        text = _blanked(compiler, target, [compiler.text(column)], letter) if column else "cast(null as varchar)"
        if column and writing.currency and spec.decimal == "auto":
            text = _in_whole_units(compiler, record, target, text, letter)
        beside = _with_bare(compiler, target, text, spec, writing, letter)
        seen.append(f"coalesce({amounts.evidence(text, into, beside)}, 0)")
        value = compiler.plan.add(
            f"__{letter}v{target.tag}", values.typed(target.kind, text, spec, target.column, notation, beside)
        )
        target.broken.append(f"{text} is not null and {value} is null")
        sides.append((text, value))
    (credit, credited), (debit, debited) = sides
    if spec.decimal == "auto":
        compiler.auto[(target.record, target.name)] = compiler.plan.add(f"__e{target.tag}", " | ".join(seen))
    target.text = f"coalesce({credit}, {debit})"
    difference = (
        f"case when {debit} is null then {credited} when {credit} is null then -{debited} "
        f"else try_cast({credited} - {debited} as {target.type}) end"
    )
    value = _signed(compiler, target, compiler.plan.add(f"__v{target.tag}", difference))
    target.value = _default(compiler, target, value)


def _signed(compiler: Sources, target: Target, value: str) -> str:
    sign = target.spec.sign
    if sign is None:
        return value
    if isinstance(sign, SignRule):
        mark = f"lower({compiler.text(sign.source)})"
        minus, plus = ([code.strip().lower() for code in codes] for codes in (sign.negative, sign.positive))
        sql = f"case when {one_of(mark, minus)} then -{value} else {value} end"
        if plus:
            target.broken.append(f"coalesce({value} <> 0, false) and not coalesce({one_of(mark, minus + plus)}, false)")
    else:
        sql = f"-{value}" if sign == "reverse" else f"abs({value})"
    return compiler.plan.add(f"__g{target.tag}", sql)


def _own(target: Target, text: str) -> str:
    """SQL of a value that the mapping itself states."""
    if text == "":
        return "''" if target.type == "VARCHAR" else f"cast(null as {target.type})"
    plain = amounts.is_plain(text, values.room(target.kind, target.column))
    return values.typed(target.kind, literal(text), _PLAIN, target.column, "plain" if plain else "any")


def _default(compiler: Sources, target: Target, value: str) -> str:
    default = target.spec.default
    if default is None:
        return value
    sql = f"case when {target.text} is null then {_own(target, default)} else {value} end"
    return compiler.plan.add(f"__f{target.tag}", sql)


def _packs(compiler: Sources, record: Record, target: Target) -> None:
    """Units of the sender's packs, or in the sender's unit of measure → base units, never rounded."""
    others = tuple(other for name in target.spec.packs_of if (other := record.targets.get(name)) and other.spec.alias)
    if target.spec.counted_in:
        counted = measures.counted(compiler, record, target, others)
        factor, target.uncounted = counted.factor, counted.unknown
    elif others:
        factor = f"coalesce({', '.join(other.packs for other in others)}, 1)"
    else:
        return
    usual, wide = (f"try(cast({target.value} as decimal({digits},4)) * {factor})" for digits in (18, 30))
    # Comparing numbers of more than 18 digits takes thirty times as long, and hardly any quantity needs them.
    usual = compiler.plan.add(f"__qn{target.tag}", usual)
    wide = compiler.plan.add(f"__qw{target.tag}", f"case when {usual} is null then {wide} end")
    exact = f"case when {usual} is not null then {_exact(usual, target.type)} else {_exact(wide, target.type)} end"
    packed = compiler.plan.add(f"__q{target.tag}", exact)
    target.broken.append(f"{target.value} is not null and {packed} is null")
    target.value = packed


def _exact(number: str, sql_type: str) -> str:
    """SQL of a number in a type, NULL where that cannot hold it exactly."""
    cast = f"try_cast({number} as {sql_type})"
    return f"case when {number} = {cast} then {cast} end"
