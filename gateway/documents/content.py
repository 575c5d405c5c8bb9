"""What a document is written from: sets of lines, named and counted as the partner does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a document.

    item      as the partner names it; `names` is the kind of that name: 3PL, GTIN … or SKU
    qty       in units of `unit`, which is ours (EA, KGM …), or "" for packs of several
    """

    line_no: str
    item: str
    names: str
    description: str
    qty: Decimal
    unit: str
    status: str = ""
    lot: str = ""
    serial: str = ""
    reason: str = ""
    disposition: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """The address that goods are sent to; "" where a part is not known."""

    name: str = ""
    code: str = ""
    street: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""


@dataclass(slots=True)
class Set:
    """A transaction set or message.

    document_no  order, transfer, advice, return; of stock the location
    at           when it was ordered, shipped, authorised or counted, in the partner's time zone
    location     the warehouse that it is about
    origin       where a transfer comes from
    reference    our order with the supplier, the shipment
    """

    document_no: str
    at: datetime
    location: str
    due: date | None = None
    origin: str = ""
    reference: str = ""
    order_id: str = ""
    carrier: str = ""
    ship_to: Address = Address()
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends to whom.

    sender, receiver  (identifier, qualifier)
    version           "004010", "D01B"
    """

    sender: tuple[str, str]
    receiver: tuple[str, str]
    version: str
    test: bool


def by_item(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines of each item together, in the order in which the items come first."""
    items: dict[str, list[Line]] = {}
    for line in lines:
        items.setdefault(line.item, []).append(line)
    return list(items.values())


def plain(number: Decimal) -> str:
    """A number without an exponent and without zeros at its end: 7.5, 100."""
    return f"{number.normalize():f}"
