"""How many lines of public documents the standard packs take, by type of document.

    python -m tests.coverage_of_packs [-v] [FOLDER …]

The folders hold X12 and EDIFACT files; without any, those of the public samples are read. Each document is read by the
pack of its type, without overrides and without master data. A line is a row of the pack that became a
record or was rejected; a set that is set aside for its envelope counts as one line. `-v` lists what was rejected, and
why.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gateway import formats
from gateway import init as homes
from gateway.errors import FileError
from gateway.formats.verbs import Interchange
from gateway.home import Home, open_samples
from gateway.intake.attempt import attempt
from gateway.mapping.library.load import load_file
from gateway.reading import ReadRequest, Unit
from tests.conftest import CORPUS, MAPPINGS

SUPPLIERS = {"856": "856-supplier", "DESADV": "DESADV-supplier"}
"""Documents of which there is a pack for another sender: what a supplier sends is what the samples hold."""

FAULTS = ("ROW_REJECT", "CONTROL_TOTAL", "FILE_REJECT")
"""What costs a line, a set or a file."""


@dataclass
class Share:
    """Lines of a type of document, those that were taken, files that are held, and why lines were rejected."""

    files: int = 0
    lines: int = 0
    taken: int = 0
    held: int = 0
    why: Counter[str] = field(default_factory=Counter)


def packs_of(format_: str, units: Sequence[Unit]) -> Iterator[tuple[str, Path]]:
    """(type of document, its pack) of the sets of a file."""
    for kind in dict.fromkeys(unit.kind for unit in units):
        pack = MAPPINGS / "standard" / format_ / f"{SUPPLIERS.get(kind, kind)}.toml"
        if kind not in ("TA1", "997", "999", "CONTRL", "APERAK") and pack.is_file():
            yield kind, pack


def measure(home: Home, paths: Iterable[Path], kinds: Collection[str] = ()) -> dict[str, Share]:
    """Type of document → what became of the lines of these files; `kinds` are the types looked at, all without any."""
    shares: dict[str, Share] = {}
    for path in paths:
        for format_ in ("x12", "edifact"):
            reader = formats.interchange_of(format_)
            if reader is not None and formats.named(format_).sniff(path.read_bytes()[:4096], path.name):
                _measure(home, path, format_, reader, shares, kinds)
    return shares


def _measure(
    home: Home, path: Path, format_: str, reader: Interchange, shares: dict[str, Share], kinds: Collection[str]
) -> None:
    try:
        units = reader.units(ReadRequest(path, path.name, home.settings.limits)).units
    except FileError:
        return
    for kind, pack in packs_of(format_, units):
        if kinds and f"{format_} {kind}" not in kinds:
            continue
        loaded, faults = load_file(pack, MAPPINGS)
        if loaded is None:
            raise SystemExit(f"{pack}: {faults}")
        result = attempt(home, loaded, path)
        share = shares.setdefault(f"{format_} {kind}", Share())
        rejected = [fault for fault in result["faults"] if fault["code"] in FAULTS]
        lines = sum(len(rows) for rows in result["records"].values())
        share.files += 1
        share.taken += lines
        share.lines += lines + len({fault["position"] for fault in rejected if fault["position"]})
        share.held += result["held"]
        share.why.update(f"{path.name}: {fault['position']} {fault['message']}" for fault in rejected)


def table(shares: dict[str, Share]) -> str:
    """The shares as Markdown."""
    lines = ["| document | files | lines | taken | share | files held |", "|---|---|---|---|---|---|"]
    for kind, share in sorted(shares.items()):
        part = f"{100 * share.taken // share.lines} %" if share.lines else ""
        lines.append(f"| {kind} | {share.files} | {share.lines} | {share.taken} | {part} | {share.held} |")
    return "\n".join(lines) + "\n"


def samples() -> list[Path]:
    """The public samples."""
    return sorted(path for folder in ("x12", "edifact") for path in (CORPUS / folder).iterdir())


def main(arguments: Sequence[str]) -> None:
    folders = [Path(one) for one in arguments if one != "-v"]
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()) or samples()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        homes.lay_down(home, examples=False)
        with open_samples(home) as gateway:
            shares = measure(gateway, paths)
    print(table(shares))
    if "-v" in arguments:
        for kind, share in sorted(shares.items()):
            print(kind, *(f"  {n} × {why}" for why, n in share.why.most_common()), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
