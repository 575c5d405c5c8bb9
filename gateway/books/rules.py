"""The accounting settings below `mappings/`, read and checked: chart of accounts, posting rules, reconciliations.

Each file is checked whole; all its faults are reported at once, with their lines. The common hash of the files is the
version that journal lines carry, so that an auditor sees which rules made an entry.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from pydantic import ValidationError

from gateway.books.exceptions.codes import Code
from gateway.books.posting import rule_lint
from gateway.books.posting.chart import Chart
from gateway.books.posting.rules import Posting, PostingRules
from gateway.books.reconcile.registry import Reconciliation, Registry
from gateway.books.reconcile.sides import faults_of
from gateway.errors import HouseError
from gateway.mapping.language.expressions import ExpressionError, compile_scalar
from gateway.mapping.language.loaded import MappingFault
from gateway.mapping.language.toml_lines import Lines
from gateway.model import TABLES
from gateway.settings import Strict

CHART, POSTING, RECONCILIATIONS = "chart.toml", "posting.toml", "reconciliations.toml"
GONE = "exception-codes.toml"

Settings = TypeVar("Settings", bound=Strict)


@dataclass(frozen=True)
class Rules(PostingRules):
    """All accounting settings of a home."""

    registry: Registry

    @property
    def codes(self) -> dict[tuple[str, str], Code]:
        """(reconciliation, code) → what it means."""
        return self.registry.codes


def load(home: Path) -> Rules:
    """Read and check the accounting settings. Raises HouseError with file and line of every fault."""
    folder = home / "mappings"
    if (folder / GONE).exists():
        hint = f"Move each code to [reconciliation.codes] of its reconciliation in mappings/{RECONCILIATIONS}, and remove it."
        raise HouseError("read", f"mappings/{GONE}", hint, "exception codes are no longer kept there")
    digest = hashlib.sha256()
    texts = {name: _read(folder / name, digest) for name in (CHART, POSTING, RECONCILIATIONS)}
    chart = _check(Chart, texts[CHART], CHART)
    posting = _check(Posting, texts[POSTING], POSTING)
    registry = _check(Registry, texts[RECONCILIATIONS], RECONCILIATIONS)
    _refuse(
        [
            *rule_lint.faults(posting, texts[POSTING]),
            *_roles_without_account(chart, posting),
            *_reconciliation_faults(registry, texts[RECONCILIATIONS]),
        ]
    )
    return Rules(chart, posting, digest.hexdigest()[:16], registry)


def _refuse(faults: list[MappingFault]) -> None:
    if faults:
        said = "\n".join(map(str, sorted(faults)))
        raise HouseError("check the rules", f"{len(faults)} found", "", f"\n{said}")


def _roles_without_account(chart: Chart, posting: Posting) -> Iterator[MappingFault]:
    named = set(posting.stock.roles.values()) | set(posting.stock.opening.values())
    for rule in posting.rule:
        named |= rule.roles()
    for role in sorted(named - set(chart.accounts)):
        message = f"the role {role} has no account"
        yield MappingFault(f"mappings/{CHART}", 1, message, f'add {role} = {{ number = "…", name = "…" }}')


def _reconciliation_faults(registry: Registry, text: str) -> Iterator[MappingFault]:
    """Sides and ties that the model does not bear out."""
    lines = Lines(text)
    with duckdb.connect() as con:
        for number, one in enumerate(registry.reconciliations):
            place = ("reconciliation", number)
            for name, side in (("external", one.external), ("book", one.book)):
                for key, message, fix in faults_of(con, side, one.unit) if side else ():
                    line = lines.of(*place, name, key)
                    yield MappingFault(f"mappings/{RECONCILIATIONS}", line, f"{one.letter}, {name}: {message}", fix)
            yield from _tie_faults(one, lines.of(*place, "tie", "lines"))


def _tie_faults(one: Reconciliation, line: int) -> Iterator[MappingFault]:
    if one.tie is None:
        return
    try:
        tie_sql(one)
    except ExpressionError as error:
        yield MappingFault(f"mappings/{RECONCILIATIONS}", line, f"{one.letter}, tie: {error.message}", error.fix)


def tie_sql(one: Reconciliation) -> str:
    """SQL condition of the journal lines that a reconciliation ties to. Raises ExpressionError."""
    columns = [column.name for column in TABLES["journal_line"].columns]
    text = one.tie.lines if one.tie else "false"
    return compile_scalar(text, columns, (), field_sql=lambda name: f'"{name}"', column_sql=lambda name: f'"{name}"')


def _read(path: Path, digest: Any) -> str:
    try:
        content = path.read_bytes()
        digest.update(content)
        text = content.decode()
        tomllib.loads(text)
    except FileNotFoundError:
        raise HouseError("read", str(path), "Run `gateway init` to lay it down.", "missing") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HouseError("read", str(path), "Fix the TOML there.", str(error)) from None
    return text


def _check(kind: type[Settings], text: str, name: str) -> Settings:
    try:
        return kind.model_validate(tomllib.loads(text))
    except ValidationError as error:
        lines = Lines(text)
        faults = [
            MappingFault(
                f"mappings/{name}", lines.of(*fault["loc"]), f"{_path(fault['loc'])}: {_words(fault)}", "correct it"
            )
            for fault in error.errors()
        ]
        _refuse(faults)
        raise


def _path(loc: tuple[int | str, ...]) -> str:
    return ".".join(map(str, loc)) or "the file"


def _words(fault: Any) -> str:
    return str(fault["msg"]).removeprefix("Value error, ")
