"""What goes into and comes out of applying a mapping: the seam between mapping and intake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import pyarrow as pa

from gateway.errors import Fault
from gateway.reading import Reading
from gateway.settings import Limits

FILE_SHIFT = 40
"""The number of a row's file among those that are mapped together is `_ordinal >> FILE_SHIFT`."""


class ApartError(Exception):
    """Files that were to be mapped together must be mapped one by one."""


Opener = Callable[[str | None, Sequence[str]], Reading]
"""Opens the file once more, for one kind of row with at least those columns."""


def nowhere(*path: str | int) -> str:
    """The place of a key of a mapping that is in no file."""
    return "the mapping"


@dataclass(frozen=True, slots=True)
class Context:
    """What a mapping needs to know beside the files.

    alias_relation  SQL name of the aliases in force: alias_partner, id_type, external_id, sku, pack_qty,
                    valid_from, valid_to
    item_relation   SQL name of the items: sku, base_uom
    lookups         crosswalks by name (the last column is the value)
    prefix          of the temporary tables that are made
    arrived         day of arrival, for aliases of rows without an event date; None means today
    place           "file:line" of a key of the mapping, such as ("record", 0, "fields", "qty")
    """

    partner: str
    alias_relation: str
    item_relation: str
    lookups: Mapping[str, pa.Table]
    limits: Limits
    prefix: str = "m"
    arrived: date | None = None
    place: Callable[..., str] = nowhere


@dataclass(slots=True)
class Outcome:
    """What became of one file's rows.

    received       rows seen, also those that could not be read as rows
    ignored        number of rows by the rule that left them out
    held           reasons why nothing of this file may post
    columns_differ whether that is because its columns are not those that the mapping reads: what its rows hold is not
                   known, and nobody can release them
    control_total  the figure that the file states about itself
    unread         position and fault of the rows that could not be read as rows of any kind, and of doubts
    without_rows   position of each unit that has no row of any kind so far → its notes; None before the first kind
    """

    received: int = 0
    rejected: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    held: list[Fault] = field(default_factory=list)
    columns_differ: bool = False
    control_total: Decimal | None = None
    unread: set[tuple[str, str]] = field(default_factory=set)
    without_rows: dict[str, list[Fault]] | None = None


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of one canonical table that some files hold, known by the fields `number`.

    relation  the fields; `_file`; of the document's last row there `_ordinal`, `_kind`, `position`; `replaces`, `adds`
              (whether the version says so), `rejected` (whether some row of it is), `once`, and `made` (whether a row
              of it makes a record: if none does, the version says that nothing is left of the document)
    """

    table: str
    number: tuple[str, ...]
    relation: str


@dataclass(slots=True)
class Mapped:
    """What files of one mapping became, in temporary tables of the connection; nothing is committed yet.

    files     one outcome for each file, in the order given
    tables    canonical table → relation with `_ordinal`, `_kind` (of row), `_record`, `position`, `source_key`,
              `occurrence` and the canonical table's own columns; rejected rows are left out
    documents the documents that the rows are lines of
    faults    temporary table: `_file`, `_ordinal`, `_record`, `position`, `code`, `column_name`, `value`, `message`,
              `hint`, `source_row`, `rejects`
    """

    files: list[Outcome]
    tables: dict[str, str] = field(default_factory=dict)
    documents: list[Documents] = field(default_factory=list)
    faults: str = ""
