"""The mapping language as data: what one `mappings/<partner>/<feed>.toml` may say.

This module only holds the shape. `load` reads files into it and knows their lines, `lint` checks what the
shape cannot, `compile` turns it into SQL.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, field_validator, model_validator

from gateway.calendars import Calendar, closed_days, spans
from gateway.mapping.language.identifiers import Check
from gateway.mapping.language.repeat import Repeat
from gateway.toml_values import TomlTable
from gateway.whitespace import INVISIBLE

IdType = Literal["MSKU", "FNSKU", "ASIN", "GTIN", "UPC", "3PL", "VENDOR"]
FieldType = Literal["text", "integer", "decimal", "rate", "date", "datetime", "boolean", "currency", "code"]


class Part(TomlTable):
    """A table of the file: an unknown key is a fault, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class SignRule(Part):
    """The amount is negative where another column holds one of these values, whatever their case.

    positive  where given, these are all other values: a row with another one, or with none, has no sign and is
              rejected; zero needs none
    """

    source: str = Field(alias="from")
    negative: tuple[str, ...]
    positive: tuple[str, ...] = ()

    def decides(self, text: str) -> bool:
        """Whether the text of the other column says which sign the amount has."""
        return not self.positive or _folded(text) in {_folded(code) for code in (*self.negative, *self.positive)}


def _folded(text: str) -> str:
    return text.strip(INVISIBLE).lower()


class FieldSpec(Part):
    """Where one canonical field comes from. Exactly one source; the rest says how to read it.

    Sources: `from` (a source column, or several of which the first that is not blank counts; with `alias` the first
    that is known, and helpers may be named), `constant`, `expr` (bare names are this record's mapped fields, "quoted
    names" source columns as text), `fill_down` (the last non-blank value of a source column, down the file or the group
    that `within` names), `lookup` with `on` (a crosswalk), or the pair `credit`/`debit` (two amount columns). A name
    that starts with `_` is a helper for other fields and is not stored.
    """

    source: str | tuple[str, ...] | None = Field(None, alias="from")
    constant: str | int | bool | None = None
    expr: str | None = None
    fill_down: str | None = None
    within: tuple[str, ...] | None = None
    lookup: str | None = None
    on: tuple[str, ...] = ()
    credit: str | None = None
    debit: str | None = None

    type: FieldType | None = None
    formats: tuple[str, ...] = ()
    timezone: str | None = None
    decimal: Literal["auto", "point", "comma"] = "point"
    required: bool | None = None
    default: str | None = None
    blank: tuple[str, ...] = ()
    map: dict[str, str] | None = None
    missing: Literal["suspense", "reject", "keep"] = "reject"
    unread: Literal["row", "field"] = "row"
    alias: tuple[IdType, ...] = ()
    packs_of: tuple[str, ...] = ()
    counted_in: tuple[str, ...] = ()
    pack_size: str | None = None
    check: Check | None = None
    sign: SignRule | Literal["reverse", "absolute"] | None = None
    scale: int | None = Field(None, ge=0, le=6)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"from": value} if isinstance(value, str | list) else value

    @field_validator("within", "packs_of", "counted_in", "alias", mode="before")
    @classmethod
    def _one_column(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_source(self) -> FieldSpec:
        named = [
            name for name in ("source", "constant", "expr", "fill_down", "lookup") if getattr(self, name) is not None
        ]
        if self.credit is not None or self.debit is not None:
            named.append("credit/debit")
        if len(named) != 1:
            raise ValueError("name exactly one source: from, constant, expr, fill_down, lookup or credit with debit")
        if (self.lookup is None) != (not self.on):
            raise ValueError("`lookup` and `on` go together")
        if self.within is not None and self.fill_down is None:
            raise ValueError("`within` says how far `fill_down` reaches: name the column in `fill_down`")
        if self.pack_size is not None and not self.counted_in:
            raise ValueError("`pack_size` says what a unit holds: name the column of the unit in `counted_in`")
        return self


class TieOut(Part):
    """Two figures that must be equal, or the file is held.

    sum      a numeric field or expression of the record, added over the records
    count    instead of `sum`: the number of records
    record   record type it runs over (the first `[[record]]` if left out)
    where    only the records for which this holds
    by       fields that group it (one check for each group)
    equals   an expression; first(), last(), sum(), min(), max(), count() read fields or "source columns"
    stated_by  record type whose fields `equals` and also `by` read (that of `record` if left out); a group that only
               these rows have is compared too, with nothing on the other side
    """

    name: str = ""
    sum: str | None = None
    count: bool = False
    record: str | None = None
    where: str | None = None
    by: tuple[str, ...] = ()
    equals: str
    stated_by: str | None = None
    tolerance: Decimal = Decimal(0)
    code: str = "CONTROL_TOTAL"

    @model_validator(mode="after")
    def _one_side(self) -> TieOut:
        if (self.sum is None) == (not self.count):
            raise ValueError('say either sum = "field" or count = true')
        return self


class Ignore(Part):
    """Rows that are no data, by a named rule; they are counted under that name."""

    name: str
    when: str


class FileSpec(TomlTable):
    """How a file is recognised and read. Keys not named here are the format's own options.

    known   columns that may hold values and are not needed; a * stands for any text
    repeat  what a row of a table holds several times: each becomes a row
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    match: tuple[str, ...] = ("*",)
    format: str
    transaction: str | None = None
    sender: str | None = None
    receiver: str | None = None
    version: str | None = None
    drift: Literal["ignore", "hold-missing", "hold"] = "hold-missing"
    known: tuple[str, ...] = ()
    repeat: Repeat | None = None
    tie_out: tuple[TieOut, ...] = ()
    ignore: tuple[Ignore, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The format's own options."""
        return dict(self.model_extra or {})


class Document(Part):
    """The document whose line a record is, and what another file with this document says of the lines it has not.

    number    fields that know the document together
    replaces  condition: this version is the whole document; lines that only the ledger has are taken back
    adds      condition: this version is a part of the document and says nothing of other lines. Without either, lines
              that the ledger has and a later version has not go on counting, and are reported
    once      a number stands for one document: they are reported too where the later version has none of the lines,
              as where a key holds what senders correct. Without it such a version is a further part
    """

    number: tuple[str, ...] = Field(min_length=1)
    replaces: str | None = None
    adds: str | None = None
    once: bool = False

    @field_validator("number", mode="before")
    @classmethod
    def _one_field(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def conditions(self) -> dict[str, str]:
        """Name → expression of those that are given."""
        given = {"replaces": self.replaces, "adds": self.adds}
        return {name: text for name, text in given.items() if text}


class RecordSpec(Part):
    """One canonical record made from a row.

    known_by  fields that know the event by themselves where the first of them is not blank: a record of the ledger with
              the same values is that event, even if its key was another
    once      of several rows of a file with the same key, where the first field of `known_by` is not blank, the last is
              the event; without it, each is an event of its own
    repeats   "count": rows of a file with the same key are events of their own, as lines of a bank are; "report": each
              counts as well, but the key is reported, and a later file with fewer rows of it takes the surplus back
    document  the document whose line it is, where a later version may have fewer lines
    """

    type: str
    each: str | None = None
    when: str | None = None
    key: tuple[str, ...]
    known_by: tuple[str, ...] = ()
    once: bool = False
    repeats: Literal["report", "count"] = "report"
    document: Document | None = None
    fields: dict[str, FieldSpec]

    @model_validator(mode="after")
    def _known_once(self) -> RecordSpec:
        if self.once and not self.known_by:
            raise ValueError("`once` says that `known_by` identifies one event: name its fields")
        return self

    @property
    def conditions(self) -> dict[tuple[str, ...], str]:
        """Keys that lead to it → expression, of each condition of the record."""
        found = {("when",): self.when} if self.when else {}
        of_document = self.document.conditions if self.document else {}
        return found | {("document", name): text for name, text in of_document.items()}


class Fallback(Part):
    """What stands in for a file that did not come."""

    snapshot: Literal["none", "carry forward"] = "none"


class Expect(Part):
    """The feed's calendar: when a file is expected, and what is expected of it.

    every      "hour", "day", "business day", "week", "month", or several of one, as in "14 days"
    on         weekdays or days of the month
    by, grace  local time at which it is due, and patience after it; without `by` the end of the period
    opens      local time from which a file counts for the day; in the evening for the next day
    holidays   country or market whose closed days are no days
    since      first day on which it is expected; without it, from the first file on
    sequence   numbers without a gap: true for control numbers, or a pattern that finds it in the file's name
    """

    every: str
    on: tuple[str | int, ...] = ()
    by: str | None = None
    opens: str = "00:00"
    timezone: str = "UTC"
    holidays: str = ""
    grace: str = "0 hours"
    since: date | None = None
    sequence: bool | str = False
    rows: Literal["any", "usual"] = "any"
    fallback: Fallback = Fallback()

    @field_validator("on", mode="before")
    @classmethod
    def _one_day(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | int) else value

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its local times."""
        return ZoneInfo(self.timezone)

    def calendar(self, anchor: date) -> Calendar:
        """The calendar, once lint has found no fault; `anchor` is a day on which a period begins."""
        count, unit = spans.every(self.every)
        return Calendar(
            unit=unit,
            zone=self.zone,
            count=count,
            weekdays=frozenset(spans.WEEKDAYS.index(day.lower()) for day in self.on if isinstance(day, str)),
            monthdays=frozenset(day for day in self.on if isinstance(day, int)),
            by=None if self.by is None else spans.clock(self.by),
            opens=spans.clock(self.opens),
            closed=closed_days.of(self.holidays) if self.holidays else frozenset(),
            grace=spans.span(self.grace),
            anchor=anchor,
        )


class Mapping(Part):
    """The mapping of one feed.

    `key` of a record names source columns or this record's fields; `valid_from`/`valid_to` say for which
    arrival days the mapping holds, so that history replays under the mapping of its day. `drop` names tables that the
    pack of `based_on` fills and this mapping does not.
    """

    feed: str
    partner: str
    mode: Literal["live", "shadow"] = "live"
    description: str = ""
    based_on: str | None = None
    drop: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None
    expect: Expect | None = None
    file: FileSpec
    record: tuple[RecordSpec, ...] = Field(min_length=1)
