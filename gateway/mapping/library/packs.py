"""A partner's mapping laid over the pack it is based on."""

from __future__ import annotations

from typing import Any

from gateway.mapping.library import dropped

Numbers = tuple[tuple[int | None, int | None], ...]
"""For each record of the result, its number in the partner's file and in the pack."""


def merged(pack: dict[str, Any], own: dict[str, Any]) -> tuple[dict[str, Any], Numbers]:
    """The partner's keys win. `[file]` and `[file.other_names]` are merged key by key, lists of `known` columns put
    together, `[record.fields]` merged field by field.

    The partner's first record of a type goes over the pack's first record of that type, the second over the
    second; records of the pack that the partner does not name stay, further ones of the partner are added. Records of
    the tables that `drop` names are left out; the columns that they read stay known.
    What has a wrong shape is left as it is, for the check of the shape to find.
    """
    result = {**pack, **own}
    if isinstance(pack.get("file"), dict) and isinstance(own.get("file"), dict):
        result["file"] = {**pack["file"], **own["file"]}
        names = [part["file"].get("other_names") for part in (pack, own)]
        if all(isinstance(one, dict) for one in names):
            result["file"]["other_names"] = {**names[0], **names[1]}
        both = [pack["file"].get("known", []), own["file"].get("known", [])]
        if all(both) and all(isinstance(one, list) for one in both):
            result["file"]["known"] = [*both[0], *both[1]]
    elif "file" in pack and "file" not in own:
        result["file"] = pack["file"]
    theirs, ours = pack.get("record", []), own.get("record", [])
    if not isinstance(theirs, list) or not isinstance(ours, list):
        return result, ()
    drop = dropped.tables(own)
    kept = [n for n, one in enumerate(theirs) if not isinstance(one, dict) or one.get("type") not in drop]
    records: list[Any] = [theirs[n] for n in kept]
    numbers: list[tuple[int | None, int | None]] = [(None, n) for n in kept]
    if len(kept) < len(theirs) and isinstance(result.get("file"), dict):
        gone = [one for n, one in enumerate(theirs) if n not in kept]
        result["file"] = _without(pack, own, gone, result["file"])
    for number, record in enumerate(ours):
        at = next((n for n, (used, _) in enumerate(numbers) if used is None and _alike(records[n], record)), None)
        if at is None:
            records.append(record)
            numbers.append((number, None))
        else:
            records[at] = _record(records[at], record)
            numbers[at] = (number, numbers[at][1])
    if records:
        result["record"] = records
    return result, tuple(numbers)


def _without(pack: dict[str, Any], own: dict[str, Any], gone: list[Any], file: dict[str, Any]) -> dict[str, Any]:
    """`[file]` where records of the pack are left out: their columns are known, and its tie-outs keep their table."""
    known = file.get("known", [])
    file = {**file, "known": [*known, *dropped.known_columns(gone)]} if isinstance(known, list) else file
    own_ties = isinstance(own.get("file"), dict) and "tie_out" in own["file"]
    return file if own_ties or "tie_out" not in file else {**file, "tie_out": dropped.pinned_ties(pack)}


def _alike(theirs: Any, ours: Any) -> bool:
    return isinstance(theirs, dict) and isinstance(ours, dict) and theirs.get("type") == ours.get("type")


def _record(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    result = {**theirs, **ours}
    if isinstance(theirs.get("fields"), dict) and isinstance(ours.get("fields"), dict):
        result["fields"] = {**theirs["fields"], **ours["fields"]}
    return result
