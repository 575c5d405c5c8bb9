"""A mapping's records → named SQL steps (see `plan`): the fields, what is wrong with them, which rows apply.

Names of steps: `__s` a source column's trimmed text, `__t` the same or NULL where blank, `__f<record>_<field>`
a field's value, `__x…` its text before typing, `__l…`/`__a…`/`__p…`/`__ub…`/`__un…`/`__d…` what joins supply,
`__b<record>_<stage>` masks of fields that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from gateway.errors import HouseError
from gateway.mapping.compiler import fields
from gateway.mapping.compiler.sources import Known, Sources
from gateway.mapping.compiler.targets import FIELDS_MAX, Record, Target
from gateway.mapping.compiler.values import NUMBERS, steady, type_of
from gateway.mapping.language.expressions import names
from gateway.mapping.language.repeat import NUMBER
from gateway.mapping.language.spec import Ignore, RecordSpec
from gateway.mapping.language.spec import Mapping as Feed
from gateway.model import MAPPABLE
from gateway.model.status import MOVES
from gateway.sql import literal, one_of


class Figure(NamedTuple):
    """Steps of a source column that a tie-out reads: its number, and its text where that is none."""

    number: str
    unread: str


class Compiler(Sources):
    """Compiles all records that share one kind of row.

    `figures` holds the source columns that are summed (in `auto` under the record index −1); `extra` the steps that
    must stay in reach to the end, beside the records' own.
    """

    def __init__(
        self,
        mapping: Feed,
        records: Sequence[tuple[int, RecordSpec]],
        columns: Sequence[str],
        partner: str,
        known: Known,
    ) -> None:
        super().__init__(columns, known)
        self.figures: dict[str, Figure] = {}
        self.extra: list[str] = []
        self.rules = mapping.file.ignore
        repeat = mapping.file.repeat
        self.counters = (NUMBER, *repeat.into[:1]) if repeat else ()
        self.records = [self._record(mapping, index, spec, partner) for index, spec in records]
        self.ignored = self._ignore(self.rules)
        self.unjudged = self._unjudged(self.rules)
        self.used = self.plan.add("__used", " or ".join(r.applies for r in self.records))
        wrong = [f"({r.applies} and {r.wrong} <> 0)" for r in self.records]
        self.rejected = self.plan.add(
            "__rejected", " or ".join([*wrong, f"({self.used} and {self.unjudged} is not null)"])
        )

    def wanted(self) -> list[str]:
        """SQL of everything that must be in reach in the last relation."""
        found = [self.ignored, self.unjudged, self.rejected, self.used, *self.extra, *self.two_orders]
        for record in self.records:
            found += [record.wrong, record.applies, record.key, record.replaces, record.adds, *record.broken.values()]
            found += [target.value for target in record.targets.values()]
            for target in record.targets.values():
                found += [target.unmapped, target.unread, target.dropped, target.uncounted]
        return found

    @property
    def numbers(self) -> list[tuple[int, str]]:
        """Everything that is read as a decimal number: (record index, field), (−1, source column)."""
        fields = [t for r in self.records for t in r.targets.values() if t.kind in NUMBERS or t.spec.scale]
        return [*((t.record, t.name) for t in fields), *((-1, column) for column in self.figures)]

    def unread(self, numbers: Iterable[tuple[int, str]]) -> str:
        """SQL: one of these could not be read, and not because of another field that it is made from."""
        numbers = list(numbers)
        conditions = [f"{self.figures[name].unread} is not null" for index, name in numbers if index < 0]
        for record in self.records:
            names = [name for index, name in numbers if index == record.index]
            made = [name for name in names if record.targets[name].needs]
            own = [self.broken(record, [name for name in names if name not in made])]
            for name in made:
                causes = self.broken(record, record.behind(record.targets[name].needs))
                own.append(f"({self.broken(record, [name])} and not {causes})")
            conditions.append(f"({record.applies} and ({' or '.join(own)}))")
        return " or ".join(conditions)

    # --- records --------------------------------------------------------------------------------------

    def _record(self, mapping: Feed, index: int, spec: RecordSpec, partner: str) -> Record:
        record = Record(index, spec, MAPPABLE[spec.type])
        if len(spec.fields) > FIELDS_MAX:
            raise HouseError(
                "compile mapping",
                mapping.feed,
                "Split it into two records.",
                f"{spec.type} has more than {FIELDS_MAX} fields",
            )
        for bit, (name, field_spec) in enumerate(spec.fields.items()):
            column = record.table.column(name)
            record.targets[name] = Target(index, bit, name, field_spec, column, type_of(field_spec, column))
        for name in self._ordered(mapping, record):
            fields.compile_field(self, record, record.targets[name])
        fields.without_value(self, record)
        fields.not_positive(record)
        fields.other_currencies(self, record)
        self._defect_columns(record)
        self._checks(record)
        self._condition(record)
        self._document(record)
        record.key = self._key(record, partner)
        return record

    @staticmethod
    def _ordered(mapping: Feed, record: Record) -> list[str]:
        """Fields, each after those it is made from. Raises HouseError where they need one another."""
        graph: dict[str, list[str]] = {}
        for name, target in record.targets.items():
            target.needs = frozenset(fields.needs(record, target))
            graph[name] = sorted(target.needs)
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = " → ".join(error.args[1])
            raise HouseError(
                "compile mapping",
                mapping.feed,
                "Write one of these fields without the others.",
                f"{record.spec.type}: fields need one another: {circle}",
            ) from None

    def _defect_columns(self, record: Record) -> None:
        """Steps with what messages quote: NULL, and so nearly nothing to carry along, in nearly all rows."""
        for target in record.targets.values():
            if target.unmapped:
                defect = f"case when {target.unmapped} then {target.key} end"
                target.unmapped = self.plan.add(f"__unmapped{target.tag}", defect)
            if target.spec.fill_down is not None:
                wrong = " or ".join([f"{target.value} is null", *(f"({one})" for one in target.broken)])
                defect = f"case when {wrong} then {target.text} end"
                target.unread = self.plan.add(f"__unread{target.tag}", defect)

    def _checks(self, record: Record) -> None:
        """The record's masks: of fields that cannot be read by stage, and of everything that is wrong."""
        by_stage: dict[int, list[str]] = {}
        missing: dict[int, list[str]] = {}
        for target in record.targets.values():
            bit = f"{1 << target.bit}::{record.mask}"
            checks = [*target.broken, *self._move(record, target)]
            if checks:
                condition = " or ".join(f"({check})" for check in checks)
                by_stage.setdefault(self.plan.stage(condition), []).append(
                    f"case when {condition} then {bit} else 0 end"
                )
            if target.required:
                missing.setdefault(self.plan.stage(target.value), []).append(
                    f"case when {target.value} is null then {bit} else 0 end"
                )
        parts = []
        for stage, cases in sorted(by_stage.items()):
            name = self.plan.add(f"__b{record.index}_{stage}", f"({' | '.join(cases)})::{record.mask}")
            record.broken[stage] = name
            parts.append(name)
        for stage, cases in sorted(missing.items()):
            parts.append(self.plan.add(f"__m{record.index}_{stage}", f"({' | '.join(cases)})::{record.mask}"))
        record.wrong = self.plan.add(f"__wrong{record.index}", f"({' | '.join(parts) or '0'})::{record.mask}")

    @staticmethod
    def _move(record: Record, target: Target) -> list[str]:
        """The status machine: units move between two statuses that know one another, and there are some."""
        if record.spec.type != "inventory_movement":
            return []
        if target.name == "qty":
            return [f"{target.value} <= 0"]
        origin = record.targets.get("from_status")
        if target.name == "to_status" and origin is not None:
            allowed = one_of(f"{origin.value} || '>' || {target.value}", [f"{a}>{b}" for a, b in MOVES])
            return [f"not {allowed}"]
        return []

    def _condition(self, record: Record) -> None:
        """Whether the record applies. A field of the condition that cannot be read never makes a row vanish."""
        if record.spec.when is None:
            record.applies = self.plan.add(f"__applies{record.index}", "true")
            return
        used = record.behind(names(record.spec.when)[0])
        blank = [f"{record.targets[name].value} is null" for name in used if record.targets[name].required]
        condition = f"coalesce({self.expression(record, record.spec.when)}, {' or '.join(blank) or 'false'})"
        without = [wrong for column in sorted(names(record.spec.when)[1]) if (wrong := self.unreadable(column))]
        judged = " or ".join([self.broken(record, used), *without, condition])
        record.applies = self.plan.add(f"__applies{record.index}", f"({judged})")

    def _document(self, record: Record) -> None:
        """Whether the row is of a version of its document that replaces the others, or that only adds to them."""
        for name, text in (record.spec.document.conditions if record.spec.document else {}).items():
            judged = f"coalesce({self.expression(record, text)}, false)"
            setattr(record, name, self.plan.add(f"__{name}{record.index}", judged))

    def broken(self, record: Record, used: Sequence[str]) -> str:
        """SQL: one of these fields cannot be read."""
        bits = record.bits(used)
        masks = [f"({name} & {bits}::{record.mask}) <> 0" for name in record.broken.values()]
        return f"({' or '.join(masks)})" if masks and bits else "false"

    def _ignore(self, rules: Sequence[Ignore]) -> str:
        """Number of the first rule that leaves the row out, NULL if none."""
        cases = [f"when {judged} then {number}" for number, judged in self._judged(rules)]
        return self.plan.add("__ignored", f"cast({'case ' + ' '.join(cases) + ' end' if cases else 'null'} as integer)")

    def _unjudged(self, rules: Sequence[Ignore]) -> str:
        """Number of the first rule that nobody can judge, because a cell that it tests holds no value; NULL if none."""
        cases = []
        for number, judged in self._judged(rules):
            without = [wrong for column in sorted(names(rules[number].when)[1]) if (wrong := self.unreadable(column))]
            if without:
                cases.append(f"when ({' or '.join(without)}) and ({judged}) is null then {number}")
        return self.plan.add(
            "__unjudged", f"cast({'case ' + ' '.join(cases) + ' end' if cases else 'null'} as integer)"
        )

    def _judged(self, rules: Sequence[Ignore]) -> Iterator[tuple[int, str]]:
        """(number, SQL of whether it leaves the row out) of the rules about this kind of row.

        An error, or a formula without a result, is unknown to a rule that does not name it ('#N/A').
        """
        for number, rule in enumerate(rules):
            used = names(rule.when)[0]
            record = next((r for r in self.records if used <= set(r.targets)), None)
            if record is None:
                continue  # its fields belong to another kind of row
            broken = self.broken(record, record.behind(used))
            condition = self.expression(record, rule.when, partial(self._known_to, rule))
            yield number, f"not {broken} and ({condition})"

    def _known_to(self, rule: Ignore, column: str) -> str:
        cell, wrong = self.cell(column), self.unreadable(column)
        if not wrong:
            return cell
        unknown = f"{wrong} and {cell} like '#%' and not contains({literal(rule.when)}, {cell})"
        return f"case when {unknown} then null else {cell} end"

    def _key(self, record: Record, partner: str) -> str:
        parts = [literal(record.spec.type), literal(partner)]
        for key in record.spec.key:
            target = record.targets.get(key)
            if target is None:
                part = self.text(key)
            elif target.key:
                part = target.key
            else:
                part = target.value if target.type == "VARCHAR" else steady(target.value, target.type)
            parts.append(part)
        # Of the ways to make a UUID of texts this is the fastest; concat takes a NULL for an empty text.
        key = f"cast(cast(cast(md5_number(concat({', chr(31), '.join(parts)})) as bit) as blob) as uuid)"
        if record.spec.when is not None:
            key = f"case when {record.applies} then {key} end"
        return self.plan.add(f"__key{record.index}", key)
