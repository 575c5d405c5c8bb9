"""Who keeps books, where it sells, and whom it trades with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.settings.documents import Acknowledge
from gateway.settings.strict import Strict, Zone


class Entity(Strict):
    """A legal entity that keeps books: functional currency, the name that workbooks show, and the zone of its days.

    An entry's day is that of its event in `timezone`; times of files that state no zone are in it too.
    """

    currency: str = Field(pattern=r"^[A-Z]{3}$", examples=['"USD"'])
    name: str = ""
    timezone: Zone = "UTC"


class Channel(Strict):
    """A sales channel: which event makes its revenue, and which entity it belongs to."""

    entity: str = Field(examples=['"US"'])
    revenue: Literal["shipment", "settlement"] = Field(examples=['"shipment"'])
    settlement_days: int = 21


class Partner(Strict):
    """A trading partner: the entity its files belong to and the envelope identifiers it may send under.

    The `channel` that it runs, if it runs one, belongs to the same entity.
    `pgp_signer` is the file of the OpenPGP certificate that must have signed what it sends: plain files are set aside.
    With a `marker` a file is whole when there is another beside it whose name has that suffix added. `currency` and
    `location` hold where its documents name none; the currency is else that of the entity.
    """

    entity: str = Field(examples=['"US"'])
    senders: tuple[str, ...] = ()
    channel: str = ""
    acknowledge: Acknowledge = Acknowledge()
    pgp_signer: str = ""
    marker: str = Field("", pattern=r"^[^/]*$", examples=['".done"'])
    currency: str = Field("", pattern=r"^([A-Z]{3})?$", examples=['"EUR"'])
    location: str = ""
