"""BAI2 and BTRS: balance and transaction reports of banks, many accounts in groups in a file.

A unit is an account (03 … 49). Its control total and number of records must be right, and where it states opening
and closing ledger balance (010, 015), what moved must lead from the one to the other. Wrong totals of a group or
the file hold the file. A row is a transaction (each = "16"), a status or summary ("03/type") or the account ("03").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Fault
from gateway.formats import header as headers
from gateway.formats.bank import bai2_records as bai
from gateway.formats.bank.bai2_accounts import accounts, decimal_amounts, summary
from gateway.formats.bank.bai2_records import Record
from gateway.formats.bank.statements import (
    BATCH_ROWS,
    RESEND,
    Options,
    Rows,
    Statement,
    StatementReading,
    encoding_of,
    pieces,
)
from gateway.formats.path_errors import PathError, closest
from gateway.reading import Envelope, Reading, ReadRequest

__all__ = ["Options", "check_each", "check_path", "check_transaction", "forget", "read", "sniff", "units"]

EACH = ("16", "03/type", "03")
SYNTAX = (
    "Write 16/amount, 03/account, 02/date, 01/sender, 03[010]/amount (of that status or summary), or 03/type where "
    f'each = "03/type". A 16 has: {", ".join(bai.DETAIL)}, decimal_amount.'
)
_SNIFF = re.compile(rb"\s*01,[^,\r\n]*,[^,\r\n]*,[0-9]{6},[^\r\n]*?(?:[\r\n/]\s*02,|/?\s*$)")
_PATH = re.compile(r"(01|02|03|16|49|98|99)(?:\[([0-9]{3})\])?/([a-z_]+)")


def sniff(head: bytes, name: str) -> bool:
    """A file header (01) with a date, and a group header (02) behind it."""
    del name
    return _SNIFF.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def read(request: ReadRequest) -> Reading:
    """Open a file for one kind of row. Raises FileError, PathError for a path that is not valid."""
    options: Options = headers.options(Options, request.options, "bai2")
    each = request.each or "16"
    check_each(each, request.options)
    return _Bai2(request, each, options.encoding)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    """Whether rows are transactions, summaries or accounts. Raises PathError."""
    del options
    if each not in EACH:
        syntax = f"Write {', '.join(EACH[:-1])} or {EACH[-1]}."
        raise PathError("each", each or "", "does not say what a row is", syntax, closest(each or "", EACH))


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    """Whether a path names a field of a record that is in a row's reach. Raises PathError."""
    del options
    _own(path, each or "16")


def check_transaction(kind: str) -> None:
    """Whether an account can be of that kind; there is one. Raises PathError."""
    if kind != "BAI2":
        raise PathError("transaction", kind, "is not a kind of report", "Write BAI2.", closest(kind, ["BAI2"]))


def _own(text: str, each: str) -> str:
    """The row's own field that a path names, "" if it names the account's. Raises PathError."""
    found = _PATH.fullmatch(text)
    if found is None:
        raise _no_path(text, each, "does not name a field of a record")
    record, kind, name = found.groups()
    known: tuple[str, ...]
    if record == "16":
        known, own = (*bai.DETAIL, "decimal_amount"), each == "16"
        allowed = own and kind is None
    elif record == "03":
        known, own = (*bai.SUMMARY, "decimal_amount"), kind is None and each == "03/type"
        allowed = kind is not None or own
        if kind is None and name in ("account", "currency"):
            return ""
    else:
        known, own, allowed = bai.NAMES[record], False, kind is None and record in ("01", "02")
    if not allowed:
        raise _no_path(text, each, f'is not in reach of a row where each = "{each}"')
    if name not in known:
        raise _no_path(text, each, f"names {name}, which a {record} does not have")
    return name if own else ""


def _no_path(text: str, each: str, reason: str) -> PathError:
    known = [f"{record}/{name}" for record in ("01", "02") for name in bai.NAMES[record]]
    known += ["03/account", "03/currency"]
    if each == "16":
        known += [f"16/{name}" for name in (*bai.DETAIL, "decimal_amount")]
    status = re.match(r"03\[[0-9]{3}\]", text)
    if status or each == "03/type":
        known += [f"{status.group() if status else '03'}/{name}" for name in (*bai.SUMMARY, "decimal_amount")]
    return PathError("path", text, reason, SYNTAX, closest(text, known))


def units(request: ReadRequest) -> Envelope:
    """Every account, what is wrong with it, and with the groups around it."""
    return accounts(request).envelope


forget = accounts.forget


class _Bai2(StatementReading):
    def __init__(self, request: ReadRequest, each: str, encoding: str) -> None:
        self.each, self.encoding = each, encoding
        self.own = [_own(column, each) for column in request.columns]
        super().__init__(request, accounts(request), encoding_of(request.path, encoding))

    def head(self, column: int) -> Callable[[Statement], str | None] | None:
        """What a column reads of the account."""
        if self.own[column]:
            return None
        path = self.columns[column]
        status, slash, name = path.partition("]/")
        if not slash:
            return lambda statement: statement.head.get(path)
        return lambda statement: summary(statement, f"{status}]", name)

    def rows(self) -> Iterator[Rows]:
        """Rows of the file, so many at a time."""
        found = self.statements.found
        if self.each == "03":
            yield Rows([one.unit.position for one in found], range(len(found)), lambda _: pa.nulls(0, pa.utf8()))
            return
        batch = _Batch()
        take = self._transaction if self.each == "16" else self._summaries
        account, code = -1, self.each[:2]
        source = pieces(self.request.path, self.request.name, self.encoding)
        for record in bai.records(source, self.request.name, self.request.limits.cell_bytes_max):
            if record.code == "03":
                account += 1
            if record.code == code:
                take(batch, record, account)
                if len(batch.blocks) >= BATCH_ROWS:
                    yield self._rows(batch)
                    batch = _Batch()
        yield self._rows(batch)

    def _transaction(self, batch: _Batch, record: Record, account: int) -> None:
        found = bai.detail(record.parts)
        if isinstance(found, str):
            batch.reject(record, account, found)
        else:
            batch.add(found, record.line, account)

    def _summaries(self, batch: _Batch, record: Record, account: int) -> None:
        found = bai.summaries(record.parts)
        if isinstance(found, str):
            batch.reject(record, account, found)
            return
        for one in found:
            batch.add(one, record.line, account)

    def _rows(self, batch: _Batch) -> Rows:
        names: tuple[str, ...] = bai.DETAIL if self.each == "16" else bai.SUMMARY
        columns = dict(zip(names, zip(*batch.found, strict=True), strict=True)) if batch.found else {}

        def cells(column: int) -> pa.Array:
            name = self.own[column]
            if not columns:
                return pa.array([], pa.utf8())
            if name == "decimal_amount":
                currencies = {
                    account: self.statements.found[account].head["03/currency"] for account in set(batch.blocks)
                }
                return decimal_amounts(columns["amount"], [currencies[account] for account in batch.blocks])
            return pa.array(columns[name], pa.utf8())

        positions = pc.binary_join_element_wise("line ", pc.cast(pa.array(batch.lines, pa.int64()), pa.utf8()), "")
        return Rows(positions, batch.blocks, cells, batch.faults, batch.faulty_blocks)


class _Batch:
    """Rows that wait for their batch."""

    def __init__(self) -> None:
        self.found: list[tuple[str, ...]] = []
        self.lines: list[int] = []
        self.blocks: list[int] = []
        self.faults: list[Fault] = []
        self.faulty_blocks: list[int] = []

    def add(self, fields: tuple[str, ...], line: int, account: int) -> None:
        """A row of that account."""
        self.found.append(fields)
        self.lines.append(line)
        self.blocks.append(account)

    def reject(self, record: Record, account: int, message: str) -> None:
        """A record that is no row."""
        text = f"{record.code},{record.parts[0]}"
        self.faults.append(
            Fault(
                "ROW_REJECT",
                f'"{text[:80]}": {message}',
                RESEND,
                f"line {record.line}",
                record.code,
                text[:200],
                {record.code: "\n".join(record.parts)},
            )
        )
        self.faulty_blocks.append(account)
