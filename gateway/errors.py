"""Whose mistake stops whom: errors that stop an operation, and faults that are data.

A `HouseError` is the operator's: it ends the operation that it names and says how to fix it. A `FeedError` is a
mistake in one mapping: it holds the files of that feed. A `FileError` sets one file aside. A `HomeFault` is a mistake
in a file of the home (settings, a mapping, a lookup), as data. A `Fault` is one defect of a partner's file, as data: it
is counted, stored and shown in a workbook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


def upper_first(text: str) -> str:
    """The text with a capital at its beginning, as a sentence has one."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """The text as it goes on within a sentence."""
    return text[:1].lower() + text[1:]


class HouseError(Exception):
    """Something an operator must fix; carries what was attempted, on what, and the fix."""

    def __init__(self, operation: str, subject: str, hint: str, cause: str = "") -> None:
        self.operation = operation
        self.subject = subject
        self.hint = hint
        self.cause = cause
        super().__init__(str(self))

    def __str__(self) -> str:
        head = f"{self.operation} {self.subject}".strip()
        text = f"{head}: {self.cause}" if self.cause else head
        if not self.hint:
            return text
        return f"{text}{'' if text.endswith(('?', '.', '!')) else '.'} Fix: {self.hint}"


class FeedError(HouseError):
    """A mistake in one mapping: the files of its feed are held, all others go on.

    `place` is the mapping's file, with the line where that is known: "mappings/acme/stock.toml:12".
    """

    def __init__(self, place: str, error: HouseError) -> None:
        super().__init__(
            "use mapping", place, error.hint, f"{error.operation} {error.subject}: {error.cause}".rstrip(": ")
        )

    def as_fault(self) -> Fault:
        """The same as data, of each file that is held."""
        hint = f"{self.hint} Then `gateway check`, and `gateway replay` the files that are held."
        return Fault("FILE_REJECT", f"{self.subject}: {self.cause}", hint.strip())


class FileError(HouseError):
    """A partner's file cannot be read as a whole: it is quarantined, other files go on.

    `code` is one of the exception codes of the reconciliation of files (FILE_REJECT, CONTROL_TOTAL …),
    `position` the place in the file where reading stopped ("line 17", "byte 2048", "" if none).
    """

    def __init__(self, subject: str, cause: str, hint: str, position: str = "", code: str = "FILE_REJECT") -> None:
        self.position = position
        self.code = code
        super().__init__("read", subject if not position else f"{subject} at {position}", hint, cause)

    def as_fault(self) -> Fault:
        """The same as data."""
        return Fault(self.code, self.cause or str(self), self.hint, self.position)


def first_line(error: BaseException) -> str:
    """The first line of what an error says: the database adds the statement and advice to programmers."""
    return str(error).strip().split("\n", maxsplit=1)[0].rstrip()


@dataclass(frozen=True, slots=True, order=True)
class HomeFault:
    """A mistake in a file of the home: `file` below it, `line` from 1, what is wrong, the fix."""

    file: str
    line: int
    message: str
    fix: str

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.message}"
        return text + ("" if text.endswith(("?", ".")) else ".") + f" Fix: {self.fix}."


class HomeFaultsError(HouseError):
    """Files of the home cannot be used; `faults` are all of their faults, by file and line."""

    def __init__(self, operation: str, subject: str, faults: Sequence[HomeFault]) -> None:
        self.faults = tuple(sorted(faults))
        listed = "\n".join(map(str, self.faults))
        super().__init__(operation, subject, "", listed if len(faults) == 1 else f"{len(faults)} faults\n{listed}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One defect of a row, a transaction set or a file, as data.

    position  where: "line 17", "Sheet1!A17", "segment 43", an XPath, or "" for the whole file
    code      an exception code: ROW_REJECT, CONTROL_TOTAL, FILE_REJECT, SKU_UNKNOWN …
    message   what is wrong, naming the column and the value, for the sender
    hint      how to fix it
    column    the source column, "" if the fault is not about one cell
    value     the offending text
    row       the whole source row as text, so that nothing is lost ({} where there is none)
    cause     the position of the fault that it follows from: both are one exception; "" if it stands for itself
    """

    code: str
    message: str
    hint: str = ""
    position: str = ""
    column: str = ""
    value: str = ""
    row: Mapping[str, str] = field(default_factory=dict)
    cause: str = ""
