"""A mapping's records → SQL.

Two steps for each kind of row (`each`): the *typed* table holds what can be read off a row by itself, filled
in one streaming pass; the *wide* view over it adds what needs more than the row (values filled down,
crosswalks, aliases, expressions), and says which records a row makes and what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.mapping import values
from gateway.mapping.expressions import compile_scalar, names
from gateway.mapping.spec import FieldSpec, RecordSpec
from gateway.mapping.values import name as ident
from gateway.mapping.values import quote
from gateway.model import MAPPABLE, Column
from gateway.model.status import MOVES


@dataclass
class Target:
    """One field of one record, compiled.

    bit     its bit in the record's fault mask
    raw     SQL over the source for its trimmed text, "" where it has no text of its own
    typed   SQL over the source for the typed table, None if it needs the wide view
    wide    SQL over the typed table's columns (and the joins of the wide view)
    """

    name: str
    spec: FieldSpec
    column: Column | None
    kind: str
    bit: int
    raw: str = ""
    typed: str | None = None
    wide: str = ""


@dataclass
class Crosswalk:
    """A join of the wide view against a small resolved table; `alias` is its table alias."""

    alias: str
    target: Target
    keys: tuple[str, ...]


@dataclass
class CompiledRecord:
    """One [[record]] of a mapping."""

    index: int
    spec: RecordSpec
    targets: dict[str, Target]
    crosswalks: list[Crosswalk] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """Of its columns in the typed table and the wide view."""
        return f"r{self.index}_"


class Compiler:
    """Compiles all records that share one kind of row."""

    def __init__(
        self, records: Sequence[tuple[int, RecordSpec]], columns: Sequence[str], ignore: Sequence[tuple[str, str]]
    ) -> None:
        self.columns = frozenset(columns)
        self.ignore = ignore
        self.records = [self._record(index, spec) for index, spec in records]
        self.carried: dict[str, str] = {}

    # --- source columns -------------------------------------------------------------------------------

    def column(self, source: str) -> str:
        """SQL for a source column's text; a column that the file lacks is blank."""
        return ident(source) if source in self.columns else "cast(null as varchar)"

    def text(self, spec: FieldSpec) -> str:
        """SQL for a field's trimmed text, NULL where blank."""
        sources = (spec.source,) if isinstance(spec.source, str) else (spec.source or ())
        present = [source for source in sources if source in self.columns] or list(sources[:1])
        blanks = ", ".join(quote(word) for word in ("", *spec.blank))
        parts = [
            f"nullif(trim({self.column(source)}), '')"
            if not spec.blank
            else f"case when trim({self.column(source)}) in ({blanks}) then null else trim({self.column(source)}) end"
            for source in present
        ]
        return parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"

    # --- fields ---------------------------------------------------------------------------------------

    def _record(self, index: int, spec: RecordSpec) -> CompiledRecord:
        table = MAPPABLE[spec.type]
        record = CompiledRecord(index, spec, {})
        for bit, (name, field_spec) in enumerate(spec.fields.items()):
            column = table.column(name)
            target = Target(name, field_spec, column, values.type_of(field_spec, column), bit)
            record.targets[name] = target
            self._source(record, target)
        return record

    def _source(self, record: CompiledRecord, target: Target) -> None:
        spec, stored = target.spec, f"{record.prefix}{target.name}"
        kind = values.sql_type(target.kind, target.column)
        if spec.constant is not None:
            value = str(spec.constant).lower() if isinstance(spec.constant, bool) else str(spec.constant)
            target.wide = f"cast({quote(value)} as {kind})"
        elif spec.source is not None:
            target.raw = self.text(spec)
            if spec.alias:
                self._alias(record, target, stored)
            else:
                target.typed = self._default(self._signed(self._mapped(target), spec), target, kind)
                target.wide = f"t.{ident(stored)}"
        elif spec.credit is not None or spec.debit is not None:
            target.typed = self._pair(target)
            target.wide = f"t.{ident(stored)}"
        elif spec.fill_down is not None:
            target.raw = f"nullif(trim({self.column(spec.fill_down)}), '')"
            target.typed = target.raw
            target.wide = self._default(
                values.typed(target.kind, f"f.{ident(stored)}", spec, target.column), target, kind
            )
        elif spec.lookup is not None:
            self._lookup(record, target)

    def _mapped(self, target: Target) -> str:
        spec = target.spec
        if not spec.map:
            return values.typed(target.kind, target.raw, spec, target.column)
        cases = " ".join(f"when {quote(key)} then {quote(value)}" for key, value in spec.map.items())
        other = f"else {target.raw}" if spec.missing == "keep" else ""
        mapped = f"case {target.raw} {cases} {other} end"
        return values.typed(target.kind, f"({mapped})", spec, target.column) if target.kind != "code" else mapped

    def _signed(self, sql: str, spec: FieldSpec) -> str:
        if spec.sign is None or isinstance(spec.sign, str):
            return sql
        negative = ", ".join(map(quote, spec.sign.negative))
        return f"case when trim({self.column(spec.sign.source)}) in ({negative}) then -({sql}) else {sql} end"

    def _pair(self, target: Target) -> str:
        """Credit less debit; blank on both sides is blank, text that is no number makes the whole a fault."""
        sides = []
        for source, sign in ((target.spec.credit, ""), (target.spec.debit, "-")):
            text = f"nullif(trim({self.column(source)}), '')" if source else "cast(null as varchar)"
            sides.append((text, f"{sign}({values.typed('decimal', text, target.spec, target.column)})"))
        (credit, credit_value), (debit, debit_value) = sides
        target.raw = f"coalesce({credit}, {debit})"
        return (
            f"case when {credit} is null and {debit} is null then null when {credit} is null then {debit_value} "
            f"when {debit} is null then {credit_value} else {credit_value} + {debit_value} end"
        )

    @staticmethod
    def _default(sql: str, target: Target, kind: str) -> str:
        if target.spec.default is None:
            return sql
        if target.spec.default == "":
            return f"coalesce({sql}, '')" if kind == "VARCHAR" else sql
        text = target.raw or "null"
        return f"case when {text} is null then cast({quote(target.spec.default)} as {kind}) else {sql} end"

    def _alias(self, record: CompiledRecord, target: Target, stored: str) -> None:
        alias = f"a{record.index}_{target.bit}"
        target.typed = target.raw
        record.crosswalks.append(Crosswalk(alias, target, (stored,)))
        target.wide = (
            f"case when t.{ident(stored)} is null then null else coalesce({alias}.sku, '?' || t.{ident(stored)}) end"
        )

    def _lookup(self, record: CompiledRecord, target: Target) -> None:
        alias = f"l{record.index}_{target.bit}"
        record.crosswalks.append(Crosswalk(alias, target, tuple(target.spec.on)))
        fallback = {"suspense": "'suspense'", "reject": "null", "keep": "concat_ws(' / ', {keys})"}
        keys = ", ".join(f"t.{ident(self.key_column(record, target, n))}" for n in range(len(target.spec.on)))
        missing = fallback[target.spec.missing].format(keys=keys)
        target.wide = f"coalesce({alias}.value, {missing})"

    @staticmethod
    def key_column(record: CompiledRecord, target: Target, number: int) -> str:
        """Name in the typed table of the text that a lookup is asked with."""
        return f"{record.prefix}{target.name}__{number}"

    # --- the two statements ---------------------------------------------------------------------------

    def typed_select(self) -> str:
        """The streaming pass over the source relation `src`."""
        parts = ["_ordinal", '_position as "position"', "_unit"]
        parts.append(f"{self._ignored()} as _ignored")
        for record in self.records:
            parts += self._typed_record(record)
        for column in sorted(self.uses_of_columns()):
            parts.append(f"coalesce({self.column(column)}, '') as {ident('c_' + column)}")
        return f"select {', '.join(parts)} from src"

    def _ignored(self) -> str:
        cases = " ".join(
            f"when {self._source_expression(when)} then {number}" for number, (_, when) in enumerate(self.ignore)
        )
        return f"case {cases} end" if cases else "cast(null as integer)"

    def _source_expression(self, text: str) -> str:
        return compile_scalar(
            text, (), (), field_sql=ident, column_sql=lambda column: f"coalesce({self.column(column)}, '')"
        )

    def _typed_record(self, record: CompiledRecord) -> list[str]:
        parts, bad = [], []
        for target in record.targets.values():
            if target.typed is not None:
                parts.append(f"{target.typed} as {ident(record.prefix + target.name)}")
                if target.wide.startswith("t.") and (target.kind != "text" or target.spec.map):
                    bad.append(
                        f"case when {target.raw} is not null and ({target.typed}) is null then {1 << target.bit} else 0 end"
                    )
            if target.spec.lookup is not None:
                parts += [
                    f"coalesce(trim({self.column(source)}), '') as {ident(self.key_column(record, target, n))}"
                    for n, source in enumerate(target.spec.on)
                ]
        parts.append(f"{' | '.join(bad) if bad else '0'}::bigint as {record.prefix}bad")
        return parts

    def uses_of_columns(self) -> set[str]:
        """Source columns that the wide view needs as text: those of expressions, conditions and keys."""
        used: set[str] = set()
        for record in self.records:
            for target in record.targets.values():
                if target.spec.expr is not None:
                    used |= names(target.spec.expr)[1]
            if record.spec.when:
                used |= names(record.spec.when)[1]
            used |= {key for key in record.spec.key if key not in record.targets}
        return used | set(self.carried)

    def wide_select(self, typed: str, filled: str, join: Callable[[CompiledRecord, Crosswalk], str]) -> str:
        """The view over the typed table: every record's fields, whether it applies, and its fault mask."""
        parts = ["t._ordinal", 't."position"', "t._unit", "t._ignored"]
        parts += [f"t.{ident('c_' + column)}" for column in sorted(self.uses_of_columns())]
        joins = [f"from {typed} t"] + ([] if filled == typed else [f"join {filled} f on f._ordinal = t._ordinal"])
        for record in self.records:
            parts += self._wide_record(record, filled == typed)
            joins += [join(record, crosswalk) for crosswalk in record.crosswalks]
        return f"select {', '.join(parts)} {' '.join(joins)}"

    def _wide_record(self, record: CompiledRecord, plain: bool) -> list[str]:
        parts, checks = [], []
        for target in self._ordered(record):
            sql = target.wide.replace('f."', 't."') if plain else target.wide
            if target.spec.expr is not None:
                sql = self._expression(record, target.spec.expr)
                kind = values.sql_type(target.kind, target.column)
                if target.spec.formats:
                    sql = values.typed(target.kind, f"nullif({sql}, '')", target.spec, target.column)
                else:
                    sql = f"nullif({sql}, '')" if kind == "VARCHAR" else f"try_cast({sql} as {kind})"
            if target.spec.packs_of:
                other = record.targets[target.spec.packs_of]
                sql = f"cast({sql} * coalesce(a{record.index}_{other.bit}.pack_qty, 1) as decimal(18,4))"
            parts.append(f"{sql} as {ident('v_' + record.prefix + target.name)}")
            if target.spec.alias:
                stored = ident(record.prefix + target.name)
                parts.append(f"t.{stored} as {ident('k_' + record.prefix + target.name)}")
            checks += self._checks(record, target)
        bad = " | ".join([f"t.{record.prefix}bad", *checks])
        parts.append(f"{bad} as {record.prefix}wrong")
        when = self._expression(record, record.spec.when) if record.spec.when else "true"
        parts.append(f"coalesce({when}, {record.prefix}wrong <> 0) as {record.prefix}applies")
        return parts

    def _checks(self, record: CompiledRecord, target: Target) -> list[str]:
        value = ident(f"v_{record.prefix}{target.name}")
        checks = []
        if self.required(target):
            checks.append(f"case when {value} is null then {1 << target.bit} else 0 end")
        elif target.spec.fill_down is not None and target.kind != "text":
            stored = ident(record.prefix + target.name)
            checks.append(f"case when t.{stored} is not null and {value} is null then {1 << target.bit} else 0 end")
        derived = target.spec.expr is not None or target.spec.lookup is not None
        if derived and target.column is not None and target.column.values:
            known = ", ".join(map(quote, target.column.values))
            checks.append(f"case when {value} not in ({known}) then {1 << target.bit} else 0 end")
        if record.spec.type == "inventory_movement" and target.name in ("to_status", "qty"):
            checks.append(self._movement_check(record, target))
        return checks

    @staticmethod
    def _movement_check(record: CompiledRecord, target: Target) -> str:
        value = ident(f"v_{record.prefix}{target.name}")
        if target.name == "qty":
            return f"case when {value} <= 0 then {1 << target.bit} else 0 end"
        origin = ident(f"v_{record.prefix}from_status")
        allowed = ", ".join(quote(f"{a}>{b}") for a, b in MOVES)
        return f"case when {origin} || '>' || {value} not in ({allowed}) then {1 << target.bit} else 0 end"

    @staticmethod
    def required(target: Target) -> bool:
        """Whether a blank is a fault: as declared, else as the canonical column demands."""
        if target.spec.required is not None:
            return target.spec.required
        return target.column is not None and target.column.required

    def _expression(self, record: CompiledRecord, text: str) -> str:
        return compile_scalar(
            text,
            record.targets,
            (),
            field_sql=lambda field_name: ident(f"v_{record.prefix}{field_name}"),
            column_sql=lambda column: f"t.{ident('c_' + column)}",
        )

    @staticmethod
    def _ordered(record: CompiledRecord) -> list[Target]:
        """Fields in an order in which expressions come after what they use. Raises ValueError on a cycle."""
        done: dict[str, Target] = {}
        waiting = dict(record.targets)
        # The status check of a movement reads from_status, so that comes first.
        while waiting:
            ready = [
                target
                for target in waiting.values()
                if not ((names(target.spec.expr)[0] if target.spec.expr else set()) & (set(waiting) - {target.name}))
            ]
            if not ready:
                raise ValueError(f"fields {', '.join(waiting)} need one another")
            for target in sorted(ready, key=lambda t: t.name == "to_status"):
                done[target.name] = waiting.pop(target.name)
        return list(done.values())

    def key(self, record: CompiledRecord, partner: str) -> str:
        """SQL over the wide view for the source key of a record."""
        parts = [quote(record.spec.type), quote(partner)]
        for key in record.spec.key:
            parts.append(f"coalesce(cast({self._key_part(record, key)} as varchar), '')")
        return f"cast(md5(concat_ws(chr(31), {', '.join(parts)})) as uuid)"

    def _key_part(self, record: CompiledRecord, key: str) -> str:
        target = record.targets.get(key)
        if target is None:
            return f"trim({ident('c_' + key)})"
        if target.spec.alias:
            # The sender's own name: it stays the same when an alias is added later.
            return ident(f"k_{record.prefix}{key}")
        return ident(f"v_{record.prefix}{key}")
