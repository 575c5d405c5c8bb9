"""Columns that only a key or a condition names, one slip away from a column that a field reads.

Without a sample nobody knows the columns of a file; but one that a field reads is meant, and its misspelling is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

from gateway.errors import HomeFault
from gateway.mapping.language.expressions import ExpressionError, names
from gateway.mapping.language.spec import Mapping
from gateway.mapping.lint.other_names import readable_columns

ADDED_MIN, CHANGED_MIN = 5, 6
"""So long is the shorter of two names, of which one has a letter more, or in which one letter is another."""
Path = tuple[str | int, ...]


class Checker(Protocol):
    """What these checks need of the mapping's check."""

    mapping: Mapping

    def fault(self, path: Path, message: str, fix: str) -> HomeFault: ...


def check(checker: Checker) -> Iterator[HomeFault]:
    """A fault for each misspelled column of a key, a condition or a tie-out."""
    read = set[str]().union(*map(readable_columns, checker.mapping.record))
    for path, name in _named(checker.mapping):
        meant = next((column for column in sorted(read) if name not in read and is_slip(name, column)), None)
        if meant is not None:
            yield checker.fault(
                path,
                f'"{name}" is a column that no field reads; did you mean "{meant}"?',
                f'write "{meant}"; if the file has both, let a helper field read it: _other = "{name}"',
            )


def _named(mapping: Mapping) -> Iterator[tuple[Path, str]]:
    """Where keys, conditions and tie-outs name a source column, and the column."""
    texts: list[tuple[Path, str | None]] = []
    for index, record in enumerate(mapping.record):
        keys = [(number, name) for number, name in enumerate(record.key) if name not in record.fields]
        yield from ((("record", index, "key", number), name) for number, name in keys)
        texts += [(("record", index, *keys), text) for keys, text in record.conditions.items()]
    for number, rule in enumerate(mapping.file.ignore):
        texts.append((("file", "ignore", number, "when"), rule.when))
    for number, tie in enumerate(mapping.file.tie_out):
        texts += [(("file", "tie_out", number, key), getattr(tie, key)) for key in ("sum", "where", "equals")]
    for path, text in texts:
        with suppress(ExpressionError):
            yield from ((path, name) for name in sorted(names(text)[1] if text else ()))


def is_slip(name: str, other: str) -> bool:
    """Whether two names are one slip apart: case, a letter too many, too few or another, two letters swapped.

    Names that begin otherwise or differ in a digit are names of their own, as "PO line" and "SO line", "Tax 1" and
    "Tax 2".
    """
    one, two = name.casefold().strip(), other.casefold().strip()
    if one == two:
        return True
    start = _alike(one, two)
    end = _alike(one[start:][::-1], two[start:][::-1])
    first, second = one[start : len(one) - end], two[start : len(two) - end]
    shorter = min(len(one), len(two))
    inside = start > 0 and one[start - 1].isalpha() and (first + second).isalpha()
    if len(first) == len(second) == 2:
        return inside and first == second[::-1]
    if len(first) == len(second) == 1:
        return inside and shorter >= CHANGED_MIN
    return inside and {len(first), len(second)} == {0, 1} and shorter >= ADDED_MIN


def _alike(one: str, two: str) -> int:
    """With how many of the same characters two texts begin."""
    return next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
