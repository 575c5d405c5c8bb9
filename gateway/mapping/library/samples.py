"""Samples: a mapping is held to files that it once read right.

`mappings/<partner>/samples/<name>` is a file of the partner, `<name>.expected.json` beside it what it must
become: {"counts": …, "records": {table: [row, …]}, "faults": […], "entries": […]}. What the expectation does
not name is not compared, so that it can be written by hand. `refresh` writes all of it but the entries, which
depend on the rules of the home.

`samples/master-data.csv`, where there is one, holds the items and aliases that the samples of the folder are
read with, one name in a row: sku, partner, id-type, external-id, pack-qty, valid-from, valid-to. A row with a
sku alone is an item without other names. Without that file they are read with the home's master data.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa

from gateway.errors import FileError, HouseError
from gateway.mapping.apply.mapped import Mapped
from gateway.mapping.language.loaded import MASTER_DATA, Loaded
from gateway.mapping.library.load import load_file
from gateway.model import MAPPABLE
from gateway.sql import identifier

DIFFERENCES_MAX = 20
"""Differences listed for one sample; a last line counts the rest."""

_SUFFIX = ".expected.json"
_COMPARED = ("counts", "records", "faults", "entries")
_PROVENANCE = frozenset(
    ("record_id", "file_id", "feed", "source_key", "recorded_at", "supersedes", "entity", "partner")
)

Run = Callable[[Path, Path], Mapping[str, Any]]
"""(mapping file, sample) → what it becomes, in the shape of the expectation."""


def check(path: Path, run: Run, *, refresh: bool = False, files: Sequence[Path] | None = None) -> list[str]:
    """Run every sample of a mapping file; one line for each difference, [] if all is as expected.

    With `refresh` the expectations are written instead of compared. `files` are its samples, where they are known.
    """
    found: list[str] = []
    for sample in samples(path) if files is None else files:
        expected = sample.with_name(sample.name + _SUFFIX)
        if not expected.is_file() and not refresh:
            found.append(f"{sample}: has no {expected.name}. Fix: write what it must become, or remove the sample.")
            continue
        try:
            outcome = shape(run(path, sample))
        except FileError as error:
            found.append(f"{sample}: {error}")
            continue
        if refresh:
            outcome.pop("entries", None)
            expected.write_text(json.dumps(outcome, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            continue
        try:
            wanted = json.loads(expected.read_text(encoding="utf-8"))
        except ValueError as error:
            found.append(f"{expected}: is not valid JSON ({error}). Fix: correct it.")
            continue
        found += [f"{sample}: {line}" for line in differences(wanted, outcome)]
    return found


def samples(path: Path) -> list[Path]:
    """The samples of a mapping file: those whose name it matches, and no mapping beside it matches better.

    Where several match, the one whose own name begins the sample's name has it.
    """
    return by_mapping(path.parent).get(path, [])


def by_mapping(folder: Path, known: Mapping[Path, Loaded] | None = None) -> dict[Path, list[Path]]:
    """The mapping files of a folder, each with its samples; of those in `known` it is known what they hold."""
    beside = folder / "samples"
    files = sorted(beside.iterdir()) if beside.is_dir() else []
    files = [file for file in files if file.is_file() and not file.name.endswith(_SUFFIX)]
    files = [file for file in files if not file.name.startswith(".") and file.name != MASTER_DATA]
    rivals = {rival: _patterns(rival, known or {}) if files else () for rival in sorted(folder.glob("*.toml"))}
    owners = {file: _owners(file.name, rivals) for file in files}
    return {rival: [file for file in files if rival in owners[file]] for rival in rivals}


def _patterns(path: Path, known: Mapping[Path, Loaded]) -> tuple[str, ...]:
    loaded = known[path] if path in known else load_file(path, path.parent.parent)[0]
    return loaded.mapping.file.match if loaded is not None else ()


def _owners(name: str, rivals: Mapping[Path, Sequence[str]]) -> list[Path]:
    matching = [path for path, patterns in rivals.items() if any(fnmatch(name.lower(), p.lower()) for p in patterns)]
    if len(matching) < 2:
        return matching
    named = [path for path in matching if name.lower().startswith(path.stem.lower())]
    longest = max((len(path.stem) for path in named), default=0)
    return [path for path in named if len(path.stem) == longest] or matching


def master_data(path: Path) -> tuple[pa.Table, pa.Table] | None:
    """(items, aliases) that the samples of a mapping file are read with; None if the home's are.

    Raises HouseError that names the line of a row that is no alias.
    """
    source = path.parent / "samples" / MASTER_DATA
    if not source.is_file():
        return None
    with source.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text)
        rows = [{key: (cell or "").strip() for key, cell in row.items() if key} for row in reader]
    names = []
    for line, row in enumerate(rows, start=2):
        try:
            if not row["sku"]:
                raise ValueError("sku is blank")
            if row.get("external-id"):
                names.append(_alias(row))
        except (ValueError, KeyError, InvalidOperation) as error:
            hint = (
                "Its columns are sku, partner, id-type, external-id, pack-qty, valid-from, valid-to, and uom if needed."
            )
            raise HouseError("read", f"{source}:{line}", hint, str(error)) from None
    units = {row["sku"]: row["uom"] for row in rows if row.get("uom")}
    skus = sorted({row["sku"] for row in rows})
    items = pa.table({"sku": pa.array(skus, pa.utf8()), "base_uom": pa.array(map(units.get, skus), pa.utf8())})
    return items, pa.Table.from_pylist(names, _ALIASES)


_ALIASES = pa.schema(
    {
        "alias_partner": pa.utf8(),
        "id_type": pa.utf8(),
        "external_id": pa.utf8(),
        "sku": pa.utf8(),
        "pack_qty": pa.decimal128(18, 4),
        "valid_from": pa.date32(),
        "valid_to": pa.date32(),
    }
)


def _alias(row: Mapping[str, str]) -> dict[str, Any]:
    def day(name: str) -> date | None:
        return date.fromisoformat(row[name]) if row.get(name) else None

    return {
        "alias_partner": row.get("partner") or "*",
        "id_type": row["id-type"],
        "external_id": row["external-id"],
        "sku": row["sku"],
        "pack_qty": Decimal(row.get("pack-qty") or 1),
        "valid_from": day("valid-from"),
        "valid_to": day("valid-to"),
    }


# --- the shape of an outcome --------------------------------------------------------------------------


def shape(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome without what differs from run to run (identifiers, times of recording) and without blanks."""
    shaped: dict[str, Any] = {key: outcome[key] for key in ("counts",) if key in outcome}
    if "records" in outcome:
        shaped["records"] = {table: [_row(row) for row in rows] for table, rows in outcome["records"].items()}
    for key in ("faults", "entries"):
        if key in outcome:
            shaped[key] = [_row(row) for row in outcome[key]]
    return shaped


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value(cell)
        for key, cell in row.items()
        if cell is not None and not key.startswith("_") and key not in _PROVENANCE and not isinstance(cell, UUID)
    }


def value(cell: Any) -> Any:
    """A cell as JSON: decimals as text, dates and instants (in UTC) in ISO notation."""
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(cell, date):
        return cell.isoformat()
    return cell


def of(con: duckdb.DuckDBPyConnection, mapped: Mapped) -> dict[str, Any]:
    """What a mapping made of a file, in the shape of an expectation (without what the ledger adds)."""
    records = {
        table: con.execute(f"select * exclude (source_key) from {identifier(name)} order by _record, _ordinal")
        .to_arrow_table()
        .to_pylist()
        for table, name in mapped.tables.items()
    }
    found = con.execute(
        f"""select position, code, column_name, value, message, hint from {identifier(mapped.faults)}
            order by _ordinal nulls first, _record, position, code, column_name"""
    )
    [outcome] = mapped.files
    ignored = sum(outcome.ignored.values())
    held = [{"position": f.position, "code": f.code, "message": f.message, "hint": f.hint} for f in outcome.held]
    return shape(
        {
            "counts": {
                "received": outcome.received,
                "accepted": outcome.received - outcome.rejected - ignored,
                "rejected": outcome.rejected,
                "ignored": ignored,
            },
            "records": records,
            "faults": found.to_arrow_table().to_pylist() + held,
        }
    )


# --- comparison ---------------------------------------------------------------------------------------


def differences(wanted: Mapping[str, Any], outcome: Mapping[str, Any]) -> list[str]:
    """One line for each difference; rows are compared in order, decimals and instants by what they mean."""
    found = [f"unknown key {key} in the expectation" for key in wanted if key not in (*_COMPARED, "file", "held")]
    for key, count in wanted.get("counts", {}).items():
        given = outcome.get("counts", {}).get(key, 0)
        if given != count:
            found.append(f"{key}: {given}, expected {count}")
    given_records = outcome.get("records", {})
    for table, rows in wanted.get("records", {}).items():
        found += _rows(table, rows, given_records.get(table, []), exact=True)
    if "records" in wanted:
        extra = [table for table, rows in given_records.items() if rows and table not in wanted["records"]]
        found += [f"{table}: {len(given_records[table])} rows, expected none" for table in extra]
    for key in ("faults", "entries"):
        if key in wanted:
            found += _rows(key, wanted[key], outcome.get(key, []), exact=False)
    rest = len(found) - DIFFERENCES_MAX
    return [*found[:DIFFERENCES_MAX], f"{rest} more differences"] if rest > 0 else found


def _rows(
    name: str, wanted: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]], *, exact: bool
) -> list[str]:
    found = []
    for number in range(max(len(wanted), len(given))):
        place = f"{name} {number + 1}"
        if number >= len(given):
            found.append(f"{place}: missing, expected {_shown(wanted[number])}")
        elif number >= len(wanted):
            found.append(f"{place}: not expected: {_shown(given[number])}")
        else:
            found += [f"{place}: {line}" for line in _cells(name, wanted[number], given[number], exact=exact)]
    return found


def _cells(name: str, wanted: Mapping[str, Any], given: Mapping[str, Any], *, exact: bool) -> list[str]:
    keys = [key for key in wanted if key not in _PROVENANCE]
    if exact:
        # Where the expectation leaves out positions and the like, they are free; the table's own columns are not.
        own = {column.name for column in MAPPABLE[name].columns} if name in MAPPABLE else set(given)
        keys += [key for key in given if key not in wanted and key in own]
    return [
        f"{key} is {_shown(given.get(key))}, expected {_shown(wanted.get(key))}"
        for key in keys
        if not _same(name, key, wanted.get(key), given.get(key))
    ]


def _same(name: str, key: str, wanted: Any, given: Any) -> bool:
    if wanted == given:
        return True
    if not isinstance(wanted, str) or not isinstance(given, str):
        return False
    column = MAPPABLE[name].column(key) if name in MAPPABLE else None
    kind = column.type.split("(")[0] if column is not None else ""
    if name == "entries" and key in ("debit", "credit", "functional_amount"):
        kind = "DECIMAL"
    try:
        if kind == "DECIMAL":
            return Decimal(wanted) == Decimal(given)
        if kind == "TIMESTAMPTZ":
            return datetime.fromisoformat(wanted) == datetime.fromisoformat(given)
    except (InvalidOperation, ValueError, TypeError):
        return False
    return False


def _shown(cell: Any) -> str:
    text = json.dumps(cell, ensure_ascii=False) if cell is not None else "blank"
    return text if len(text) <= 300 else text[:299] + "…"
