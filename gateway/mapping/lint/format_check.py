"""What the format of a mapping's files says about the mapping: options, transaction, `each`, paths of source
columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway import formats
from gateway.errors import HouseError, lower_first
from gateway.formats.header import OptionsError
from gateway.formats.path_errors import PathError
from gateway.mapping.language.spec import Mapping

Found = tuple[tuple[str | int, ...], str, str]
"""Where below the table that was asked about, what is wrong, the fix."""


class FormatCheck:
    """Asks the format's verbs. Paths and `each` are compiled by the code that reads files, so none fails later."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping, self.name = mapping, mapping.file.format
        self.options: dict[str, Any] = dict(mapping.file.options)
        self.options_fault = formats.options_fault(self.name, self.options)
        self.claim = [] if self.name not in formats.FORMATS else list(self._claim())

    @property
    def has_units(self) -> bool:
        """Whether files of the format hold units that are claimed one by one."""
        return self.name in formats.FORMATS and formats.interchange_of(self.name) is not None

    def file(self) -> Iterator[Found]:
        """Faults of the keys below `[file]`."""
        if isinstance(self.options_fault, OptionsError):
            for key, message, fix in self.options_fault.faults:
                yield (key or "format",), message.removeprefix(f"`{key}`: "), fix
        elif self.options_fault:
            error = self.options_fault
            yield ("format",), f"{error.operation} {error.subject}: {error.cause}".rstrip("."), _fix(error)
        yield from self.claim

    def _claim(self) -> Iterator[Found]:
        """Faults of the keys by which units are claimed."""
        file = self.mapping.file
        if not self.has_units:
            for key in ("transaction", "sender", "receiver", "version"):
                if getattr(file, key):
                    yield (key,), f"a file of format {self.name} has no {key}", f"remove `{key}`"
        elif not file.transaction:
            yield ("format",), "`transaction` is missing: which sets are this feed's", 'as in transaction = "945"'
        else:
            try:
                formats.check_transaction(self.name, file.transaction)
            except PathError as error:
                yield ("transaction",), *said(error)

    def each(self, each: str | None) -> Iterator[Found]:
        """Faults of `each` of a record."""
        if self.options_fault:
            return
        error = self._each_error(each)
        if error is None:
            return
        if not each:
            yield (), "`each` is missing: it says what a row is", _fix(error)
        elif self._each_error(None) is None:
            yield ("each",), f"a row of a {self.name} file is a line", "remove `each`"
        else:
            yield ("each",), *said(error)

    def _each_error(self, each: str | None) -> PathError | None:
        try:
            formats.named(self.name).check_each(each, self.options)
        except PathError as error:
            return error
        return None

    def path(self, text: str, eaches: Sequence[str | None]) -> PathError | None:
        """Why a source column cannot be read for one of these kinds of row; None where it can, or `each` is wrong."""
        repeat = self.mapping.file.repeat
        if self.options_fault or self.claim or (repeat is not None and repeat.makes(text)):
            return None
        for each in eaches:
            if self._each_error(each) is None:
                try:
                    formats.named(self.name).check_path(text, each, self.options)
                except PathError as error:
                    return error
        return None


def said(error: PathError) -> tuple[str, str]:
    """(message, fix) of a fault."""
    return f'"{error.text}" {error.reason}', _fix(error)


def _fix(error: HouseError) -> str:
    return lower_first(error.hint.rstrip("."))
