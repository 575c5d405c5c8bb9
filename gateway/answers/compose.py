"""Within a file's commit: its acknowledgements with their control numbers, so that there is one and only one of
each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from gateway import readers
from gateway.answers import edifact_acknowledgements, x12_acknowledgements
from gateway.answers.envelopes import Findings, interchanges, reject
from gateway.answers.interchange import ACCEPTED, PARTLY, REJECTED, UNANSWERED, Draft, Interchange
from gateway.errors import Fault
from gateway.ledger.commit import Commit
from gateway.outgoing.control_numbers import Numbers, id_of
from gateway.reading import ReadRequest
from gateway.settings import Acknowledge
from gateway.sql import instant

EXTENSIONS = {"x12": "edi", "edifact": "edi"}


@dataclass(slots=True)
class Delivery:
    """A file of a partner that has agreed on answers.

    request   opens the bytes that were read
    found     what was found of it before it was mapped
    received  its interchanges, where the partner wants them answered
    failed    why the file as a whole could not be read
    """

    partner: str
    agreed: Acknowledge
    sha256: str
    request: ReadRequest
    found: Findings = field(default_factory=Findings)
    received: Sequence[Interchange] = ()
    failed: Fault | None = None


@dataclass(frozen=True, slots=True)
class _Booked:
    """What the ledger says of a file: what it rejected of it, why it is held, its counts over all feeds."""

    rejected: Sequence[Fault] = ()
    held: Sequence[Fault] = ()
    accepted: int = 0
    refused: int = 0
    states: frozenset[str] = frozenset()
    reused: frozenset[str] = frozenset()

    @property
    def verdict(self) -> str:
        if not self.refused and not self.states & {"HELD", "QUARANTINED"}:
            return ACCEPTED
        return PARTLY if self.accepted else REJECTED


def record(con: Any, commit: Commit, deliveries: Sequence[Delivery]) -> int:
    """Compose and record what the files of this commit are answered with. Returns how many that are.

    Nothing is written to outbound/ yet: after the commit `files.write` does, at once or, after a crash, in the next
    pass.
    """
    if not deliveries:
        return 0
    booked = _booked(con, commit.at, deliveries)
    for key, reused in _reused(con, commit.at, deliveries).items():
        booked[key] = replace(booked[key], reused=reused)
    numbers = Numbers(con, [delivery.partner for delivery in deliveries])
    rows: list[dict[str, Any]] = []
    for delivery in deliveries:
        defects = booked[delivery.partner, delivery.sha256]
        for series, draft in _drafts(delivery, defects, commit.at):
            number = numbers.next(delivery.partner, series)
            extension = EXTENSIONS.get(series, delivery.agreed.feedback)
            rows.append(
                {
                    "acknowledgement_id": id_of(delivery.partner, series, number),
                    "partner": delivery.partner,
                    "kind": draft.kind,
                    "series": series,
                    "control_no": number,
                    "name": f"{draft.kind.lower()}-{number:09d}.{extension}",
                    "sha256": delivery.sha256,
                    "answers": delivery.request.name,
                    "interchange": draft.interchange or None,
                    "verdict": draft.verdict,
                    "content": draft.text(number) or None,
                    "test_flag": draft.test,
                }
            )
    if rows:
        con.register("_acknowledgements", pa.Table.from_pylist(rows, _SCHEMA))
        commit.insert(
            "acknowledgement_sent",
            f"select *, 'COMPOSED' as state, {instant(commit.at)} as recorded_at from _acknowledgements",
        )
        con.unregister("_acknowledgements")
        detail = [{"partner": row["partner"], "name": row["name"], "answers": row["answers"]} for row in rows]
        commit.audit("gateway", "acknowledgement.composed", f"{len(rows)} acknowledgements", {"files": detail})
    return len(rows)


_TEXTS = (
    "acknowledgement_id",
    "partner",
    "kind",
    "series",
    "name",
    "sha256",
    "answers",
    "interchange",
    "verdict",
    "content",
)
_SCHEMA = pa.schema([("control_no", pa.int64()), ("test_flag", pa.bool_()), *((name, pa.utf8()) for name in _TEXTS)])


def _reused(con: Any, at: datetime, deliveries: Sequence[Delivery]) -> Mapping[tuple[str, str], frozenset[str]]:
    """(partner, SHA-256) → its interchanges whose control number another accepted file had before.

    Of files in one commit the first is that with the smaller SHA-256, in whatever order they came.
    """
    con.register(
        "_answered_files",
        pa.table(
            {
                "partner": [one.partner for one in deliveries],
                "sha256": [one.sha256 for one in deliveries],
            }
        ),
    )
    found = con.execute(
        f"""with used as (
            select partner, sha256, recorded_at, unnest(string_split(interchanges, chr(10))) as interchange
            from lake.file where interchanges <> '' and state in ('ACCEPTED', 'RELEASED')
              and partner in (select partner from _answered_files))
        select own.partner, own.sha256, list(distinct own.interchange)
        from used own join used other on other.partner = own.partner and other.interchange = own.interchange
        semi join _answered_files d on d.partner = own.partner and d.sha256 = own.sha256
        where own.recorded_at = {instant(at)} and other.sha256 <> own.sha256
          and (other.recorded_at < {instant(at)} or other.sha256 < own.sha256)
        group by all"""
    ).fetchall()
    con.unregister("_answered_files")
    return {(partner, sha256): frozenset(names) for partner, sha256, names in found}


def _booked(con: Any, at: datetime, deliveries: Sequence[Delivery]) -> dict[tuple[str, str], _Booked]:
    """(partner, SHA-256) → what this commit wrote of the file."""
    defects = {(delivery.partner, delivery.sha256): delivery.found.defects() for delivery in deliveries}
    found = dict.fromkeys(defects, _Booked())
    keys: dict[str, tuple[str, str]] = {}
    for file_id, sha256, partner, state, accepted, duplicate, ignored, rejected in con.execute(
        f"""select file_id, sha256, partner, state, accepted, duplicate, ignored, rejected from lake.file
        where recorded_at = {instant(at)}"""
    ).fetchall():
        key = (partner, sha256)
        if key not in found:
            continue
        keys[file_id] = key
        one = found[key]
        found[key] = replace(
            one,
            accepted=one.accepted + accepted + duplicate + ignored,
            refused=one.refused + rejected,
            states=one.states | {state},
        )
    faults: dict[tuple[str, str], list[Fault]] = {key: [] for key in found}
    for file_id, *texts in con.execute(
        f"""select file_id, code, message, hint, "position", column_name, value from lake.fault
        where recorded_at = {instant(at)} order by file_id, try_cast(regexp_extract("position", '\\d+') as bigint),
              column_name"""
    ).fetchall():
        key = keys.get(file_id, ("", ""))
        if key in faults:
            code, message, hint, position, column, value = (text or "" for text in texts)
            if (position, message) not in defects[key]:
                faults[key].append(Fault(code, message, hint, position, column, value))
    return {
        key: replace(
            one,
            rejected=[fault for fault in faults[key] if fault.code == "ROW_REJECT"],
            held=[fault for fault in faults[key] if "HELD" in one.states and _holds(fault)],
        )
        for key, one in found.items()
    }


def _holds(fault: Fault) -> bool:
    return fault.code in ("CONTROL_TOTAL", "FILE_REJECT")


def _drafts(delivery: Delivery, booked: _Booked, at: datetime) -> Iterator[tuple[str, Draft]]:
    """(series, acknowledgement) in the order in which they are numbered."""
    agreed = delivery.agreed
    received = delivery.received
    if received and delivery.failed is not None:
        for one in received:
            one.errors.append(delivery.failed)
    elif received and agreed.application != "none":
        reject(received, [*booked.rejected, *booked.held], delivery.request)
    for one in received:
        one.reused = one.identity in booked.reused
        if any(one.messages) or not one.groups:
            yield from ((series, replace(draft, test=one.test)) for series, draft in _answers(one, agreed, at))
    if agreed.feedback != "none" and not delivery.found.ours and not _only_answers(delivery.found):
        yield "feedback", Draft("FEEDBACK", booked.verdict, "", lambda number: "")


def _answers(received: Interchange, agreed: Acknowledge, at: datetime) -> Iterator[tuple[str, Draft]]:
    """What one interchange is answered with."""
    if received.syntax == "edifact":
        if agreed.edifact == "contrl":
            yield "edifact", edifact_acknowledgements.contrl(received, at)
        if agreed.application == "aperak":
            yield from (("edifact", draft) for draft in edifact_acknowledgements.aperak(received, at))
        return
    if agreed.ta1:
        yield "x12", x12_acknowledgements.ta1(received, at)
    if agreed.x12 != "none" and not received.sender_unknown and not (agreed.ta1 and received.rejected):
        yield from (("x12", draft) for draft in x12_acknowledgements.functional(received, agreed.x12, at))
    if agreed.application == "824":
        yield from (("x12", draft) for draft in x12_acknowledgements.application(received, at))


def received(agreed: Acknowledge, request: ReadRequest, found: Findings) -> Sequence[Interchange]:
    """The interchanges of a file that are to be answered. Raises FileError where they cannot be read."""
    if not _wants_envelopes(agreed) or not (found.units or found.faults):
        return []
    return readers.current().work(interchanges, request, found)


def _wants_envelopes(agreed: Acknowledge) -> bool:
    return agreed.ta1 or (agreed.x12, agreed.edifact, agreed.application) != ("none", "none", "none")


def _only_answers(found: Findings) -> bool:
    return bool(found.units) and all(unit.kind in (*UNANSWERED, "TA1") for unit in found.units)
