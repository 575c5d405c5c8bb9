"""Checks of tie-outs."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from typing import Protocol

from gateway.errors import HomeFault
from gateway.mapping.language.expressions import ExpressionError
from gateway.mapping.language.spec import Mapping as Spec
from gateway.mapping.language.spec import TieOut
from gateway.mapping.lint import fields as lint_fields
from gateway.mapping.lint.probe import Probe
from gateway.model import MAPPABLE
from gateway.nearest import listed, nearest

_NUMBER = "DECIMAL(18,4)"
Path = tuple[str | int, ...]
Types = dict[str, str]


class Checker(Protocol):
    """What these checks need of the mapping's check."""

    mapping: Spec
    probe: Probe

    def fault(self, path: Path, message: str, fix: str) -> HomeFault: ...
    def condition(self, path: Path, text: str, fields: Mapping[str, str]) -> Iterator[HomeFault]: ...
    def expression(
        self,
        path: Path,
        text: str,
        fields: Mapping[str, str],
        wanted: str,
        *,
        aggregates: bool = False,
        columns: str = "VARCHAR",
    ) -> Iterator[HomeFault]: ...


def check(checker: Checker, path: Path, tie: TieOut) -> Iterator[HomeFault]:
    """Every fault of a tie-out."""
    made = yield from _tied(checker, path, "record", tie.record)
    stated = made
    if tie.stated_by is not None:
        stated = yield from _tied(checker, path, "stated_by", tie.stated_by)
    if made is None or stated is None:
        return
    for number, name in enumerate(tie.by):
        fields = stated if name in made else made
        if name not in fields:
            yield checker.fault(
                (*path, "by", number), f'there is no field "{name}"{nearest(name, fields)}', f"fields: {listed(fields)}"
            )
    if tie.sum is not None and _is_text(checker, tie.sum, made):
        numbers = [name for name, kind in made.items() if kind.startswith(("DECIMAL", "BIGINT"))]
        yield checker.fault(
            (*path, "sum"), f'"{tie.sum}" is text, and only numbers add up', f"name one of {listed(numbers)}"
        )
    for key, text, fields in (("sum", tie.sum, made), ("equals", tie.equals, stated)):
        if text is not None:
            yield from checker.expression(
                (*path, key), text, fields, _NUMBER, aggregates=key == "equals", columns=_NUMBER
            )
    if tie.where:
        yield from checker.condition((*path, "where"), tie.where, made)
    if tie.tolerance < 0:
        yield checker.fault((*path, "tolerance"), "is below zero", "write 0 or more")


def _is_text(checker: Checker, text: str, fields: Mapping[str, str]) -> bool:
    """Whether an expression gives text; one that cannot be read gives nothing, which is a fault of its own."""
    with suppress(ExpressionError):
        return checker.probe.kind(text, fields, columns=_NUMBER)[0] == "text"
    return False


def _tied(checker: Checker, path: Path, key: str, type_: str | None) -> Generator[HomeFault, None, Types | None]:
    """The fields of the record type that a key of a tie-out names, None where no record makes it."""
    wanted = type_ or checker.mapping.record[0].type
    record = next((one for one in checker.mapping.record if one.type == wanted), None)
    if record is not None and record.type in MAPPABLE:
        return lint_fields.types(record)
    known = [one.type for one in checker.mapping.record]
    if type_:
        yield checker.fault(
            (*path, key), f'no record makes "{wanted}"{nearest(wanted, known)}', f"use one of {listed(known)}"
        )
    return None
