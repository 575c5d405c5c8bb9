"""The accounts of a BAI2 file: control totals, counts and balances verified."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, MutableMapping, Sequence
from decimal import Decimal
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from babel.numbers import get_currency_precision

from gateway.errors import Fault, FileError
from gateway.formats.bank import bai2_records as bai
from gateway.formats.bank.bai2_records import Record
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
from gateway.reading import ReadRequest, Unit
from gateway.settings import Limits

_ENTRIES = (
    "Ask the bank for the report with its transactions: the balances count, and the entries are missing in the books."
)
_OPENING, _CLOSING, _CREDITS, _DEBITS = "010", "015", "100", "400"
DEFAULT_CURRENCY = "USD"


@Scanned
def accounts(request: ReadRequest) -> Statements:
    """The file's accounts. Raises FileError."""
    name, limits = request.name, request.limits
    scan = _Scan(name, limits)
    for record in bai.records(pieces(request.path, name), name, limits.cell_bytes_max):
        scan.take(record)
    return scan.done()


def summary(statement: Statement, path: str, name: str) -> str | None:
    """A field of a status or summary of the account, None where it does not state it."""
    if path not in statement.head:
        return None
    found = dict(zip(bai.SUMMARY, statement.head[path].split(","), strict=True))
    if name == "decimal_amount":
        return decimal_amount(found["amount"], statement.head["03/currency"])
    return found[name]


def decimal_amount(text: str, currency: str) -> str:
    """Minor units with their decimal point: 450000 USD is 4500.00, 450000 JPY 450000."""
    places = _places(currency)
    if not text or places == 0:
        return text
    sign = text[0] if text[0] in "+-" else ""
    digits = text[len(sign) :].rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def decimal_amounts(texts: Sequence[str], currencies: Sequence[str]) -> pa.StringArray:
    """`decimal_amount` for each of many texts, of which there is at least one."""
    amounts, places = pa.array(texts, pa.utf8()), _places(currencies[0])
    one_currency = currencies.count(currencies[0]) == len(currencies)
    if not one_currency or not places or pc.min(pc.binary_length(amounts)).as_py() < places + 2:
        return pa.array(list(map(decimal_amount, texts, currencies)), pa.utf8())
    whole, minor = pc.utf8_slice_codeunits(amounts, 0, -places), pc.utf8_slice_codeunits(amounts, -places)
    return pc.binary_join_element_wise(whole, minor, ".")


@lru_cache(maxsize=300)
def _places(currency: str) -> int:
    return int(get_currency_precision(currency))


class _Level:
    """What a file, a group or an account adds up to, for its trailer."""

    def __init__(self, record: Record) -> None:
        self.head: MutableMapping[str, str] = {} if record.code == "03" else record.named()
        self.line = record.line
        self.total = 0
        self.parts = 0
        self.records = len(record.parts)
        self.continued = self.records - 1
        self.faults = Faults()

    def count(self, lines: int, continued: int) -> None:
        """Add the lines of what is within, and how many of them are continuations."""
        self.records += lines
        self.continued += continued

    def check(self, trailer: Record, what: str, parts: str) -> Iterator[Fault]:
        """Faults of the trailer against what was there."""
        said = {name.partition("/")[2]: text for name, text in trailer.named().items()}
        if parts and not said.get("records"):
            # Some banks leave out the number of accounts or groups: total, records.
            said["records"], said[parts] = said.get(parts, ""), ""
        found = {"total": self.total, "records": self.records}
        if said.get("records", "").lstrip("0") == str(self.records - self.continued):
            # Some banks do not count the continuations (88).
            found["records"] -= self.continued
        if parts and said[parts]:
            found[parts] = self.parts
        for name, value in found.items():
            text = said.get(name, "")
            if not re.fullmatch("[+-]?[0-9]{1,30}", text) or int(text) != value:
                message = f"{what}: {trailer.code} states {name} {text or '(nothing)'}, found {value}"
                yield Fault("CONTROL_TOTAL", message, RESEND, f"line {trailer.line}")


class _Account(_Level):
    """One account: its status and summaries, and what its transactions move."""

    def __init__(self, record: Record, file: _Level, group: _Level) -> None:
        super().__init__(record)
        fields = record.fields
        self.account = fields[0].strip()
        currency = (fields[1].strip() if len(fields) > 1 else "") or group.head.get("02/currency", "")
        self.currency = currency or DEFAULT_CURRENCY
        self.own = {"03/account": self.account, "03/currency": self.currency}
        self.head = ChainMap(self.own, group.head, file.head)
        self.group_status = group.head.get("02/status", "")
        self.amounts: dict[str, int] = {}
        self.moved = 0
        self.details = 0
        self.doubts: list[Fault] = []
        self._summaries(record.parts)
        if not self.account:
            self.fault("the account number is missing", record.line)
        if not is_day(group.head.get("02/date", "")):
            self.fault(f'the as-of date "{group.head.get("02/date", "")}" of its group is not a date', record.line)
        if self.group_status == "2":
            self.fault("its group asks to delete what was sent before, which a person must do", record.line)

    @property
    def what(self) -> str:
        """The account as a person names it."""
        return f"account {self.account} as of {self.head.get('02/date', '')}"

    def fault(self, message: str, line: int, code: str = "FILE_REJECT") -> None:
        """Note what is wrong with this account."""
        self.faults.add(Fault(code, f"{self.what}: {message}", RESEND, f"line {line}"))

    def _summaries(self, parts: list[str]) -> None:
        found = bai.summaries(parts)
        if isinstance(found, str):
            self.fault(found, self.line)
            return
        for kind, amount, count, funds in found:
            self.total += int(amount or 0)
            if kind not in self.amounts:
                self.amounts[kind] = int(amount or 0)
                self.own[f"03[{kind}]"] = f"{kind},{amount},{count},{funds}"

    def enter(self, record: Record) -> None:
        """Add a transaction (record 16); one that cannot be read is a fault of the account."""
        found = bai.detail(record.parts)
        if isinstance(found, str):
            self.fault(f'transaction "{record.parts[0][:60]}": {found}', record.line)
            return
        amount = int(found[1] or 0)
        self.total += amount
        self.details += 1
        self.moved += amount * _SIGNS[found[0]]

    def close(self, trailer: Record) -> None:
        """Check the account against its trailer and its balances."""
        for fault in self.check(trailer, self.what, ""):
            self.faults.add(fault)
        opening, closing = self.amounts.get(_OPENING), self.amounts.get(_CLOSING)
        if opening is None or closing is None:
            return
        moved = self.moved
        if not self.details:
            self._without_entries(closing - opening, trailer.line)
            # Without transactions the totals of credits and debits must do.
            if _CREDITS not in self.amounts and _DEBITS not in self.amounts:
                return
            moved = self.amounts.get(_CREDITS, 0) - self.amounts.get(_DEBITS, 0)
        if opening + moved != closing:
            began, went, ended = (
                Decimal(decimal_amount(str(value), self.currency)) for value in (opening, moved, closing)
            )
            self.faults.add(unbalanced(self.what, began, went, ended, f"line {trailer.line}"))

    def _without_entries(self, moved: int, line: int) -> None:
        """Doubt an account whose balance moved though it lists no transaction: its balances count, its entries are not
        there."""
        if moved:
            difference = Decimal(decimal_amount(str(moved), self.currency))
            message = f"{self.what}: its balance moved by {difference:+f}, and it lists no transactions (16)"
            self.doubts.append(Fault("ROW_DOUBTFUL", message, _ENTRIES, f"line {line}"))


def sign(kind: str) -> int:
    """1 for type codes of credits, −1 for those of debits, 0 for what moves no money."""
    if "100" <= kind <= "399" or "920" <= kind <= "959":
        return 1
    return -1 if "400" <= kind <= "699" or "960" <= kind <= "999" else 0


_SIGNS = {kind: sign(kind) for kind in bai.TYPES}


class _Scan:
    """Takes records in order, and builds the accounts."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.found: list[Statement] = []
        self.faults = Faults()
        self.file: _Level | None = None
        self.group: _Level | None = None
        self.account: _Account | None = None
        self.files = 0

    def take(self, record: Record) -> None:
        """One record. Raises FileError where it stands in no file, group or account."""
        level = self.account or self.group or self.file
        if level is not None and record.code not in ("01", "02", "03"):
            level.count(len(record.parts), len(record.parts) - 1)
        if record.code == "16" and self.account is not None:
            self.account.enter(record)
        elif record.code == "01":
            self._end_file(record.line)
            self.file = _Level(record)
            self.files += 1
        elif self.file is None:
            raise self._misplaced(record, "a file header (01)")
        elif record.code in ("02", "99"):
            self._end_group(record.line)
            if record.code == "02":
                self.group = _Level(record)
            else:
                self._report(self.file.check(record, "file", "groups"))
                self.file = None
        elif self.group is None:
            raise self._misplaced(record, "a group header (02)")
        else:
            self._in_group(record, self.file, self.group)

    def _in_group(self, record: Record, file: _Level, group: _Level) -> None:
        if record.code == "03":
            self._end_account(record.line)
            check_count(self.name, self.limits, len(self.found) + 1)
            self.account = _Account(record, file, group)
        elif record.code == "98":
            self._end_account(record.line)
            self._report(group.check(record, f"group of line {group.line}", "accounts"))
            file.total += _number(record)
            file.parts += 1
            self._keep_group(group)
        elif self.account is None:
            raise self._misplaced(record, "an account (03)")
        elif record.code == "49":
            self.account.close(record)
            group.total += _number(record)
            group.parts += 1
            self._keep(self.account)
        else:
            self.account.fault(f'"{record.parts[0][:60]}" is not a BAI2 record', record.line)

    def done(self) -> Statements:
        """All accounts. An account that the end of the file cuts off gets a fault."""
        self._end_file(0)
        if not self.files:
            raise FileError(self.name, "there is no BAI2 record in it", "Send the bank's BAI2 file.")
        if not self.found:
            raise FileError(self.name, "there is no account (03) in it", "Send the file again, with its accounts.")
        return Statements(tuple(self.found), np.arange(len(self.found), dtype=np.int32), self.faults.reported())

    def _keep(self, account: _Account) -> None:
        self.found.append(_statement(len(self.found), account))
        if self.group is not None:
            self.group.count(account.records, account.continued)
        self.account = None

    def _keep_group(self, group: _Level) -> None:
        if self.file is not None:
            self.file.count(group.records, group.continued)
        self.group = None

    def _misplaced(self, record: Record, wanted: str) -> FileError:
        shown = f"{record.code},{record.parts[0]}".removeprefix(",")[:60]
        return FileError(
            self.name, f'expected {wanted}, found "{shown}"', "Send the bank's BAI2 file, whole.", f"line {record.line}"
        )

    def _end_account(self, line: int) -> None:
        if self.account is not None:
            self.account.fault("its trailer (49) is missing, it is cut off", line or self.account.line, "CONTROL_TOTAL")
            self._keep(self.account)

    def _end_group(self, line: int) -> None:
        self._end_account(line)
        if self.group is not None:
            self._cut_off(f"group of line {self.group.line}: its trailer (98) is missing", line or self.group.line)
            self._keep_group(self.group)

    def _end_file(self, line: int) -> None:
        self._end_group(line)
        if self.file is not None:
            self._cut_off("the file's trailer (99) is missing", line or self.file.line)
            self.file = None

    def _report(self, faults: Iterator[Fault]) -> None:
        for fault in faults:
            self.faults.add(fault)

    def _cut_off(self, message: str, line: int) -> None:
        self.faults.add(Fault("CONTROL_TOTAL", f"{message}, it is cut off", RESEND, f"line {line}"))


def _number(trailer: Record) -> int:
    text = trailer.fields[0].strip()
    return int(text) if re.fullmatch("[+-]?[0-9]{1,30}", text) else 0


def _statement(ordinal: int, account: _Account) -> Statement:
    head = account.head
    unit = Unit(
        ordinal=ordinal,
        kind="BAI2",
        sender=head.get("02/originator", "") or head.get("01/sender", ""),
        receiver=account.account,
        version=head.get("01/version", ""),
        interchange=head.get("01/id", ""),
        group=head.get("02/date", ""),
        test=account.group_status == "4",
        position=f"line {account.line}",
        faults=account.faults.reported(),
    )
    return Statement(unit, head, tuple(account.doubts))
