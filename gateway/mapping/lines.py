"""Which line of a TOML text a key stands on."""

from __future__ import annotations

import re
from typing import Any

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"""^\s*((?:"[^"]*"|'[^']*'|[\w\-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w\-]+))*)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([\w\-]+)""")


class Lines:
    """Lines of the keys of a text. A key that is not found is looked for by its parents."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[Any, ...], int] = {}
        self._scan(text)

    def _scan(self, text: str) -> None:
        table: tuple[Any, ...] = ()
        counts: dict[tuple[Any, ...], int] = {}
        fence = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if fence:
                fence = "" if fence in line else fence
                continue
            header = _HEADER.match(line)
            if header and "=" not in line.split("]")[0]:
                table = self._open(header.group(1) == "[[", _parts(header.group(2)), counts)
                self._lines.setdefault(table, number)
                continue
            key = _KEY.match(line)
            if key:
                self._lines.setdefault(table + _parts(key.group(1)), number)
            for mark in ('"""', "'''"):
                if line.count(mark) % 2 == 1:
                    fence = mark

    def _open(self, many: bool, path: tuple[Any, ...], counts: dict[tuple[Any, ...], int]) -> tuple[Any, ...]:
        full: tuple[Any, ...] = ()
        for depth, part in enumerate(path):
            full += (part,)
            if many and depth == len(path) - 1:
                counts[full] = counts.get(full, -1) + 1
                full += (counts[full],)
            elif full in counts:
                full += (counts[full],)
        return full

    def of(self, *path: Any) -> int:
        """Line of a key path such as ("record", 0, "fields", "amount"); of its nearest parent if unknown."""
        wanted = tuple(path)
        while wanted:
            if wanted in self._lines:
                return self._lines[wanted]
            wanted = wanted[:-1]
        return 1


def _parts(text: str) -> tuple[str, ...]:
    return tuple(next(g for g in found.groups() if g is not None) for found in _PART.finditer(text))
