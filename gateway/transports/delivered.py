"""What servers got, as the ledger records it and as the delivery state beside it says."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gateway.errors import HouseError
from gateway.ledger import departures
from gateway.ledger.lake import Lake
from gateway.ledger.verify import FINDINGS_MAX, Finding
from gateway.regular_file import sha256_of
from gateway.transports.deliveries import FOLDER, Deliveries, read_state

RECORDED_S_MAX = 600.0
"""So long after a delivery its record may be missing: the loop that commits may be at work."""


class Recorder:
    """Commits what was delivered: for the one thread that commits, while others deliver."""

    def __init__(self, lake: Lake, servers: Sequence[Deliveries]) -> None:
        """`servers` as they are at the start: what their state says already, and the ledger does not, was found so."""
        self._lake = lake
        self._known = {file.name: file.facts.get("sha256") for file in departures.recorded(lake, departures.DELIVERED)}
        self._before = {item for one in servers for item in _named(one.place, one.delivered).items()}
        self._seen: dict[str, Mapping[str, str]] = {}

    def record(self, servers: Sequence[Deliveries]) -> None:
        """Commit what was delivered since the last time, if anything was. Raises HouseError if the ledger stays
        locked."""
        seen = {one.place: one.delivered for one in servers}
        files = {
            name: {"sha256": sha256, "file": name[len(place) + 1 :]}
            | ({"found": True} if (name, sha256) in self._before else {})
            for place, state in seen.items()
            if state is not self._seen.get(place)
            for name, sha256 in _named(place, state).items()
            if self._known.get(name) != sha256
        }
        if files:
            departures.record(self._lake, departures.DELIVERED, files)
            self._known.update({name: str(facts["sha256"]) for name, facts in files.items()})
        self._seen.update(seen)


def check(lake: Lake, home: Path) -> tuple[list[Finding], list[str]]:
    """(findings, notes): the delivery state against what the ledger recorded; at most 50 findings.

    A file that is gone from outbound/ is forgotten by the state, and is no finding.
    """
    folder = lake.folder / FOLDER
    findings, waiting, states = [], [], {}
    for path in sorted(folder.rglob("*.json")):
        place = path.relative_to(folder).with_suffix("").as_posix()
        try:
            states[place] = (_named(place, read_state(path)), time.time() - path.stat().st_mtime < RECORDED_S_MAX)
        except (HouseError, OSError) as error:
            cause = error.strerror if isinstance(error, OSError) else error
            findings.append(Finding("delivery", place, f"the delivery state cannot be read: {cause}"))
    files = list(departures.recorded(lake, departures.DELIVERED))
    known = {file.name: file.facts.get("sha256") for file in files}
    for state, young in states.values():
        for name, sha256 in state.items():
            if known.get(name) == sha256:
                continue
            if young:
                waiting.append(name)
            else:
                findings.append(Finding("delivery", name, _UNKNOWN if name not in known else _OTHER))
    stated = {name for state, _ in states.values() for name in state}
    places = {file.name: home / "outbound" / str(file.facts.get("file")) for file in files}
    for name in sorted(known.keys() - stated):
        if places[name].is_file() and sha256_of(places[name]) == known[name]:
            findings.append(Finding("delivery", name, _FORGOTTEN))
    found = [file.name for file in files if file.facts.get("found")]
    return findings[:FINDINGS_MAX], list(_notes(waiting, found))


def _notes(waiting: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    for names, what in (
        (waiting, "delivered a moment ago, and not recorded yet: `gateway run` records it"),
        (found, f"recorded as the state said when the daemon started: {_FOUND}"),
    ):
        yield from departures.note("delivery", names, what)


_FOUND = "a process ended before it recorded it, an older program delivered it, or somebody wrote the state"
_ASK = "ask the partner what it got"
_UNKNOWN = (
    "the delivery state says that it was delivered, the ledger does not: somebody wrote the state, or a process ended "
    f"before it recorded it. Fix: {_ASK}; start `gateway run`, which records what the state says"
)
_OTHER = f"the delivery state names other bytes than the ledger recorded. Fix: {_ASK}"
_FORGOTTEN = (
    "the ledger recorded its delivery, the delivery state does not have it, and the file is still there: it would be "
    f"sent once more. Fix: bring {FOLDER}/ back from the backup, or move the file out of outbound/"
)


def _named(place: str, state: Mapping[str, str]) -> dict[str, str]:
    return {f"{place}/{key}": sha256 for key, sha256 in state.items()}
