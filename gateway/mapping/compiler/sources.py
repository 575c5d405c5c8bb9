"""What the records of one kind of row share while they are compiled: the plan, the source columns, the notation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.errors import HouseError, upper_first
from gateway.mapping.compiler.amounts import Notation
from gateway.mapping.compiler.date_order import Order
from gateway.mapping.compiler.steps import Plan
from gateway.mapping.compiler.targets import Counted, Join, Record, Target
from gateway.mapping.language.expressions import ExpressionError, compile_scalar
from gateway.reading import UNREADABLE
from gateway.sql import identifier, literal

NO_VALUE = r"#{3,}|#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|NV|BEZUG!|WERT!|ZAHL!)"
"""What spreadsheets show in the place of a value: of one that is too wide for its column, and of an error."""
BINARY = r"[+-]?[0-9]\.[0-9]+[eE][0-9]{1,3}"
"""A number as programs in Java and the like write one: 6.93217E12."""
SHORTENED = rf"[+-]?[0-9]([.,][0-9]*)?[eE]\+[0-9]{{1,3}}|{BINARY}|{NO_VALUE}"
"""A number as spreadsheets and programs show one that is too wide: 6.93217E+12, #####. As an identifier it has lost its
digits."""


def not_compiled(text: str, error: ExpressionError) -> HouseError:
    """The error of an expression of the mapping that is not allowed or names what there is not."""
    return HouseError("compile expression", text, f"{upper_first(error.fix)}.", error.message)


@dataclass(frozen=True)
class Known:
    """What is known of the rows before they are compiled.

    notation    how numbers are read
    decided     (record index, field) → how those of an `auto` field are read, where that is known better
    orders      (record index, field) → the order of day and month in its column, where that had to be looked for
    unreadable  columns in which some cell holds no value (`gateway.reading.unreadable`)
    shortened   columns in which some text may be a number that a spreadsheet shortened
    """

    notation: Notation = "any"
    decided: Mapping[tuple[int, str], Notation] = field(default_factory=dict)
    orders: Mapping[tuple[int, str], Order] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    shortened: frozenset[str] = frozenset()


class Sources:
    """The steps that lead to source columns, and how numbers and expressions over them are read.

    columns  source columns that the file has; others are blank

    headings  columns that have another name in the file, with that name: what messages call them

    `auto` holds the step with the evidence on the decimal sign of each such field, `dates` that on the order of day and
    month; `two_orders` those of them whose formats have both.
    """

    def __init__(self, columns: Sequence[str], known: Known) -> None:
        self.plan = Plan()
        self.columns = frozenset(columns)
        self.sources: dict[str, str] = {}
        self.joins: list[Join] = []
        self.auto: dict[tuple[int, str], str] = {}
        self.dates: dict[tuple[int, str], str] = {}
        self.two_orders: list[str] = []
        self.headings: Mapping[str, str] = {}
        self.counted: dict[tuple[object, ...], Counted] = {}
        self.codes: dict[str, tuple[str, str]] = {}
        self.known = known

    def heading(self, column: str) -> str:
        """What a column is called in the file."""
        return self.headings.get(column, column)

    def source(self, column: str) -> str:
        """Name of the step with a source column's text as sent; a column that the file lacks is NULL."""
        if column not in self.sources:
            self.sources[column] = self.plan.given(f"__s{len(self.sources)}", 0)
        return self.sources[column]

    def text(self, column: str) -> str:
        """Name of the step with a source column's trimmed text, NULL where blank."""
        name = self.source(column).replace("__s", "__t")
        return name if name in self.plan.steps else self.plan.add(name, f"nullif({self.source(column)}, '')")

    def cell(self, column: str) -> str:
        """Name of the step with a source column's trimmed text, "" where blank, NULL where absent."""
        return self.source(column)

    def unreadable(self, column: str) -> str:
        """Name of the step that says whether a cell of the column holds no value, "" if all do."""
        if column not in self.known.unreadable or column not in self.columns:
            return ""
        return self.plan.given(self.source(column).replace("__s", "__nv"), 0)

    def shortened(self, column: str) -> str:
        """SQL: the text is a number that a spreadsheet shortened, so that digits are lost; "" if none is."""
        if column not in self.known.shortened or column not in self.columns:
            return ""
        return f"coalesce(regexp_full_match({self.text(column)}, {literal(SHORTENED)}), false)"

    def marked(self, column: str) -> str:
        """SQL of a column's text as the reader gave it, NULL where blank."""
        if not self.unreadable(column):
            return self.text(column)
        return f"nullif({self.plan.given(self.source(column).replace('__s', '__raw'), 0)}, '')"

    def base(self, relation: str, blank: Collection[str] = ()) -> str:
        """SQL of a relation of source rows, its columns under the names of steps.

        blank  columns that the relation lacks because they are "" in all rows
        """
        cells = {column: "''" if column in blank else identifier(column) for column in self.columns}
        texts = []
        for column, name in self.sources.items():
            cell = cells.get(column, "cast(null as varchar)")
            if column in self.known.unreadable and column in self.columns:
                wrong = f"starts_with({cell}, {literal(UNREADABLE)})"
                texts += [f"{wrong} as {name.replace('__s', '__nv')}", f"{cell} as {name.replace('__s', '__raw')}"]
                cell = f"case when {wrong} then split_part({cell}, {literal(UNREADABLE)}, 4) else {cell} end"
            texts.append(f"{cell} as {name}")
        return f"(select {', '.join(['_ordinal', '_position', '_unit', *texts])} from {identifier(relation)})"

    def notation_of(self, target: Target) -> Notation:
        """How the numbers of a field are read."""
        return self.known.decided.get((target.record, target.name), self.known.notation)

    def expression(self, record: Record, text: str, column_sql: Callable[[str], str] | None = None) -> str:
        """SQL of an expression over the record's fields and the source columns. Raises HouseError if it has none."""
        try:
            return compile_scalar(
                text,
                record.targets,
                (),
                field_sql=lambda name: record.targets[name].value,
                column_sql=column_sql or self.cell,
            )
        except ExpressionError as error:
            raise not_compiled(text, error) from error
