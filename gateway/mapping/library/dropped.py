"""`drop`: the tables of a pack that a mapping based on it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from gateway.errors import HomeFault
from gateway.mapping.language.spec import RecordSpec
from gateway.nearest import listed, nearest
from gateway.toml_lines import Lines


def tables(own: dict[str, Any]) -> list[str]:
    """What `drop` names; [] where it has a wrong shape, for the check of the shape to find."""
    drop = own.get("drop", [])
    return drop if isinstance(drop, list) and all(isinstance(one, str) for one in drop) else []


def faults(pack: dict[str, Any] | None, own: dict[str, Any], name: str, lines: Lines) -> Iterator[HomeFault]:
    """What is wrong with `drop` of the mapping of that name; `pack` is what it is based on."""
    drop = tables(own)
    if not drop:
        return

    def fault(message: str, fix: str, *path: str | int) -> HomeFault:
        return HomeFault(name, lines.of("drop", *path), f"drop: {message}", fix)

    if pack is None:
        yield fault("leaves out tables of a pack, and the mapping is based on none", "remove `drop`, and the records")
        return
    filled = _types(pack)
    for number, table in enumerate(drop):
        if table in drop[:number]:
            yield fault(f'"{table}" is named twice', "keep one", number)
        elif table not in filled:
            message = f'{own["based_on"]} fills no table "{table}"{nearest(table, filled)}'
            yield fault(message, f"it fills {listed(filled, 30)}", number)
    left = {*filled} - {*drop} | {*_types(own)}
    if not left:
        yield fault(
            f"nothing is left of {own['based_on']}, which fills {listed(filled, 30)}",
            "keep a table, or remove this mapping and its files from the drop folder",
        )
        return
    ties = [] if "tie_out" in _file(own) else pinned_ties(pack)
    for tie in ties:
        gone = [tie[key] for key in ("record", "stated_by") if key in tie and tie[key] not in left]
        if gone:
            said = tie.get("name", tie.get("sum", ""))
            yield fault(
                f'the tie-out "{said}" of {own["based_on"]} compares {gone[0]}, which is left out',
                "write under [file] the tie-outs that shall hold, tie_out = […] (`gateway check --expand` prints those "
                "of the pack), or tie_out = [] for none; or keep the table",
            )


def pinned_ties(pack: dict[str, Any]) -> list[dict[str, Any]]:
    """The tie-outs of a pack, each with its table: without `record` it is that of the pack's first one."""
    ties, filled = _file(pack).get("tie_out", []), _types(pack)
    return [{"record": filled[0], **tie} for tie in ties if isinstance(tie, dict)] if filled else []


def known_columns(records: Sequence[Any]) -> list[str]:
    """The source columns that these records of a pack read: they are no news in a file."""
    # SQL's grammar takes 0.15 s to load, and few mappings leave a table out.
    from gateway.mapping.language import named_columns
    from gateway.mapping.language.expressions import ExpressionError

    found: dict[str, None] = {}
    for raw in records:
        with suppress(ValidationError, ExpressionError):
            found |= dict.fromkeys(named_columns.record_columns(RecordSpec.model_validate(raw)))
    return list(found)


def _file(raw: dict[str, Any]) -> dict[str, Any]:
    file = raw.get("file")
    return file if isinstance(file, dict) else {}


def _types(raw: dict[str, Any]) -> list[str]:
    """The tables that a mapping's records fill, in order."""
    records = raw.get("record")
    found = [one.get("type") for one in records if isinstance(one, dict)] if isinstance(records, list) else []
    return list(dict.fromkeys(one for one in found if isinstance(one, str)))
