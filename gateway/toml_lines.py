"""Which line of a TOML text a key stands on.

The TOML libraries give values without places, so the text is read once more, only for its keys. The reader
is tolerant: in a broken text it knows the lines of everything before the break.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cached_property

Path = tuple[str | int, ...]
"""Keys and, inside lists, numbers from 0: ("record", 1, "fields", "amount")."""

_BLANK = " \t\r"
_ENDS = ",]}#\n"
DEPTH_MAX = 40
"""Lists and tables within one another that are followed."""


class Lines:
    """Lines of the keys of a text, from 1. A key that is not there has the line of its nearest parent."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def known(self) -> dict[Path, int]:
        """Key path → line. Only what is wrong with a text asks for it."""
        found: dict[Path, int] = {}
        _Reader(self.text, found).read()
        return found

    def of(self, *path: str | int) -> int:
        """Line of a key path such as ("record", 0, "fields", "amount"), or of its nearest parent, or 1."""
        return self.find(path)[1]

    def find(self, path: Path) -> tuple[int, int]:
        """(how many parts of the path are in the text, line of the last of them)."""
        for depth in range(len(path), 0, -1):
            line = self.known.get(path[:depth])
            if line is not None:
                return depth, line
        return 0, 1


class _Reader:
    """Reads the text once; every key is put into `known` with its line."""

    def __init__(self, text: str, known: dict[Path, int]) -> None:
        self.text = text.replace("\r\n", "\n")
        self.known = known
        self.at = 0
        self.line = 1
        self.counts: dict[Path, int] = {}
        """For each array of tables, the number of its last one."""

    def read(self) -> None:
        table: Path = ()
        while self.at < len(self.text):
            self.blank(newlines=True)
            if self.at >= len(self.text):
                return
            if self.here() == "[":
                table = self.header()
            else:
                self.pair(table)
            self.rest_of_line()

    # --- characters -----------------------------------------------------------------------------------

    def here(self, length: int = 1) -> str:
        return self.text[self.at : self.at + length]

    def step(self, length: int = 1) -> None:
        self.line += self.text.count("\n", self.at, self.at + length)
        self.at += length

    def blank(self, newlines: bool) -> None:
        """Over blanks and comments, and over line ends where these do not matter."""
        while self.at < len(self.text):
            character = self.here()
            if character == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif character in _BLANK or (newlines and character == "\n"):
                self.step()
            else:
                return

    def rest_of_line(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end

    # --- syntax ---------------------------------------------------------------------------------------

    def header(self) -> Path:
        """[table] or [[array of tables]]; gives the path of what follows."""
        line, many = self.line, self.here(2) == "[["
        self.step(2 if many else 1)
        full: Path = ()
        keys = self.keys()
        for number, key in enumerate(keys):
            full += (key,)
            self.known.setdefault(full, line)
            if many and number == len(keys) - 1:
                self.counts[full] = self.counts.get(full, -1) + 1
                full += (self.counts[full],)
            elif full in self.counts:
                full += (self.counts[full],)
        self.known.setdefault(full, line)
        return full

    def keys(self) -> list[str]:
        """A dotted key."""
        found: list[str] = []
        while True:
            self.blank(newlines=False)
            found.append(self.string() if self.here() in ('"', "'") else self.bare())
            self.blank(newlines=False)
            if self.here() != ".":
                return found
            self.step()

    def bare(self) -> str:
        begin = self.at
        while self.here() and (self.here().isalnum() or self.here() in "_-"):
            self.step()
        return self.text[begin : self.at]

    def string(self) -> str:
        """A string of any of the four kinds; its text as far as keys need it."""
        mark = self.here(3) if self.here(3) in ('"""', "'''") else self.here()
        self.step(len(mark))
        begin = self.at
        while self.at < len(self.text):
            if mark[0] == '"' and self.here() == "\\":
                self.step(2)
            elif self.here(len(mark)) == mark:
                # Up to two quotes may stand right before the closing three.
                while len(mark) == 3 and self.here(4) == mark + mark[0]:
                    self.step()
                text = self.text[begin : self.at]
                self.step(len(mark))
                return text.replace('\\"', '"') if mark[0] == '"' else text
            elif len(mark) == 1 and self.here() == "\n":
                break
            else:
                self.step()
        return self.text[begin : self.at]

    def pair(self, table: Path) -> None:
        """key = value, with what is inside the value."""
        line = self.line
        full = table
        for key in self.keys():
            full += (key,)
            self.known.setdefault(full, line)
        if self.here() == "=":
            self.step()
            self.value(full)

    def value(self, path: Path) -> None:
        self.blank(newlines=False)
        character = self.here()
        if character in ('"', "'"):
            self.string()
        elif character in ("[", "{") and len(path) > DEPTH_MAX:
            self.at = len(self.text)
        elif character == "[":
            self.items(path)
        elif character == "{":
            self.inline(path)
        else:
            while self.here() and self.here() not in _ENDS:
                self.step()

    def items(self, path: Path) -> None:
        """A list over one or more lines."""
        numbers = itertools.count()

        def item() -> None:
            here = (*path, next(numbers))
            self.known.setdefault(here, self.line)
            self.value(here)

        self.enclosed("]", item)

    def inline(self, path: Path) -> None:
        """{ key = value, … }, over more than one line too where the writer was generous."""
        self.enclosed("}", lambda: self.pair(path))

    def enclosed(self, close: str, one: Callable[[], None]) -> None:
        """What stands in brackets, with commas between; it ends where `one` finds nothing that it knows."""
        self.step()
        while self.at < len(self.text):
            self.blank(newlines=True)
            if self.here() in (close, ""):
                self.step()
                return
            if self.here() == ",":
                self.step()
                continue
            begin = self.at
            one()
            if self.at == begin:
                return
