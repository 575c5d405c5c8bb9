"""Adding is one file: a partner is one mapping, a format one module with one line in the registry."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import formats
from gateway import init as homes
from gateway.home import Home, open_home, open_samples
from gateway.intake.attempt import attempt
from gateway.ledger import verify
from gateway.mapping.library import load, samples
from gateway.mapping.lint import lint
from gateway.once import run_once
from gateway.sql import rows_of
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("without_workbooks")

PARTNER = """
feed    = "feinkost.bestand"
partner = "feinkost"

[file]
match     = ["bestand*.csv"]
format    = "delimited"
delimiter = "semicolon"

[[record]]
type = "inventory_snapshot"
key  = ["location", "sku", "as_of"]

[record.fields]
location = { constant = "FEINKOST" }
as_of    = { from = "Stichtag", formats = ["%d.%m.%Y"] }
scope    = { constant = "FULL" }
sku      = "Artikel"
status   = { from = "Zustand", map = { gut = "AVAILABLE", defekt = "DAMAGED" } }
qty      = { from = "Menge", decimal = "comma" }
"""


def stock(gateway: Home, feed: str) -> list[tuple[object, ...]]:
    sql = (
        """select sku, status, qty::varchar, "position" from inventory_snapshot_current where feed = ? order by 1, 2"""
    )
    return gateway.lake.con.execute(sql, [feed]).fetchall()


def test_a_partner_is_one_mapping(tmp_path: Path) -> None:
    homes.lay_down(tmp_path, examples=False)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    mapping = tmp_path / "mappings" / "feinkost" / "bestand.toml"
    mapping.parent.mkdir()
    mapping.write_text(PARTNER)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} - before == {mapping}

    folder = tmp_path / "inbound" / "feinkost"
    folder.mkdir(parents=True)
    (folder / "bestand.csv").write_text(
        "Stichtag;Artikel;Zustand;Menge\n20.11.2026;Essig;gut;12,5\n20.11.2026;Öl;defekt;1\n20.11.2026;Öl;gut;x\n"
    )
    with open_home(tmp_path, now=NOW) as gateway:
        assert gateway.library.faults == []
        [file] = run_once(gateway).files
        assert (file.state, file.received, file.accepted, file.rejected) == ("ACCEPTED", 3, 2, 1)
        assert [row[:3] for row in stock(gateway, "feinkost.bestand")] == [
            ("Essig", "AVAILABLE", "12.5000"),
            ("Öl", "DAMAGED", "1.0000"),
        ]
        assert verify.verify(gateway.lake) == []


MODULE = '''
"""Memos: a line MEMO number sender kind, lines item=count, a line END."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from gateway.errors import Fault, FileError
from gateway.formats.path_errors import PathError, closest
from gateway.reading import Envelope, Reading, ReadRequest, Unit


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    separator: str = "="


def sniff(head: bytes, name: str) -> bool:
    return head.startswith(b"MEMO ")


def read(request: ReadRequest) -> Reading:
    return _Memos(request)


def check_each(each: str | None, options: Mapping[str, Any]) -> None:
    if each != "line":
        raise PathError("each", each or "", "does not say what a row is", "Write line.", "line")


def check_path(path: str, each: str | None, options: Mapping[str, Any]) -> None:
    if path not in ("item", "count"):
        raise PathError(
            "path", path, "is not a part of a line", "Write item or count.", closest(path, ["item", "count"])
        )


def check_transaction(kind: str) -> None:
    if not kind.isupper():
        raise PathError("transaction", kind, "is not a kind of memo", "Write capitals.", kind.upper())


def units(request: ReadRequest) -> Envelope:
    return Envelope(tuple(unit for unit, _ in _memos(request)))


def _memos(request: ReadRequest) -> Iterator[tuple[Unit, list[tuple[int, str]]]]:
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(request.path.read_text().splitlines(), start=1):
        if line == "END":
            begin, (_, control, sender, kind) = lines[0][0], lines[0][1].split()
            yield Unit(0, kind, sender, control=control, position=f"line {begin}"), lines[1:]
            lines = []
        else:
            lines.append((number, line))
    if lines:
        raise FileError(request.name, "the last memo has no END", "Send it again, whole.", f"line {lines[0][0]}")


class _Memos(Reading):
    def __init__(self, request: ReadRequest) -> None:
        self.request, self.options = request, Options(**request.options)
        self.columns, self.received, self.faults = ("item", "count"), 0, []

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows = []
        for unit, lines in _memos(self.request):
            if self.request.units is not None and unit.ordinal not in self.request.units:
                continue
            for number, line in lines:
                self.received += 1
                item, mark, count = line.partition(self.options.separator)
                if mark:
                    rows.append((len(rows), f"line {number}", unit.ordinal, item, count))
                else:
                    fault = Fault("ROW_REJECT", "the line has no count", "Write item=count.", f"line {number}")
                    self.faults.append(fault)
        columns = list(zip(*rows)) or [()] * 5
        arrays = [pa.array(column, kind.type) for column, kind in zip(columns, self.schema)]
        yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)
'''

MEMO_MAPPING = """
feed    = "keller.memo"
partner = "keller"

[file]
match       = ["*.memo"]
format      = "memo"
separator   = ":"
transaction = "STOCK"
sender      = "KELLER"

[[record]]
type = "inventory_snapshot"
each = "line"
key  = ["item"]

[record.fields]
location = { constant = "KELLER" }
as_of    = { constant = "2026-11-20T00:00:00Z" }
scope    = { constant = "FULL" }
sku      = "item"
status   = { constant = "AVAILABLE" }
qty      = "count"
"""

MEMO = "MEMO 1 KELLER STOCK\nWein:3\nBier\nMost:4\nEND\n"
GOLDEN = {
    "counts": {"received": 3, "accepted": 2, "rejected": 1, "duplicate": 0, "ignored": 0},
    "records": {
        "inventory_snapshot": [
            {
                "position": position,
                "occurrence": 1,
                "location": "KELLER",
                "as_of": "2026-11-20T00:00:00+00:00",
                "scope": "FULL",
                "sku": sku,
                "status": "AVAILABLE",
                "qty": qty,
            }
            for position, sku, qty in (("line 2", "Wein", "3.0000"), ("line 4", "Most", "4.0000"))
        ]
    },
}


@pytest.fixture
def memo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A format in a package of its own, with its line in the registry."""
    package = tmp_path / "elsewhere" / "cellar_formats"
    package.mkdir(parents=True)
    (package / "memo.py").write_text(MODULE)
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setitem(formats.FORMATS, "memo", "cellar_formats.memo")
    yield
    # Another test makes the package again, in its own folder.
    for name in ("cellar_formats.memo", "cellar_formats"):
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def cellar(tmp_path: Path) -> Path:
    """A home with a mapping of that format and its golden pair."""
    home = tmp_path / "home"
    homes.lay_down(home, examples=False)
    folder = home / "mappings" / "keller"
    (folder / "samples").mkdir(parents=True)
    (folder / "memo.toml").write_text(MEMO_MAPPING)
    (folder / "samples" / "a.memo").write_text(MEMO)
    (folder / "samples" / "a.memo.expected.json").write_text(json.dumps(GOLDEN))
    return home


@pytest.mark.usefixtures("memo")
def test_a_format_is_one_module_and_one_line_in_the_registry(cellar: Path) -> None:
    mapping = cellar / "mappings" / "keller" / "memo.toml"
    (cellar / "inbound" / "keller").mkdir(parents=True)
    (cellar / "inbound" / "keller" / "stock.csv").write_text(MEMO)
    (cellar / "inbound" / "keller" / "cut.memo").write_text(MEMO.removesuffix("END\n"))
    (cellar / "inbound" / "keller" / "other.memo").write_text(MEMO.replace("KELLER", "DACH"))
    with open_home(cellar, now=NOW) as gateway:
        assert gateway.library.faults == []
        files = {file.name: file for file in run_once(gateway).files}
        taken = files["stock.csv"]
        assert (taken.state, taken.feed, taken.accepted, taken.rejected) == ("ACCEPTED", "keller.memo", 2, 1)
        assert stock(gateway, "keller.memo") == [
            ("Most", "AVAILABLE", "4.0000", "line 4"),
            ("Wein", "AVAILABLE", "3.0000", "line 2"),
        ]
        assert (files["cut.memo"].state, files["cut.memo"].reason) == (
            "QUARANTINED",
            "line 1: the last memo has no END",
        )
        assert 'does not send as "DACH"; configured: KELLER' in files["other.memo"].reason
        [fault] = rows_of(gateway.lake.con, """select "position" from fault where feed = 'keller.memo'""")
        assert fault["position"] == "line 3"
        assert verify.verify(gateway.lake) == []
    with open_samples(cellar) as gateway:
        loaded, _ = load.load_file(mapping, cellar / "mappings")
        assert loaded is not None
        assert samples.check(mapping, lambda _, sample: attempt(gateway, loaded, sample)) == []


@pytest.mark.usefixtures("memo")
@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('separator   = ":"', 'seperator = ":"', "did you mean `separator`"),
        ('format      = "memo"', 'format = "memos"', "memo, "),
        ('transaction = "STOCK"', 'transaction = "stock"', '"stock" is not a kind of memo; did you mean "STOCK"?'),
        ('each = "line"', 'each = "lime"', '"lime" does not say what a row is; did you mean "line"?'),
        ('qty      = "count"', 'qty      = "coumt"', '"coumt" is not a part of a line; did you mean "count"?'),
    ],
)
def test_a_slip_in_a_mapping_of_a_new_format_is_reported_before_a_file_comes(
    cellar: Path, old: str, new: str, fault: str
) -> None:
    mapping = cellar / "mappings" / "keller" / "memo.toml"
    mapping.write_text(MEMO_MAPPING.replace(old, new))
    loaded, _ = load.load_file(mapping, cellar / "mappings")
    assert loaded is not None
    [reported] = lint.check(loaded, {})
    assert fault in str(reported)
    assert (reported.file, reported.line) == ("mappings/keller/memo.toml", MEMO_MAPPING.splitlines().index(old) + 1)
