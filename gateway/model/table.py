"""How a canonical table is declared: its columns, their types, what each holds, which values it may take."""

from __future__ import annotations

from dataclasses import dataclass, field

TEXT = "VARCHAR"
QUANTITY = "DECIMAL(18,4)"
MONEY = "DECIMAL(18,4)"
UNIT_COST = "DECIMAL(18,6)"
INSTANT = "TIMESTAMPTZ"
DAY = "DATE"
WHOLE = "BIGINT"
FLAG = "BOOLEAN"
KEY = "UUID"

_KINDS = {DAY: "date", INSTANT: "datetime", WHOLE: "integer", FLAG: "boolean"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    name      as in the tables, the mapping files and the workbooks
    type      SQL type; quantities DECIMAL(18,4) in the item's base unit, money DECIMAL(18,4) in `currency`
    doc       what it holds, for people
    required  a row without it is a fault
    values    the allowed values, () for free text
    formerly  its name in ledgers that older programs made; opening one renames it
    positive  zero, or a number below it, is a fault
    retired   nothing writes it: it stays in the tables since the hashes of their rows cover it, and pages leave it out
    """

    name: str
    type: str
    doc: str
    required: bool = False
    values: tuple[str, ...] = ()
    formerly: str = ""
    positive: bool = False
    retired: bool = False

    @property
    def kind(self) -> str:
        """The type of a field of a mapping that fills it, unless the mapping says another."""
        if self.name == "currency":
            return "currency"
        if self.values:
            return "code"
        return "decimal" if self.type.startswith("DECIMAL") else _KINDS.get(self.type, "text")


@dataclass(frozen=True, slots=True)
class Table:
    """A canonical table.

    name        in the ledger and, where `provenance` is true, in the mappings
    doc         what a row is, for people
    columns     its own, without those of provenance
    event       the time of a row: the column by which its history is pruned
    provenance  its rows are records of files; mappings may fill it
    identity    where later rows are later states: the columns that name what they are states of
    order       the column in which a later state is greater
    state       the view that shows the newest row of each `identity`
    together    other tables that the books need as well, each with what it gives them
    """

    name: str
    doc: str
    columns: tuple[Column, ...]
    event: str = ""
    provenance: bool = True
    identity: str = ""
    order: str = "version"
    state: str = ""
    together: tuple[tuple[str, str], ...] = ()
    _by_name: dict[str, Column] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_name.update({column.name: column for column in self.columns})

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Provenance columns (for records of files) and then the table's own."""
        return (PROVENANCE if self.provenance else ()) + self.columns

    @property
    def present(self) -> str:
        """The view that shows what holds now, "" where every row does."""
        return f"{self.name}_current" if self.provenance else self.state

    def column(self, name: str) -> Column | None:
        """The table's own column of that name, or None."""
        return self._by_name.get(name)


PROVENANCE: tuple[Column, ...] = (
    Column("record_id", TEXT, "Deterministic: file_id, record of the mapping, row of the file", True),
    Column("file_id", TEXT, "The file (as one feed) that the record came from", True),
    Column("feed", TEXT, "The mapping that made it", True),
    Column("position", TEXT, "Line, cell, segment or XPath in the source file", True),
    Column("source_key", KEY, "MD5 of table, partner and business key: same event, same key", True),
    Column("occurrence", WHOLE, "1 for the first row with that key in a file, 2 for the second …", True),
    Column("entity", TEXT, "Legal entity", True),
    Column("partner", TEXT, "Trading partner whose folder or server delivered it", True),
    Column("recorded_at", INSTANT, "When it was committed", True),
    Column("supersedes", TEXT, "record_id that this restatement replaces"),
    Column("withdrawn", FLAG, "Whether it takes the record that it replaces back: nothing is in that one's place"),
)
