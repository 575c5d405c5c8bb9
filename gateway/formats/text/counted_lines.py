"""The lines of a text, counted, and those of the row that is being read."""

from __future__ import annotations

import csv
from typing import TextIO

from gateway.formats.text.escaped_quotes import EscapedQuotes

ROW_CHARACTERS_MAX = 4 << 20


class Lines:
    """The lines of a text for the row reader, counted.

    number  of the last line that was given, from 1
    first   number of the first line of the current row
    held    the lines of the current row, as they stand in the file
    """

    def __init__(self, source: TextIO, comment: str = "", escaped: EscapedQuotes | None = None) -> None:
        self.number, self.first = 0, 1
        self.held: list[str] = []
        self._source, self._comment, self._between = source, comment, True
        self._escaped = escaped
        self._characters = 0

    def begin(self) -> None:
        """The next line begins a row. Only there may a comment stand."""
        self._between = True

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        while line := self._source.readline(ROW_CHARACTERS_MAX + 1):
            self.number += 1
            if self._between:
                self.first, self.held, self._characters = self.number, [], 0
            self._characters += len(line)
            if self._characters > ROW_CHARACTERS_MAX:
                raise csv.Error(f"a row is longer than {ROW_CHARACTERS_MAX} characters")
            if self._between and self._comment and line.startswith(self._comment):
                continue
            self._between = False
            self.held.append(line)
            return self._escaped.line(line, self.number, inside=len(self.held) > 1) if self._escaped else line
        raise StopIteration
