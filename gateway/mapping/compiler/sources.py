"""What the records of one kind of row share while they are compiled: the plan, the source columns, the notation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from gateway.errors import HouseError
from gateway.mapping.compiler.amounts import Notation
from gateway.mapping.compiler.steps import Plan
from gateway.mapping.compiler.targets import Join, Record, Target
from gateway.mapping.language.expressions import ExpressionError, compile_scalar
from gateway.sql import identifier


def not_compiled(text: str, error: ExpressionError) -> HouseError:
    """The error of an expression of the mapping that is not allowed or names what there is not."""
    return HouseError("compile expression", text, f"{error.fix[:1].upper()}{error.fix[1:]}.", error.message)


class Sources:
    """The steps that lead to source columns, and how numbers and expressions over them are read.

    columns  source columns that the file has; others are blank
    notation how numbers are read
    decided  (record index, field) → how those of an `auto` field are read, where that is known better

    `auto` holds the step with the evidence on the decimal sign of each such field.
    """

    def __init__(self, columns: Sequence[str], notation: Notation, decided: Mapping[tuple[int, str], Notation]) -> None:
        self.plan = Plan()
        self.columns = frozenset(columns)
        self.sources: dict[str, str] = {}
        self.joins: list[Join] = []
        self.auto: dict[tuple[int, str], str] = {}
        self.notation, self.decided = notation, decided

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

    def base(self, relation: str, blank: Collection[str] = ()) -> str:
        """SQL of a relation of source rows, its columns under the names of steps.

        blank  columns that the relation lacks because they are "" in all rows
        """
        cells = {column: "''" if column in blank else identifier(column) for column in self.columns}
        texts = [f"{cells.get(column, 'cast(null as varchar)')} as {name}" for column, name in self.sources.items()]
        return f"(select {', '.join(['_ordinal', '_position', '_unit', *texts])} from {identifier(relation)})"

    def notation_of(self, target: Target) -> Notation:
        """How the numbers of a field are read."""
        return self.decided.get((target.record, target.name), self.notation)

    def expression(self, record: Record, text: str) -> str:
        """SQL of an expression over the record's fields and the source columns. Raises HouseError if it has none."""
        try:
            return compile_scalar(
                text, record.targets, (), field_sql=lambda name: record.targets[name].value, column_sql=self.cell
            )
        except ExpressionError as error:
            raise not_compiled(text, error) from error
