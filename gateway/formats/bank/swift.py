"""SWIFT messages as lists of fields: `{1:…}{2:…}{4:` … `-}` blocks or bare tags, as banks really send them.

Between two messages stands what carries them: blocks, `-`, control characters, a bank's own lines. Within a field
a line may begin with `-` or `:` although the standard forbids it; it stays text of that field. A `-` ends no message
that goes on behind it, as the order of the fields shows (SWIFT user handbook, category 9, MT940 and MT942).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from gateway.errors import FileError

CARRIER_LINES_MAX = 4
"""Lines of its own that a bank may put before a message."""
CARRIER_CHARS_MAX = 4_000

_KNOWN = frozenset(
    (
        "20",
        "21",
        "25",
        "25P",
        "28",
        "28C",
        "34F",
        "13",
        "13D",
        "60F",
        "60M",
        "61",
        "86",
        "90D",
        "90C",
        "62F",
        "62M",
        "64",
        "65",
        "NS",
    )
)
_ORDER = {
    digits: place
    for place, group in enumerate(
        (("20",), ("21",), ("25",), ("28",), ("34", "13"), ("60",), ("61",), ("90",), ("62",), ("64",), ("65",))
    )
    for digits in group
}
"""Digits of a tag → its place in a message."""
_ENTRY, _CLOSING = _ORDER["61"], _ORDER["90"]
_SEVERAL = frozenset(("13", "34", "61", "65", "90"))
"""Digits of the tags of which a message may have several."""
_TAG = re.compile(r"([0-9]{2}[A-Z]?|NS):")
_TYPE = re.compile(r"9[0-9]{2}:?\s*")
_FIELD = re.compile(r"\n:(?=\n?(?:[0-9]{2}[A-Z]?|9[0-9]{2}|NS):)")
_END = re.compile(r"\n-(?:(?=\})|(?=[ \t]*\x03)|(?=[ \t]*(?:\n|$))|XXX[ \t]*(?=\n|$))|-(?=\}[ \t]*(?:[\n\x03{$]|$))")
_BLOCK = re.compile(r"\n[\x01$ \t]*(?=\{[1-5S]:)|\n(?=[A-Z]{6}[A-Z0-9]{2,5}[ \t]*\n9[0-9]{2}[ \t]*\n)")
"""What begins a message without an end before it: a block, or the bank's code and the kind of message on lines of their
own."""
_MAY_END, _BLOCK_END = re.compile(r"\n[-9{$\x01]"), re.compile("-}")
"""One of these is in every text in which a message ends."""
_USUAL = {"61:": "61", "86:": "86"}
"""What most fields begin with, and their tags."""
_FIRST = ("20:", "25:", "25P:", "28:", "28C:")
_MARKS = " \t\n\x01\x03$"


@dataclass(slots=True)
class Fields:
    """Fields of one piece of the file, in order; a run of :86: is never torn from the field before it.

    tags      "20", "61" …
    texts     what stands behind the second colon; lines are joined by a newline, blank ones at the end left out
    lines     line of the file on which the field begins
    messages  number of its message, from 0
    carriers  message → what stood before it: blocks or lines of the bank
    """

    tags: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    carriers: dict[int, str] = field(default_factory=dict)


def fields(pieces: Iterable[str], name: str, chars_max: int) -> Iterator[Fields]:
    """The fields of a text, piece by piece. Raises FileError where there are none, or one is past `chars_max`."""
    splitter = _Splitter(name, chars_max)
    rest = "\n"
    for piece in _in_lines(pieces):
        rest += piece
        cut = _cut(rest)
        if cut > 0:
            yield splitter.split(rest[:cut], rest[cut + 2 : cut + 8])
            rest = rest[cut:]
        if len(rest) > chars_max + CARRIER_CHARS_MAX:
            raise splitter.too_long(splitter.newlines + 1)
    yield splitter.split(rest, "")
    if splitter.message < 0:
        raise FileError(name, "there is no SWIFT field such as :20: in it", "Send the bank's MT940 or MT942 file.")


def _in_lines(pieces: Iterable[str]) -> Iterator[str]:
    """The text with line ends: home banking (FinTS) hands out statements with `@@` in their place, as one line."""
    held, marked = "", False
    for number, piece in enumerate(pieces):
        if number == 0:
            marked = "@@:" in piece[:CARRIER_CHARS_MAX] and "\n:" not in piece[:CARRIER_CHARS_MAX]
        if marked:
            piece = held + piece
            held = "@" if piece.endswith("@") and not piece.endswith("@@") else ""
            piece = piece.removesuffix(held).replace("@@", "\n")
        yield piece
    if held:
        yield held


def _may_end(parts: Sequence[str], text: str) -> set[int]:
    """Indexes of the parts of a text, split at `\n:`, in which a message may end. The first one is left out."""
    ends = [mark.start() for mark in _MAY_END.finditer(text)]
    if "}" in text:
        ends += [mark.start() for mark in _BLOCK_END.finditer(text)]
    begins = list(accumulate((len(part) + len("\n:") for part in parts), initial=0)) if ends else []
    return {bisect_right(begins, end) - 1 for end in ends} - {0}


def _cut(text: str) -> int:
    """Before the last field that is no :86:, with all that follows it; 0 if there is none to cut before."""
    cut = text.rfind("\n:")
    while cut > 0 and (text.startswith("86:", cut + 2) or not _TAG.match(text, cut + 2)):
        cut = text.rfind("\n:", 0, cut)
    return max(cut, 0)


class _Splitter:
    """Splits texts that each begin with the newline before their first line."""

    def __init__(self, name: str, chars_max: int) -> None:
        self.name, self.chars_max = name, chars_max
        self.newlines = 0
        self.message = -1
        self.ended = True
        self.carrier = ""
        self.place = 0

    def split(self, text: str, following: str) -> Fields:
        """The fields of a text; `following` is what begins behind it, without its colon."""
        found = Fields()
        parts = _FIELD.split(text)
        if len(longest := max(parts, key=len)) > self.chars_max:
            raise self.too_long(self.newlines + 1 + text[: text.index(longest)].count("\n"))
        if parts[0]:
            self._lead(parts[0])
        tags = [_USUAL.get(part[:3], "") for part in parts]
        lines = list(accumulate((part.count("\n") + 1 for part in parts), initial=self.newlines))
        may_end = _may_end(parts, text)
        single = sorted({*may_end, *(at for at, tag in enumerate(tags) if not tag and at), len(parts)})
        at, passed = 1, 0
        while at < len(parts):
            stop = single[passed]
            if at < stop and not self.ended:
                # Most fields are such: what `_add` does, many at a time.
                found.tags += tags[at:stop]
                found.texts += [part[3:].rstrip("\n") for part in parts[at:stop]]
                found.lines += lines[at:stop]
                found.messages += [self.message] * (stop - at)
                self.place = max(self.place, _ENTRY)
                at = stop
                continue
            behind = parts[at + 1] if at + 1 < len(parts) else following
            self._single(found, parts[at], lines[at], behind, may_end=at in may_end)
            at += 1
            passed += at > stop
        self.newlines = lines[-1] - 1
        return found

    def _single(self, found: Fields, part: str, line: int, following: str, *, may_end: bool) -> None:
        """Add a field that is not one of many like it."""
        tag, _, value = part.partition(":")
        if tag not in _KNOWN:
            tag, value = self._unusual(part)
        if may_end and (_MAY_END.search(value) or _BLOCK_END.search(value)):
            self._close(found, tag, value, line, following)
        elif tag:
            self._add(found, tag, value.rstrip("\n"), line)

    def too_long(self, line: int) -> FileError:
        """The error of a field past the limit."""
        return FileError(
            self.name,
            f"a field is longer than {self.chars_max} characters",
            "Check that it is a SWIFT statement.",
            f"line {line}",
        )

    def _add(self, found: Fields, tag: str, value: str, line: int) -> None:
        if self.ended or tag == "20" or (tag[:2] in ("25", "28") and self.place >= _CLOSING):
            # Some banks leave out :20:, or the end of the message.
            self._begin(found)
        self.place = self._reached(tag)
        found.tags.append(tag)
        found.texts.append(value)
        found.lines.append(line)
        found.messages.append(self.message)

    def _begin(self, found: Fields) -> None:
        """The next message, with what carries it."""
        self.message += 1
        self.ended, self.place = False, 0
        if self.carrier:
            found.carriers[self.message] = self.carrier
            self.carrier = ""

    def _close(self, found: Fields, tag: str, value: str, line: int, following: str) -> None:
        """Add a field behind which its message may end."""
        start = max(0, len(value.rstrip(_MARKS)) - CARRIER_CHARS_MAX)
        for end in sorted([*_END.finditer(value, start), *_BLOCK.finditer(value, start)], key=lambda m: m.start()):
            behind = value[end.end() :]
            if not _carries(behind, following):
                continue
            goes_on = self._goes_on(tag, following)
            if goes_on and value[end.start()] != "\n":
                # Text that ends as a block does.
                continue
            self._add(found, tag, value[: end.start()].rstrip("\n"), line)
            if not goes_on or behind.strip(_MARKS):
                self.ended, self.carrier = True, behind
            return
        self._add(found, tag, value.rstrip("\n"), line)

    def _reached(self, tag: str) -> int:
        """How far the message has come with this field."""
        return max(self.place, _ORDER.get("61" if tag == "86" else tag[:2], 0))

    def _goes_on(self, tag: str, following: str) -> bool:
        """Whether the field that follows belongs to the message of this field, in spite of the end between them."""
        digits, reached = following[:2], self._reached(tag)
        if not _TAG.match(following) or digits == "20":
            return False
        if digits == "86":
            return tag != "86"
        place = _ORDER.get(digits, reached + 1)
        return place > reached or (place == reached and digits in _SEVERAL)

    def _lead(self, text: str) -> None:
        """What stands before the first field of the file."""
        if not _carries(text, "20:"):
            raise FileError(
                self.name,
                "it does not begin with a SWIFT block or field",
                "Send the bank's MT940 or MT942 file.",
                "line 1",
            )
        self.carrier = text

    def _unusual(self, part: str) -> tuple[str, str]:
        """(tag, text) of a field that is not in common use; ("", "") for a line that names the kind of message."""
        if _TYPE.fullmatch(part):
            self.ended, self.carrier = True, f"{self.carrier}\n{part}"[-CARRIER_CHARS_MAX:]
            return "", ""
        # Some banks break the line between the colon and the tag.
        tag, _, value = part.lstrip("\n").partition(":")
        return tag, value


def _carries(text: str, following: str) -> bool:
    """Whether a text stands between messages: blocks, marks, or a few lines of the bank before a first field."""
    text = text.removeprefix("}")
    bare = text.strip(_MARKS)
    if not bare or (bare.startswith("{") and len(text) <= CARRIER_CHARS_MAX):
        return True
    few = len(bare.split("\n")) <= CARRIER_LINES_MAX and len(bare) <= CARRIER_CHARS_MAX
    return few and (following.startswith(_FIRST) or _TYPE.match(following) is not None)
