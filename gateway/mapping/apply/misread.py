"""Columns that a mapping reads with the other decimal sign or another pattern of dates than the file has.

That is one mistake of the mapping, or one change of the partner's, and not a fault of every row: the file is held, and
what would read it is named. Only where no value of the column can be read so, and one other way reads them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from gateway.errors import Fault
from gateway.mapping.apply.mapped import FILE_SHIFT
from gateway.mapping.apply.messages import Defect, expected
from gateway.mapping.apply.temporary_tables import Work
from gateway.mapping.compiler import amounts, dates
from gateway.mapping.compiler.compiler import Compiler
from gateway.mapping.compiler.targets import Record, Target
from gateway.mapping.compiler.values import NUMBERS
from gateway.mapping.language.spec import FieldSpec
from gateway.sql import identifier
from gateway.whitespace import shown

ROWS_MIN = 2
"""Values that show it: a single one may be a typing slip of the partner's."""
_WRITING = amounts.Writing(currency=True)
_OTHER_SIGN = {"point": "comma", "comma": "point"}
_ORDERS = (("%d", "%m"), ("%m", "%d"))
_DAYS = [
    *(f"{first}{sign}{then}{sign}{year}" for sign in "./-" for year in ("%Y", "%y") for first, then in _ORDERS),
    *(f"%Y{sign}%m{sign}%d" for sign in "-./"),
    "%Y%m%d",
]
_FORMS = [day + time for time in ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S") for day in _DAYS]


@dataclass
class Unread:
    """The values of a field in a file that cannot be read, and their places in the list of faults.

    defect    the first of them, and the position of its row
    """

    record: Record
    defect: Defect
    position: str
    places: list[int] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    def add(self, place: int | None, value: str) -> None:
        """One more value, and the place of its fault, None where that is in the list already."""
        self.places += [] if place is None else [place]
        self.values.append(value)

    @property
    def target(self) -> Target:
        """The field."""
        return self.defect.target


def may_be(target: Target) -> bool:
    """Whether a field is read with one decimal sign, or with patterns of dates, that the mapping names."""
    spec = target.spec
    if spec.unread == "field" or spec.map is not None or not (spec.source or spec.credit or spec.debit):
        return False
    if target.kind in NUMBERS:
        return spec.scale is None and spec.decimal in _OTHER_SIGN
    return target.kind in ("date", "datetime")


def judged(
    work: Work,
    compiler: Compiler,
    relation: str,
    unread: Mapping[tuple[int, int, str], Unread],
    place: Callable[..., str],
) -> Iterator[tuple[int, Unread, Fault]]:
    """(number of the file, the values, why the file is held) of each field that is read in another way than it is
    written."""
    for (file, index, name), one in unread.items():
        if len(one.values) < ROWS_MIN or _any_read(work, compiler, relation, file, one):
            continue
        spec = _fitting(work, one)
        if spec is not None:
            yield file, one, _fault(one, spec, place("record", index, "fields", name))


def _any_read(work: Work, compiler: Compiler, relation: str, file: int, one: Unread) -> bool:
    """Whether the file has a value that shows that the mapping is right: of numbers, one with decimals."""
    value = one.target.value
    shows = f"{value} % 1 <> 0" if one.target.kind in NUMBERS else f"{value} is not null"
    query = f"""select 1 from {identifier(relation)} where _ordinal >> {FILE_SHIFT} = {file}
        and {compiler.ignored} is null and {one.record.applies} and {shows} limit 1"""
    return work.con.execute(query).fetchone() is not None


def _fitting(work: Work, one: Unread) -> FieldSpec | None:
    """The field with another sign or pattern that reads all of its values, None if none does."""
    table = pa.table({"t": pa.array(sorted({text.strip() for text in one.values}), pa.utf8())})
    others = dict(enumerate(_others(one.target)))
    # What is refused for another reason, as for its size, is read as the mapping says.
    own = f"({_sql(one.target, one.target.spec)}) is null"
    reads = [f"bool_and(({_sql(one.target, spec)}) is not null and {own})" for spec in others.values()]
    answers: list[tuple[bool, ...]] = []
    work.over(
        table, lambda texts: answers.extend(work.con.execute(f"select {', '.join(reads)} from {texts}").fetchall())
    )
    return next((others[number] for number, fits in enumerate(answers[0]) if fits), None)


def _others(target: Target) -> Sequence[FieldSpec]:
    spec = target.spec
    if target.kind in NUMBERS:
        return [spec.model_copy(update={"decimal": _OTHER_SIGN[spec.decimal]})]
    forms = [form for form in _FORMS if target.kind == "datetime" or "%H" not in form]
    return [spec.model_copy(update={"formats": (form,)}) for form in forms if form not in spec.formats]


def _sql(target: Target, spec: FieldSpec) -> str:
    if target.kind in NUMBERS:
        return amounts.number("t", spec.decimal, amounts.room(target.type), writing=_WRITING)
    return dates.day("t", spec) if target.kind == "date" else dates.instant("t", spec)


def _fault(one: Unread, spec: FieldSpec, place: str) -> Fault:
    if one.target.kind in NUMBERS:
        reads, has = f"numbers with a decimal {one.target.spec.decimal}", f"a decimal {spec.decimal}"
        fix = f'decimal = "{spec.decimal}"'
    else:
        reads, has = f"dates as {expected(one.target)}", f"the form {expected(one.target, spec)}"
        fix = f'formats = ["{spec.formats[0]}"]'
    example = shown(one.values[0])[:40]
    return Fault(
        "FILE_REJECT",
        f"{one.defect.column}: the mapping reads {reads}, and all {len(one.values)} values that it cannot read have "
        f'{has}, such as "{example}"',
        f"Write {fix} for {one.target.name} in {place}. Then `gateway check`, and `gateway replay` the file.",
        one.position,
        one.defect.column,
        one.values[0],
    )
