"""Samples: files that a mapping is checked against, with the rows that must come out.

A sample is `samples/<name>` beside the mapping with `samples/<name>.expected.json`; it belongs to the mapping
whose name its own begins with (`settlement-v2.txt` to settlement-v2.toml).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SUFFIX = ".expected.json"


def of(mapping: Path) -> list[Path]:
    """The samples of a mapping."""
    folder = mapping.parent / "samples"
    return sorted(
        path for path in folder.glob(f"{mapping.stem}.*") if not path.name.endswith(SUFFIX) and path.is_file()
    )


def check(mapping: Path, run: Callable[[Path, Path], dict[str, Any]]) -> Iterator[str]:
    """Every difference between what the mapping makes of its samples and what is expected."""
    for sample in of(mapping):
        expected = sample.with_name(sample.name + SUFFIX)
        if not expected.exists():
            yield f"{sample}: has no {expected.name} beside it"
            continue
        wanted = json.loads(expected.read_text(encoding="utf-8"))
        made = essence(run(mapping, sample))
        for key in ("counts", "records", "faults"):
            yield from differences(f"{sample.name}: {key}", wanted.get(key), made[key])


def essence(result: dict[str, Any]) -> dict[str, Any]:
    """What of a result is compared: counts, records without blanks, faults by position and code."""
    return {
        "counts": result["counts"],
        "records": {
            table: [{k: v for k, v in row.items() if v is not None and not k.startswith("_")} for row in rows]
            for table, rows in result["records"].items()
        },
        "faults": [{"position": f["position"], "code": f["code"]} for f in result["faults"]],
    }


def differences(path: str, wanted: Any, made: Any) -> Iterator[str]:
    """Where two JSON values differ, in words."""
    if isinstance(wanted, dict) and isinstance(made, dict):
        for key in sorted({*wanted, *made}):
            yield from differences(f"{path}.{key}", wanted.get(key), made.get(key))
    elif isinstance(wanted, list) and isinstance(made, list):
        if len(wanted) != len(made):
            yield f"{path}: expected {len(wanted)} rows, got {len(made)}"
        for number, (left, right) in enumerate(zip(wanted, made, strict=False)):
            yield from differences(f"{path}[{number}]", left, right)
    elif wanted != made:
        yield f"{path}: expected {wanted!r}, got {made!r}"
