"""An interchange as it was received and judged: what every acknowledgement is made from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.errors import Fault, upper_first
from gateway.reading import interchange_id

ACCEPTED, PARTLY, REJECTED = "ACCEPTED", "PARTLY", "REJECTED"

UNANSWERED = ("997", "999", "CONTRL")
"""Kinds of sets that are answers themselves: to answer them would never end."""

_OURS = re.compile(r"mapping|config\.toml|lookup|release|replay|gateway", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something of a set that the mapping rejected.

    segment   id of the segment that it is about, "" if that is not known
    place     position of that segment in its set, the first is 1; 0 if that is not known
    element   position of the element in the segment, 0 if that is not known
    """

    fault: Fault
    segment: str = ""
    place: int = 0
    element: int = 0


@dataclass(slots=True)
class Message:
    """A transaction set or message.

    identification  UNH's S009 by components; in X12 (ST01, ST03)
    number          of its first segment in the file, the first of which is 1
    errors          what its syntax has against it
    refusal         why no mapping takes it
    rejections      what the mapping rejected
    """

    kind: str
    control: str
    identification: tuple[str, ...]
    number: int
    errors: tuple[Fault, ...] = ()
    refusal: Fault | None = None
    rejections: list[Rejection] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether its syntax and its kind are as agreed."""
        return not self.errors and self.refusal is None


@dataclass(slots=True)
class Group:
    """A functional group; messages outside of any are in one without `number`.

    functional        GS01, "SW"
    sender, receiver  as in GS02 and GS03, or (identifier, qualifier)
    version           GS08
    date, time        as they were sent
    """

    number: int = 0
    functional: str = ""
    sender: tuple[str, ...] = ("",)
    receiver: tuple[str, ...] = ("",)
    control: str = ""
    version: str = ""
    date: str = ""
    time: str = ""
    errors: list[Fault] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


@dataclass(slots=True)
class Interchange:
    """An interchange.

    syntax            "x12" or "edifact"
    sender, receiver  (identifier, qualifier, routing address)
    version           ISA12, or the syntax identifier of UNB
    number            of its first segment in the file
    errors            what its envelope has against it: then it is rejected whole
    held              why nothing of the file posts although the syntax is right
    reused            another file of the partner had its control number before; this one is still accepted
    """

    syntax: str
    number: int
    control: str
    sender: tuple[str, str, str]
    receiver: tuple[str, str, str]
    date: str
    time: str
    version: str
    test: bool = False
    groups: list[Group] = field(default_factory=list)
    errors: list[Fault] = field(default_factory=list)
    held: list[Fault] = field(default_factory=list)
    reused: bool = False

    @property
    def identity(self) -> str:
        """What identifies it among the interchanges of the partner."""
        sender, receiver = (f"{party[1]}/{party[0]}".strip("/") for party in (self.sender, self.receiver))
        return interchange_id(sender, receiver, self.control, numeric=self.syntax == "x12")

    @property
    def answered(self) -> list[Group]:
        """Its groups without the messages that are answers themselves, and without those that held nothing else."""
        return [group for group in self.groups if not group.messages or any(map(_is_answered, group.messages))]

    @property
    def messages(self) -> Iterator[Message]:
        """All of its messages that are no answers."""
        return (message for group in self.groups for message in group.messages if _is_answered(message))

    @property
    def sender_unknown(self) -> bool:
        """Whether the partner does not send under the name that the envelope has."""
        found = [message.refusal for message in self.messages]
        return bool(found) and all(refusal is not None and refusal.code == "SENDER_UNKNOWN" for refusal in found)

    @property
    def rejected(self) -> bool:
        """Whether all of it is rejected."""
        return bool(self.errors) or self.sender_unknown


@dataclass(frozen=True, slots=True)
class Draft:
    """An acknowledgement without its control number.

    kind     "997" …
    verdict  ACCEPTED, PARTLY or REJECTED
    text     control number → the whole of it
    test     whether it answers a test
    """

    kind: str
    verdict: str
    interchange: str
    text: Callable[[int], str]
    test: bool = False


def verdict(goods: Sequence[bool]) -> str:
    """ACCEPTED if all are good (or there is nothing), REJECTED if none is."""
    return ACCEPTED if all(goods) else PARTLY if any(goods) else REJECTED


def fix(hint: str) -> str:
    """A hint as the partner can follow it: hints are written for operators here, who may fix what is ours."""
    if _OURS.search(hint):
        return "Send it corrected, or ask us."
    request = hint.removeprefix("Ask the sender to ")
    return upper_first(request)


def element_of(fault: Fault) -> tuple[str, int]:
    """(segment, element) that a fault of the syntax names: "W12/08" → ("W12", 8); 0 if it is about the segment."""
    segment, _, element = fault.column.partition("/")
    return segment, int(element) if element.isdigit() else 0


def _is_answered(message: Message) -> bool:
    return message.kind not in UNANSWERED
