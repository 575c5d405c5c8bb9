"""Compound files (MS-CFB), the container of .xls: the streams that lie at its top.

xlrd reads them too, but follows a chain of sectors in a circle for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

END, NONE = 0xFFFFFFFE, 0xFFFFFFFF
_STREAM = 2
_ENTRY_BYTES = 128


def streams(content: bytes) -> dict[str, bytes]:
    """Name → content of each stream at the top. Raises ValueError, struct.error or LookupError for a broken file."""
    return _Compound(content).streams()


class _Compound:
    """The sectors of a file, and the table that says which follows which."""

    def __init__(self, content: bytes) -> None:
        shift, small_shift = struct.unpack_from("<HH", content, 30)
        if shift not in (9, 12) or small_shift != 6:
            raise ValueError("it declares an impossible sector size")
        self.content, self.size = content, 1 << shift
        first_entry, self.small_below, first_small, _, *more = struct.unpack_from("<I4x5I", content, 48)
        self.table: Sequence[int] = self._numbers(self._table_sectors(*more))
        self.small_table = self._numbers(self._chain(first_small, self.table))
        self.entries = b"".join(map(self._sector, self._chain(first_entry, self.table)))

    def streams(self) -> dict[str, bytes]:
        """Name → content of the streams that the root holds, not those of embedded documents."""
        _, _, _, _, child, first, size = self._entry(0)
        small = self._joined(first, size)
        found: dict[str, bytes] = {}
        waiting, seen = [child], {NONE}
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            name, kind, left, right, _, first, size = self._entry(number)
            waiting += [left, right]
            if kind == _STREAM and size >= self.small_below:
                found[name] = self._joined(first, size)
            elif kind == _STREAM:
                pieces = (small[64 * n : 64 * n + 64] for n in self._chain(first, self.small_table))
                found[name] = b"".join(pieces)[:size]
        return found

    def _entry(self, number: int) -> tuple[str, int, int, int, int, int, int]:
        """Name, kind, left, right, child, first sector and size of an entry of the directory."""
        entry = self.entries[number * _ENTRY_BYTES : (number + 1) * _ENTRY_BYTES]
        length, kind, left, right, child = struct.unpack_from("<HBxIII", entry, 64)
        first, size = struct.unpack_from("<II", entry, 116)
        return (
            entry[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace"),
            kind,
            left,
            right,
            child,
            first,
            size,
        )

    def _sector(self, number: int) -> bytes:
        begin = (number + 1) * self.size
        if begin >= len(self.content):
            raise ValueError(f"it ends before its sector {number}")
        return self.content[begin : begin + self.size]

    def _joined(self, first: int, size: int) -> bytes:
        if size == 0:
            return b""
        found = b"".join(map(self._sector, self._chain(first, self.table)))
        if len(found) < size:
            raise ValueError("a stream is shorter than declared")
        return found[:size]

    def _chain(self, first: int, table: Sequence[int]) -> list[int]:
        """The sectors of a chain. Raises ValueError for one that runs in a circle, LookupError for one that breaks
        off."""
        found: list[int] = []
        while first not in (END, NONE):
            if len(found) >= len(table):
                raise ValueError("a chain of its sectors is circular")
            found.append(first)
            first = table[first]
        return found

    def _table_sectors(self, more: int, count: int) -> list[int]:
        """The sectors that hold the table: 109 are named in the header, the others in sectors of their own."""
        found = list(struct.unpack_from("<109I", self.content, 76))
        seen: set[int] = set()
        for _ in range(count):
            if more in seen:
                raise ValueError("the list of its sectors is circular")
            seen.add(more)
            *numbers, more = self._numbers([more])
            found += numbers
        named = [number for number in found if number not in (END, NONE)]
        if len(set(named)) < len(named):
            raise ValueError("a sector occurs twice in the list of its sectors")
        return named

    def _numbers(self, sectors: list[int]) -> list[int]:
        data = b"".join(map(self._sector, sectors))
        return list(struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4]))
