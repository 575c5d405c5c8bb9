"""The statements of a SWIFT file: pages joined, balances and totals verified."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cached_property, lru_cache

import numpy as np

from gateway.errors import Fault
from gateway.formats.bank import mt940_fields as mt
from gateway.formats.bank.statements import (
    RESEND,
    Faults,
    Scanned,
    Statement,
    Statements,
    check_count,
    is_day,
    pieces,
    unbalanced,
)
from gateway.formats.bank.swift import Fields, fields
from gateway.reading import ReadRequest, Unit
from gateway.settings import Limits

_BLOCK = re.compile(r"\{([1-5]):")
_KIND = re.compile(r"\{2:[OI](9[0-9]{2})|(?:^|\n):?(9[0-9]{2})(?=[:\s]|$)")
_OPTIONS = (
    ("25", ("25", "25P")),
    ("28", ("28C", "28")),
    ("13", ("13D", "13")),
    ("34", ("34F",)),
    ("60", ("60F", "60M")),
    ("62", ("62F", "62M")),
)


@Scanned
def statements(request: ReadRequest) -> Statements:
    """The file's statements. Raises FileError."""
    name, limits = request.name, request.limits
    scan = _Scan(name, limits)
    for found in fields(pieces(request.path, name), name, limits.cell_bytes_max):
        scan.take(found)
    return scan.done()


_ONCE = frozenset(("20", "25", "25P", "28", "28C", "60F", "60M", "62F", "62M", "90D", "90C"))
"""What stands in a message once only."""


class _Page:
    """One message: its fields but for the entries, and what the entries add up to."""

    def __init__(self, carrier: str, line: int) -> None:
        self.carrier, self.line = carrier, line
        self.head: dict[str, str] = {}
        self.parts: dict[str, dict[str, str | None]] = {}
        self.lines: dict[str, int] = {}
        self.moved = {1: Decimal(0), -1: Decimal(0)}
        self.count = {1: 0, -1: 0}
        self.expected = False
        self.information: list[str] = []
        self.faults = Faults()

    def add(self, tag: str, text: str, line: int) -> None:
        """A field that is no entry."""
        if tag in self.head:
            if tag in _ONCE:
                self.fault(f"field :{tag}: comes twice", line)
            return
        if mt.is_left_out(tag, text):
            return
        self.head[tag], self.lines[tag] = text, line
        if tag[:2] not in mt.CHECKED:
            return
        parts = mt.subfields(tag, text)
        if parts is not None and is_day(parts.get("date") or "240101"):
            self.parts[tag] = parts
        else:
            self.fault(f'field :{tag}: cannot be read: "{text[:60]}"', line)

    def enter(self, texts: list[str], lines: list[int]) -> None:
        """Entries, one after the other."""
        found = mt.entries(texts)
        troubles = mt.troubles(found)
        for place, wrong in troubles.items():
            self.fault(f'entry ":61:{texts[place][:60]}" cannot be read: {wrong}', lines[place])
        good = [entry for place, entry in enumerate(found) if entry is not None and place not in troubles]
        for mark in {entry[2] for entry in good}:
            if mark[0] == "E":
                self.expected = True
                continue
            amounts = [mt.amount(entry[4]) for entry in good if entry[2] == mark]
            self.moved[mt.sign(mark)] += sum(amounts)
            self.count[mt.sign(mark)] += len(amounts)

    def fault(self, message: str, line: int = 0, code: str = "FILE_REJECT") -> None:
        """Note what is wrong with this page."""
        self.faults.add(Fault(code, f"{self.what}: {message}", RESEND, f"line {line or self.line}"))

    @property
    def what(self) -> str:
        """The statement as a person names it."""
        named = f"statement {self.control or self.head.get('20', '')}".strip()
        return f"{named} of account {self.account}" if self.account else named

    @property
    def account(self) -> str:
        """The account, without the bank's code on a second line."""
        return self.head.get("25", self.head.get("25P", "")).split("\n")[0].strip()

    @property
    def control(self) -> str:
        """Number and page as the bank writes them."""
        return self.head.get("28C", self.head.get("28", "")).strip()

    @cached_property
    def number(self) -> tuple[str, int]:
        """(statement number, page); page 0 where none is given."""
        parts = mt.subfields("28", self.control) or {}
        return (parts.get("number") or "").lstrip("0"), int((parts.get("page") or "0")[:9])

    @cached_property
    def kind(self) -> str:
        """MT940, MT942 …, as its blocks say, else as its fields do."""
        said = _KIND.search(self.carrier) if self.carrier else None
        if said:
            return f"MT{said.group(1) or said.group(2)}"
        balanced = any(tag[:2] in ("60", "62") for tag in self.head)
        interim = any(tag in self.head for tag in ("34F", "13D", "13", "90D", "90C"))
        return "MT942" if interim and not balanced else "MT940"

    def balance(self, tag: str) -> tuple[Decimal, str, int] | None:
        """(signed amount, currency, line) of an opening (60) or closing (62) balance; None if there is none."""
        option = f"{tag}F" if f"{tag}F" in self.parts else f"{tag}M"
        parts = self.parts.get(option)
        if parts is None:
            return None
        amount = mt.amount(parts["amount"] or "0")
        return amount if parts["mark"] == "C" else -amount, parts["currency"] or "", self.lines[option]

    def check(self) -> None:
        """Find what is wrong with this page by itself."""
        if not self.account:
            self.fault("field :25: is missing, so the account is unknown")
        if self.kind == "MT942":
            self._check_totals()
        else:
            self._check_balances()

    def _check_balances(self) -> None:
        opening, closing = self.balance("60"), self.balance("62")
        for tag, name, balance in (("60", "opening", opening), ("62", "closing", closing)):
            if balance is None and f"{tag}F" not in self.head and f"{tag}M" not in self.head:
                self.fault(f"the {name} balance :{tag}F: is missing", code="CONTROL_TOTAL")
        if opening is None or closing is None:
            return
        if opening[1] and closing[1] and opening[1] != closing[1]:
            self.fault(f"the opening balance is in {opening[1]}, the closing one in {closing[1]}", closing[2])
            return
        moved = self.moved[1] - self.moved[-1]
        if self.kind == "MT941":
            moved = self._total("90C")[1] - self._total("90D")[1]
        if opening[0] + moved != closing[0]:
            self.faults.add(unbalanced(self.what, opening[0], moved, closing[0], f"line {closing[2]}"))

    def _check_totals(self) -> None:
        for tag, sign, side in (("90D", -1, "debit"), ("90C", 1, "credit")):
            if tag not in self.parts or self.expected:
                continue
            number, total = self._total(tag)
            if (number, total) != (self.count[sign], self.moved[sign]):
                self.fault(
                    f":{tag}: states {number} {side} entries of {total:f}, there are {self.count[sign]} "
                    f"of {self.moved[sign]:f}",
                    self.lines[tag],
                    "CONTROL_TOTAL",
                )

    def _total(self, tag: str) -> tuple[int, Decimal]:
        parts = self.parts.get(tag)
        return (int(parts["number"] or 0), mt.amount(parts["amount"] or "0")) if parts else (0, Decimal(0))


class _Scan:
    """Takes fields in order, and builds the statements.

    page   the message whose fields come
    group  the pages before it that make one statement
    """

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.found: list[Statement] = []
        self.of: list[int] = []
        self.group: list[_Page] = []
        self.page: _Page | None = None
        self.begun = 0
        self.behind = ""

    def take(self, piece: Fields) -> None:
        """Add the fields of a piece of the file to its statements; a page may go on in the next piece."""
        texts: list[str] = []
        lines: list[int] = []
        page = self.page
        for tag, text, line, message in zip(piece.tags, piece.texts, piece.lines, piece.messages, strict=True):
            if page is None or message >= self.begun:
                self._enter(texts, lines)
                page = self._begin(_Page(piece.carriers.get(message, ""), line))
            if tag == "61":
                texts.append(text)
                lines.append(line)
            elif tag != "86":
                page.add(tag, text, line)
            elif self.behind != "61":
                # Behind a balance it describes the whole statement.
                page.information.append(text)
            self.behind = tag if tag != "86" else self.behind
        self._enter(texts, lines)

    def _enter(self, texts: list[str], lines: list[int]) -> None:
        if texts and self.page is not None:
            self.page.enter(texts, lines)
            texts.clear()
            lines.clear()

    def _begin(self, page: _Page) -> _Page:
        self._end_page()
        self.page = page
        self.begun += 1
        self.behind = ""
        return page

    def _end_page(self) -> None:
        page = self.page
        if page is None:
            return
        page.check()
        if self.group and _continues(self.group[-1], page):
            _check_page(self.group[-1], page)
        else:
            self._end_statement()
        self.group.append(page)
        self.of.append(len(self.found))

    def _end_statement(self) -> None:
        if self.group:
            check_count(self.name, self.limits, len(self.found) + 1)
            self.found.append(_statement(len(self.found), self.group))
            self.group = []

    def done(self) -> Statements:
        """End the last page and statement, and return all of them."""
        self._end_page()
        self._end_statement()
        return Statements(tuple(self.found), np.array(self.of, np.int32))


def _continues(before: _Page, page: _Page) -> bool:
    return (
        "62M" in before.head
        and "60M" in page.head
        and (before.account, before.number[0]) == (page.account, page.number[0])
    )


def _check_page(before: _Page, page: _Page) -> None:
    number, last = page.number[1], before.number[1]
    if number and last and number != last + 1:
        page.fault(f"page {number} follows page {last}: pages are missing", code="CONTROL_TOTAL")
    ended, begins = before.balance("62"), page.balance("60")
    if ended and begins and (ended[0] != begins[0] or (ended[1] and begins[1] and ended[1] != begins[1])):
        page.fault(
            f"page {number} begins with {begins[0]:f}, the page before it ended with {ended[0]:f}",
            begins[2],
            "CONTROL_TOTAL",
        )


def _statement(ordinal: int, group: list[_Page]) -> Statement:
    first = group[0]
    head = dict(first.head)
    information = [text for page in group for text in page.information]
    if information:
        head["86"] = "\n".join(information)
    for page in group[1:]:
        for tag, text in page.head.items():
            head.setdefault(tag, text)
    for tag, options in _OPTIONS:
        # The tag without its letter: of an opening or closing balance the final one.
        option = next((option for option in options if option in head), None)
        if option is not None:
            head[tag] = head[option]
    blocks, sender = _carried(first.carrier) if first.carrier else ({}, "")
    unit = Unit(
        ordinal=ordinal,
        kind=first.kind,
        sender=sender,
        receiver=first.account,
        interchange=first.head.get("20", "").strip(),
        control=first.control,
        test=sender[7:8] == "0",
        position=f"line {first.line}",
        faults=first.faults.reported([page.faults for page in group[1:]]),
    )
    return Statement(unit, head | blocks if blocks else head)


@lru_cache(maxsize=1024)
def _carried(carrier: str) -> tuple[dict[str, str], str]:
    """(path → text of the blocks before the fields, BIC of the bank).

    Of a message that was received the bank stands in block 2, of one that was sent in block 1.
    """
    parts = _BLOCK.split(carrier)
    blocks = {
        f"{{{number}}}": text.strip().removesuffix("}")
        for number, text in zip(parts[1::2], parts[2::2], strict=True)
        if number in "123"
    }
    received = re.match(r"O9[0-9]{2}(?:[0-9]{10})?([A-Z0-9]{12})", blocks.get("{2}", ""))
    sent = re.match(r"F[0-9]{2}([A-Z0-9]{12})", blocks.get("{1}", ""))
    terminal = ""
    if received:
        terminal = received.group(1)
    elif sent and blocks.get("{2}", "").startswith("I"):
        terminal = sent.group(1)
    branch = terminal[9:12]
    return blocks, terminal[:8] + ("" if branch == "XXX" else branch)
