"""What is wrong with the reconciliations of a home, found before any of them runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import duckdb

from gateway.books.posting.chart import Chart
from gateway.books.posting.rules import Posting
from gateway.books.reconcile import sides
from gateway.books.reconcile.families import FAMILIES
from gateway.books.reconcile.registry import Reconciliation, Registry
from gateway.books.reconcile.ties import tie_faults
from gateway.errors import HomeFault
from gateway.model.resolutions import KINDS, resolutions_of
from gateway.nearest import listed, nearest
from gateway.toml_lines import Lines

SHEETS = ("README", "SUMMARY", "TRIAL_BALANCE", "FILES", "_META")
"""Sheets that the reconciliation workbook has anyway."""

_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,39}")
_PAGE = re.compile(r"_\d+$")
Path = tuple[str | int, ...]


def faults(registry: Registry, chart: Chart, posting: Posting, file: str, text: str) -> list[HomeFault]:
    """Every fault of reconciliations whose shape is right, with the line of `text` (`file`) that it stands on."""
    lint = _Lint(registry, chart, posting, file, Lines(text))
    found = [*lint.twice()]
    with duckdb.connect() as con:
        for number, block in enumerate(registry.reconciliations):
            found += lint.block(con, ("reconciliation", number), block)
    return sorted(found)


class _Lint:
    def __init__(self, registry: Registry, chart: Chart, posting: Posting, file: str, lines: Lines) -> None:
        self.registry, self.file, self.lines = registry, file, lines
        self.roles = list(chart.accounts)
        self.rules = [rule.name for rule in posting.rule]

    def fault(self, path: Path, message: str, fix: str) -> HomeFault:
        return HomeFault(self.file, self.lines.of(*path), message, fix)

    def twice(self) -> Iterator[HomeFault]:
        """Letters, names, sheets and families that stand in several reconciliations."""
        names: dict[str, Callable[[Reconciliation], str]] = {
            "letter": lambda block: block.letter,
            "slug": lambda block: block.slug,
            "sheet": lambda block: _PAGE.sub("", block.sheet),
            "family": lambda block: block.family,
        }
        for key, name_of in names.items():
            seen = dict.fromkeys(SHEETS, "every reconciliation workbook") if key == "sheet" else {}
            for number, block in enumerate(self.registry.reconciliations):
                name = name_of(block)
                if name and name in seen:
                    message = f"{key} {name} is used by several reconciliations, first by {seen[name]}"
                    yield self.fault(("reconciliation", number, key), message, f"choose another {key}")
                seen.setdefault(name, f'"{block.title}"')

    def block(self, con: duckdb.DuckDBPyConnection, path: Path, block: Reconciliation) -> Iterator[HomeFault]:
        """Faults of one reconciliation; `con` may be any connection, since the model is what counts."""
        yield from self._kind((*path, "answers"), block.answers)
        yield from self._codes(path, block)
        yield from self._raised(path, block)
        for name, side in (("external", block.external), ("book", block.book)):
            for key, message, fix in sides.faults_of(con, side, block.unit) if side else ():
                yield self.fault((*path, name, key), f"{block.letter}, {name}: {message}", fix)
        yield from self._words(path, block)
        if block.tie is not None:
            for message, fix in tie_faults(con, block.tie, self.roles, self.rules):
                yield self.fault((*path, "tie", "lines"), f"{block.letter}, tie: {message}", fix)
            if block.unit == "units":
                message = f"{block.letter}, tie: units cannot make a balance of the ledger"
                yield self.fault((*path, "tie"), message, "leave it out")

    def _words(self, path: Path, block: Reconciliation) -> Iterator[HomeFault]:
        """A pass by words without a text to look in, and a text that no pass looks in."""
        texts = [name for name, side in (("external", block.external), ("book", block.book)) if side and side.words]
        numbers = [number for number, one in enumerate(block.passes) if one.by == "words"]
        if numbers and not texts:
            message = f'{block.letter}: by = "words" has no text to look in'
            yield self.fault(
                (*path, "pass", numbers[0]), message, "give a side `words`, the text that names the other's key"
            )
        for name in texts if not numbers else ():
            message = f"{block.letter}, {name}: no pass looks in `words`"
            yield self.fault((*path, name, "words"), message, 'add a pass with by = "words", or leave it out')

    def _codes(self, path: Path, block: Reconciliation) -> Iterator[HomeFault]:
        owners = self.registry.owners
        for name, code in block.codes.items():
            at = (*path, "codes", name)
            if not _CODE.fullmatch(name):
                yield self.fault(at, f"the code {name} is not in capital letters", "write it as in PAYOUT_SHORT")
            if code.owner not in owners:
                message = f'{name}: there is no owner "{code.owner}"{nearest(code.owner, owners)}'
                yield self.fault((*at, "owner"), message, f"name one of {listed(owners)}, or add it to [owners]")
            if code.answers:
                yield from self._kind((*at, "answers"), code.answers)
            kind = block.kind_of(name)
            fit = resolutions_of(kind)
            if kind in KINDS and code.suggestion not in fit:
                message = f'{name}: "{code.suggestion}" does not answer {kind}{nearest(code.suggestion, fit)}'
                yield self.fault((*at, "suggestion"), message, f"name one of {listed(fit)}")

    def _kind(self, path: Path, kind: str) -> Iterator[HomeFault]:
        if kind not in KINDS:
            message = f'there is no kind of resolutions "{kind}"{nearest(kind, KINDS)}'
            yield self.fault(path, message, f"name one of {listed(KINDS)}")

    def _raised(self, path: Path, block: Reconciliation) -> Iterator[HomeFault]:
        """Codes that are raised and not declared, or declared and never raised."""
        if block.open is not None:
            raised: Sequence[str] = block.open.codes()
            who, where = "`open`", (*path, "open")
        elif block.family in FAMILIES:
            raised, who, where = FAMILIES[block.family].codes, f"the family {block.family}", (*path, "codes")
        else:
            message = f'there is no family "{block.family}"{nearest(block.family, FAMILIES)}'
            yield self.fault((*path, "family"), message, f"name one of {listed(FAMILIES)}, or declare both sides")
            return
        for name in dict.fromkeys(raised):
            if name not in block.codes:
                message = f"{who} raises {name}, which is not a code of this reconciliation{nearest(name, block.codes)}"
                fix = f"write {name} below [reconciliation.codes], with severity, owner, days, suggestion and title"
                yield self.fault(where, message, fix)
        for name in block.codes:
            if name not in raised:
                message = f"{who} never raises {name}{nearest(name, raised)}"
                yield self.fault((*path, "codes", name), message, "leave the code out")
