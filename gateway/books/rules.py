"""The accounting settings below `mappings/`, read and checked: chart of accounts, posting rules, reconciliations,
metrics.

Each file is checked whole; all its faults are reported at once, with their lines. The common hash of the files
that make entries is the version that journal lines carry, so that an auditor sees which rules made an entry.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from gateway import shipped
from gateway.books import older_homes
from gateway.books.exceptions.codes import Code
from gateway.books.metrics import FILE as METRICS
from gateway.books.metrics import Metric, checked_metrics
from gateway.books.posting import rule_lint
from gateway.books.posting.chart import Chart
from gateway.books.posting.rules import Posting, PostingRules
from gateway.books.reconcile import lint
from gateway.books.reconcile.registry import Registry
from gateway.errors import HomeFault, HomeFaultsError, HouseError
from gateway.settings import Strict
from gateway.toml_faults import Shape, content_of, parsed
from gateway.toml_lines import Lines

CHART, POSTING, RECONCILIATIONS = "chart.toml", "posting.toml", "reconciliations.toml"
FILES = (CHART, POSTING, RECONCILIATIONS, METRICS)
GONE = "exception-codes.toml"
FILE_BYTES_MAX = 1_000_000

Settings = TypeVar("Settings", bound=Strict)


@dataclass(frozen=True)
class Rules(PostingRules):
    """All accounting settings of a home; `notes` names what its files lack and what is shipped provides."""

    registry: Registry
    metrics: tuple[Metric, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def codes(self) -> dict[tuple[str, str], Code]:
        """(reconciliation, code) → what it means."""
        return self.registry.codes


def load(home: Path) -> Rules:
    """Read and check the accounting settings. Raises HouseError with file and line of every fault."""
    folder = home / "mappings"
    if (folder / GONE).exists():
        hint = (
            f"Run `gateway init`, which writes mappings/{RECONCILIATIONS} with every code. Copy to it what you "
            f"changed, and remove mappings/{GONE}."
        )
        raise HouseError(
            "read", f"mappings/{GONE}", hint, "exception codes have moved to mappings/reconciliations.toml"
        )
    return _checked(tuple(_content(folder, name) for name in FILES))


@lru_cache(maxsize=4)
def _checked(contents: tuple[bytes, ...]) -> Rules:
    """The settings that these files hold; remembered, since all are read again whenever a mapping changes."""
    files = {
        name: _parsed(content, name) for name, content in zip((CHART, POSTING, RECONCILIATIONS), contents, strict=False)
    }
    chart, of_chart = older_homes.with_needed_accounts(_check(Chart, *files[CHART], CHART))
    posting, of_posting = older_homes.with_needed_conditions(_check(Posting, *files[POSTING], POSTING))
    posting, of_classes = older_homes.with_younger_classes(posting)
    registry, of_registry = older_homes.with_every_code(_check(Registry, *files[RECONCILIATIONS], RECONCILIATIONS))
    ours = _shipped()
    metrics, faults = checked_metrics(contents[-1], known=contents[-1] == ours[-1])
    if contents[:-1] != ours[:-1]:
        faults += rule_lint.faults(posting, files[POSTING][1], chart.accounts)
        faults += lint.faults(registry, chart, posting, f"mappings/{RECONCILIATIONS}", files[RECONCILIATIONS][1])
    _refuse(faults)
    version = hashlib.sha256(b"".join(contents[:-1])).hexdigest()[:16]
    return Rules(chart, posting, version, registry, metrics, (*of_chart, *of_posting, *of_classes, *of_registry))


@cache
def _shipped() -> tuple[bytes, ...]:
    """The files that come with the program. Its tests lint them; a home that has the same saves 0.1 s."""
    folder = shipped.folder() / "mappings"
    return tuple((folder / name).read_bytes() for name in FILES)


def _refuse(faults: list[HomeFault]) -> None:
    if faults:
        raise HomeFaultsError("use", "the rules", faults)


def _content(folder: Path, name: str) -> bytes:
    """The bytes of one of the files. Raises HouseError for one that is missing, too large or cannot be read."""
    path = folder / name
    if not path.exists():
        raise HouseError("read", str(path), "Run `gateway init` to create it.", "missing")
    content, faults = content_of(path, f"mappings/{name}", FILE_BYTES_MAX)
    _refuse(faults)
    return content or b""


def _parsed(content: bytes, name: str) -> tuple[dict[str, Any], str]:
    """(data, text). Raises HouseError for what is no TOML."""
    raw, text, faults = parsed(content, f"mappings/{name}")
    _refuse(faults)
    return raw or {}, text


def _check(kind: type[Settings], raw: dict[str, Any], text: str, name: str) -> Settings:
    lines, file = Lines(text), f"mappings/{name}"

    def place(*path: str | int) -> tuple[str, int]:
        return file, lines.of(*path)

    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        _refuse(Shape(kind, file).faults(error, raw, place))
        raise
