"""What the tests of bank formats share: rows of a file, packs applied to it, values that others expect of a sample."""

from __future__ import annotations

import base64
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

from gateway.errors import HouseError
from gateway.home import Home
from gateway.intake.attempt import attempt
from gateway.mapping.library.load import load_file
from gateway.reading import ReadRequest
from gateway.settings import Limits

MAPPINGS = Path(__file__).parents[3] / "mappings"


def request(path: Path, each: str | None = None, *columns: str, **more: Any) -> ReadRequest:
    return ReadRequest(path, path.name, more.pop("limits", Limits()), more.pop("options", {}), each, columns, **more)


def rows(module: ModuleType, path: Path, each: str, *columns: str, **more: Any) -> list[dict[str, Any]]:
    """Every row, and the counts of the contract checked."""
    reading = module.read(request(path, each, *columns, **more))
    found = [row for batch in reading for row in batch.to_pylist()]
    assert reading.received == len(found) + sum(fault.code == "ROW_REJECT" for fault in reading.faults)
    ordinals = [row["_ordinal"] for row in found]
    assert ordinals == sorted(set(ordinals))
    return found


def cells(module: ModuleType, path: Path, each: str, *columns: str, **more: Any) -> list[list[Any]]:
    return [[row[column] for column in columns] for row in rows(module, path, each, *columns, **more)]


def faults(module: ModuleType, path: Path) -> list[list[str]]:
    """What is wrong with each unit: "CODE line 7: message"."""
    module.forget()
    envelope = module.units(request(path))
    return [[f"{f.code} {f.position}: {f.message}" for f in unit.faults] for unit in envelope.units]


def read_or_refused(module: ModuleType, path: Path, kinds: dict[str, tuple[str, ...]]) -> None:
    """Read every kind of row; a refusal is an error that says how to fix it, anything else fails the test."""
    module.forget()
    try:
        module.units(request(path))
        for each, columns in kinds.items():
            rows(module, path, each, *columns)
    except HouseError as error:
        assert error.hint


def through_pack(gateway: Home, pack: str, path: Path) -> dict[str, Any]:
    """What the standard pack makes of a file."""
    loaded, found = load_file(MAPPINGS / "standard" / f"{pack}.toml", MAPPINGS)
    assert loaded is not None and found == []
    return attempt(gateway, loaded, path)


# --- what others expect: a dump of Python objects as YAML, of which only the scalars are read --------------------


def expected_mt940(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(fields of the last statement, entries)."""
    text = path.read_text(encoding="utf-8")
    head = re.split(r"\n(?:tags|transactions):", text)[0]
    _, _, entries = text.partition("\ntransactions:")
    blocks = entries.split("- !!python/object:mt940.models.Transaction\n")[1:]
    return _values(head.partition("data:")[2], 2), [_values(block.partition("data:")[2], 4) for block in blocks]


def _values(text: str, indent: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in re.split(rf"\n {{{indent}}}(?=[A-Za-z_])", "\n" + text)[1:]:
        key, _, value = part.partition(":")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    text = re.split(r"\n {0,2}(?=[a-z]+:)", text)[0].strip()
    day = re.search(r"!!binary \|\n\s+(\S+)", text)
    number = re.search(r"decimal\.Decimal\n\s+- '([^']*)'\n\s+currency: (\S+)", text)
    if number:
        status = re.search(r"status: (\w+)", text)
        return {
            "amount": Decimal(number.group(1)),
            "currency": None if number.group(2) == "null" else number.group(2),
            "date": _date(day.group(1)) if day else None,
            "status": status.group(1) if status else None,
            "number": (re.search(r"number: '(\d+)'", text) or ["", None])[1],
        }
    if day:
        return _date(day.group(1))
    if text == "null":
        return None
    if text.startswith("'"):
        return _folded(text[1:-1]).replace("''", "'")
    if text.startswith('"'):
        joined = re.sub(r"\\\n\s*", "", text[1:-1])
        return re.sub(r"\\(x[0-9A-Fa-f]{2}|.)", _escape, _folded(joined))
    return _folded(text)


def _escape(found: re.Match[str]) -> str:
    code = found.group(1)
    if code[0] == "x" and len(code) == 3:
        return chr(int(code[1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r"}.get(code, code)


def _folded(text: str) -> str:
    """Line ends as YAML means them: one is a blank, n are n - 1 line ends."""
    return re.sub(r"[ \t]*\n((?:[ \t]*\n)*)[ \t]*", lambda m: "\n" * m.group(1).count("\n") or " ", text)


def _date(text: str) -> date:
    data = base64.b64decode(text)
    return date(data[0] << 8 | data[1], data[2], data[3])
