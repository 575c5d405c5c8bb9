"""Is every anchored head still in the audit chain? Finds what the chain cannot show by itself: its end, or a new
one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.errors import HouseError
from gateway.ledger.anchor_keys import MAC, Keys
from gateway.ledger.anchors import EVERY_S, AnchorBucket, AnchorFile, Anchors, Entry, known_of, parsed
from gateway.ledger.commit import newest_head
from gateway.ledger.lake import Lake
from gateway.ledger.verify import Finding
from gateway.regular_file import opened_regular
from gateway.settings import Config

_ON_PURPOSE = 'if it was put back on purpose, run `gateway verify --restored "why"`'
_EVIDENCE = "Fix: keep ledger and anchor as evidence, compare with other anchors and the newest backup"

_HASH = re.compile("[0-9a-f]{64}")


@dataclass(slots=True)
class Checked:
    """What was found, and what is right but worth knowing: restorations, and commits without an anchor yet."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Anchored:
    """What a place says: (number, hash) of each head → its time, and what is wrong with the place itself."""

    heads: dict[tuple[int, str], str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    restored: bool = False

    def add(self, entry: Entry) -> None:
        """Take a head; a statement of a restoration settles the later heads and the gaps before it."""
        seq, said = entry["seq"], entry.get("restored")
        if isinstance(said, dict):
            later = [head for head in self.heads if head[0] > seq]
            for head in later:
                del self.heads[head]
            self.findings.clear()
            self.restored = True
            self.notes.append(
                f"the ledger was put back to audit row {seq} by {said.get('by')} at {said.get('at')} "
                f"({said.get('from')}); {len(later) or len(entry.get('settled', ()))} later anchors no longer count"
            )
        self.heads[seq, entry["hash"]] = str(entry.get("at"))


def check(lake: Lake, home: Path, config: Config) -> Checked:
    """Compare every anchor of the settings with the audit chain. Raises HouseError where the key is not there."""
    checked = Checked()
    with closing(Anchors(home, config, writing=False)) as anchors:
        for place in anchors.places:
            _check_place(lake, place, anchors, checked)
    return checked


def check_heads(lake: Lake, heads: Sequence[str]) -> Checked:
    """Compare heads that a person kept elsewhere, each NUMBER:HASH. Raises HouseError for one that is none."""
    checked = Checked()
    newest = newest_head(lake.con)
    for text in heads:
        number, _, hash_ = text.strip().lower().partition(":")
        if not number.isdecimal() or not _HASH.fullmatch(hash_):
            fix = "Copy number and hash, as in 12:5e88…, with all 64 digits of the hash."
            raise HouseError("compare the head", text, fix, "it is not NUMBER:HASH")
        have = lake.con.execute("select hash from lake.audit_log where seq = ?", [number]).fetchall()
        if have == [(hash_,)]:
            checked.notes.append(f"head {number}: this audit row is in the ledger with this hash")
        elif have:
            message = "the audit row has another hash: the chain was rewritten, or rolled back and continued"
            checked.findings.append(Finding("head", number, f"{message}. {_EVIDENCE}"))
        else:
            message = f"the ledger ends with audit row {newest.seq if newest else 0}: it was rolled back or cut off"
            checked.findings.append(Finding("head", number, f"{message}. {_EVIDENCE}"))
    return checked


def _check_place(lake: Lake, place: AnchorFile | AnchorBucket, anchors: Anchors, checked: Checked) -> None:
    try:
        anchored = _of_file(place, anchors) if isinstance(place, AnchorFile) else _of_bucket(place, anchors.keys)
    except (OSError, HouseError) as error:
        cause = error.strerror if isinstance(error, OSError) else error
        checked.findings.append(_finding(place.name, f"cannot be read: {cause}. Fix: make it readable, verify again"))
        return
    # After the anchors: a head is anchored when its commit is in the ledger.
    newest, wrong = _compare(lake, place.name, anchored)
    checked.findings += anchored.findings + wrong + _without_beginning(lake, place, anchored)
    checked.notes += [f"anchor {place.name}: {note}" for note in anchored.notes]
    behind = newest - max((seq for seq, _ in anchored.heads), default=0)
    if behind > 0 and anchored.heads and not checked.findings:
        checked.notes.append(
            f"anchor {place.name}: the newest {behind} audit rows are not anchored, as when a process ended between "
            "commit and anchor, or the place could not be written; the next commit anchors them"
        )


def _without_beginning(lake: Lake, place: AnchorFile | AnchorBucket, anchored: _Anchored) -> list[Finding]:
    """A finding where the place lacks its first heads: audit rows say since when it is an anchor.

    A file must have that of the second commit: the process may have ended before it anchored the first. A bucket waits,
    and may forget old objects: it must have one as soon as commits were two minutes apart.
    """
    due = "n = 2" if isinstance(place, AnchorFile) else f'"at" > first_at + interval {2 * EVERY_S:.0f} second'
    row = lake.con.execute(
        f"""select first, last from (
            select min(seq) as first, max(seq) as last, max("at") as "at", row_number() over (order by min(seq)) as n,
                   min(max("at")) over () as first_at
            from lake.audit_log
            where json_valid(detail) and list_contains(cast(detail->'$.anchors' as varchar[]), ?)
            group by snapshot_id) where {due} order by first limit 1""",
        [place.name],
    ).fetchone()
    if row is None or anchored.restored or anchored.findings or _has(place, anchored, row[1]):
        return []
    have = f"its first is that of audit row {min(anchored.heads)[0]}" if anchored.heads else "there is none"
    message = f"the ledger says that heads are anchored here since audit row {row[0]}, {have}: anchors were removed"
    return [_finding(place.name, f"{message}. {_EVIDENCE}; {_ON_PURPOSE}")]


def _has(place: AnchorFile | AnchorBucket, anchored: _Anchored, last: int) -> bool:
    return any(seq <= last or isinstance(place, AnchorBucket) for seq, _ in anchored.heads)


def _of_file(place: AnchorFile, anchors: Anchors) -> _Anchored:
    """The lines of a file. Raises OSError where it cannot be read."""
    known = known_of(anchors.known).get(place.name, {})
    anchored = _Anchored()
    try:
        with opened_regular(place.path) as lines:
            _read(place.name, lines, known, anchors.keys, anchored)
    except FileNotFoundError:
        if known:
            message = (
                f"the file is gone. {_EVIDENCE}; then {_ON_PURPOSE.removeprefix('if it was put back on purpose, ')}"
            )
            anchored.findings.append(_finding(place.name, message))
        else:
            anchored.notes.append("there is none yet: the next commit begins it")
    return anchored


def _read(name: str, lines: Iterator[bytes] | Any, known: dict[str, Any], keys: Keys, anchored: _Anchored) -> None:
    last, size, first = "", 0, True
    signed: set[str] = set()
    reached = not known
    for number, line in enumerate(lines, 1):
        size += len(line)
        entry = parsed(line)
        if entry is None:
            # A write that was cut off: the line after it follows from the one before it.
            continue
        if entry.get("after") != last:
            what = "lines before it were removed" if first else "lines were removed or changed before it"
            anchored.findings.append(
                _finding(name, f"line {number} does not follow from what was before: {what}. {_EVIDENCE}")
            )
        last, first = hashlib.sha256(line.rstrip(b"\n")).hexdigest(), False
        reached = reached or (size >= known.get("bytes", 0) and last == known.get("last"))
        signed |= keys.demanded & entry.keys()
        if not keys.is_genuine(entry, signed):
            anchored.findings.append(_finding(name, f"line {number}: {_FORGED}"))
            continue
        anchored.add(entry)
    for kind in keys.demanded - signed if not first else ():
        setting = "audit.key_env" if kind == MAC else "audit.verify_key_file"
        anchored.findings.append(_finding(name, f"no line is signed, although {setting} names a key. {_EVIDENCE}"))
    if not reached:
        message = f"it ends before the line that was written last ({known.get('bytes')} bytes). {_EVIDENCE}"
        if not anchored.findings:
            anchored.findings.append(_finding(name, message))


_FORGED = (
    "the signature is not of the key in [audit]: somebody else wrote it, or the key was changed. "
    f"{_EVIDENCE}; after a change of the key, begin a new file under audit.anchor"
)


def _of_bucket(place: AnchorBucket, keys: Keys) -> _Anchored:
    """The objects of a bucket: heads by their names, the newest and statements by content. Raises OSError,
    HouseError."""
    anchored = _Anchored()
    names = sorted(name for name, _ in place.bytes.files() if name.endswith(".json"))
    settled: set[str] = set()
    for name in names:
        number, _, rest = name.removesuffix(".json").partition("-")
        hash_, _, kind = rest.partition("-")
        if not number.isdecimal() or name in settled:
            continue
        if kind or name == names[-1]:
            with place.bytes.open(name) as source:
                entry = parsed(source.read())
            if (
                entry is None
                or not keys.is_genuine(entry, keys.demanded)
                or (entry["seq"], entry["hash"]) != (int(number), hash_)
            ):
                anchored.findings.append(_finding(place.name, f"object {name}: {_FORGED}"))
                continue
            settled.update(map(str, entry.get("settled", ())))
            anchored.add(entry)
        anchored.heads.setdefault((int(number), hash_), "")
    return anchored


def _compare(lake: Lake, name: str, anchored: _Anchored) -> tuple[int, list[Finding]]:
    """(number of the newest audit row, heads that the chain lacks): one finding for those cut off, one for the
    others."""
    missing, newest = dict(anchored.heads), 0
    rows = lake.con.execute("select seq, hash from lake.audit_log where seq is not null")
    while batch := rows.fetchmany(100_000):
        for seq, hash_ in batch:
            newest = max(newest, seq)
            missing.pop((seq, hash_), None)
    cut_off = sorted(seq for seq, _ in missing if seq > newest)
    other = sorted((seq, at) for (seq, _), at in missing.items() if seq <= newest)
    found = []
    if cut_off:
        found.append(
            _finding(
                name,
                (
                    f"audit rows up to {cut_off[-1]} were anchored, the ledger ends with {newest}: it was rolled "
                    f"back or cut off. "
                    f"{_EVIDENCE}; {_ON_PURPOSE}"
                ),
            )
        )
    if other:
        found.append(
            _finding(
                name,
                (
                    f"audit row {other[0][0]} was anchored with another hash, and {len(other) - 1} more: the chain "
                    f"was rewritten, or "
                    f"rolled back and continued. {_EVIDENCE}; {_ON_PURPOSE}"
                ),
            )
        )
    return newest, found


def _finding(name: str, message: str) -> Finding:
    return Finding("anchor", name, message)
