"""In one commit: what is due is written as text under its control numbers, and every line of it is recorded as sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from gateway.atomic import write_atomically
from gateway.documents import edifact_documents, schedule, x12_documents
from gateway.documents.content import Address, Envelope, Line, Set
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.lake import Lake
from gateway.outgoing import outbox, unsent_lines
from gateway.outgoing.control_numbers import Numbers, id_of
from gateway.outgoing.outbox import Composed
from gateway.settings import Config, Send
from gateway.sql import instant, rows_of

DOCUMENTS = Composed("document_sent", "document_id", "document")
_WRITERS = {"x12": x12_documents.write, "edifact": edifact_documents.write}
_ADDRESS = ("name", "code", "street", "city", "region", "postcode", "country")


@dataclass(frozen=True, slots=True)
class _Due:
    """A [[send]] that is due: the instant of its schedule, if it has one, and the relation that has its lines."""

    send: Send
    slot: datetime | None
    lines: str


def compose(lake: Lake, config: Config, now: datetime) -> int:
    """Record what is due as at `now`. Returns how many documents that are; nothing is committed if there are none."""
    if not _due(lake, config, now):
        return 0

    def work(commit: Commit) -> int:
        due = _due(lake, config, now)
        numbers = Numbers(lake.con, [each.send.partner for each in due])
        for each in due:
            _record(lake, commit, each, numbers.next(each.send.partner, each.send.series))
        if due:
            names = [each.send.name for each in due]
            commit.audit("gateway", "document.composed", f"{len(due)} documents", {"sends": names})
        return len(due)

    return run_commit(lake, work)


def write(lake: Lake, outbound: Path) -> list[Path]:
    """Write everything that was composed and not written yet. Returns the paths; raises HouseError if one cannot be."""
    return outbox.write(
        lake, outbound, DOCUMENTS, lambda target, row: write_atomically(target, row["content"].encode("latin-1"))
    )


def _due(lake: Lake, config: Config, now: datetime) -> list[_Due]:
    """What there are lines for, and whose schedule, if it has one, has come."""
    sent = _sent(lake, now) if config.send else {}
    asked = []
    for send in config.send:
        slot = schedule.slot(send, now)
        if slot is None or (send.name, send.test) not in sent or sent[send.name, send.test] < slot:
            asked.append((send, slot))
    if not asked:
        return []
    lines = unsent_lines.find(lake.con, config, now).lines
    found = lake.con.execute(f"select distinct send from {lines} where blocked is null").fetchall()
    ready = {name for (name,) in found}
    return [_Due(send, slot, lines) for send, slot in asked if send.name in ready]


def _sent(lake: Lake, now: datetime) -> dict[tuple[str, bool], datetime]:
    """(send, test) → the last instant of its schedule that was served and is past: a clock that was ahead counts
    not."""
    rows = rows_of(
        lake.con,
        f"select send, test_flag, max(slot) as slot from lake.document_sent where slot <= {instant(now)} group by all",
    )
    return {(row["send"], row["test_flag"]): datetime.fromisoformat(row["slot"]) for row in rows}


def _record(lake: Lake, commit: Commit, due: _Due, number: int) -> None:
    con, send = lake.con, due.send
    document_id = id_of(send.partner, send.series, number)
    con.execute(
        f"""create or replace temp table send_document as
        select *, dense_rank() over (order by document_no, location, origin) as set_no from {due.lines}
        where send = '{send.name}' and blocked is null"""
    )
    rows = con.execute(
        "select * from send_document order by set_no, try_cast(line_no as bigint), line_no, item, status"
    )
    sets = [_set(send, list(of_one)) for _, of_one in groupby(_dicts(rows), key=lambda row: row["set_no"])]
    envelope = Envelope(_party(send.sender), _party(send.receiver), send.directory, send.test)
    content = _WRITERS[send.series](send.document, sets, envelope, number, commit.at)
    row = {
        "document_id": document_id,
        "send": send.name,
        "partner": send.partner,
        "kind": send.document,
        "series": send.series,
        "name": f"{send.document.lower()}-{number:09d}.edi",
        "content": content,
        "control_no": number,
        "sets": len(sets),
        "test_flag": send.test,
        "slot": due.slot,
    }
    con.register("_document", pa.Table.from_pylist([row], _SCHEMA))
    at = instant(commit.at)
    commit.insert("document_sent", f"select *, 'COMPOSED' as state, {at} as recorded_at from _document")
    con.unregister("_document")
    commit.insert(
        "document_line",
        f"""select '{document_id}' as document_id, send, test as test_flag, set_no, record_table, record_id, record_key,
                   document_no, line_no, sku, status, item, case when record_table is null then units * pack else qty
                       end
                   as qty, {at} as recorded_at from send_document""",
    )


_TEXTS = ("document_id", "send", "partner", "kind", "series", "name", "content")
_SCHEMA = pa.schema(
    [
        *((name, pa.utf8()) for name in _TEXTS),
        ("control_no", pa.int64()),
        ("sets", pa.int64()),
        ("test_flag", pa.bool_()),
        ("slot", pa.timestamp("us", "UTC")),
    ]
)


def _set(send: Send, rows: Sequence[dict[str, Any]]) -> Set:
    first = rows[0]
    made = Set(
        document_no=first["document_no"],
        at=first["at"].astimezone(ZoneInfo(send.timezone)),
        location=first["location"] or "",
        due=first["due"],
        origin=first["origin"] or "",
        reference=first["reference"] or "",
        order_id=first["order_id"] or "",
        carrier=first["carrier"] or "",
        ship_to=Address(*(first[f"ship_to_{name}"] or "" for name in _ADDRESS)),
    )
    made.lines += [_line(row) for row in rows]
    return made


def _line(row: dict[str, Any]) -> Line:
    packs = row["pack"] != 1
    return Line(
        line_no=row["line_no"] or "",
        item=row["item"],
        names=row["names"],
        description=row["description"] or "",
        qty=row["units"],
        unit="" if packs else row["unit"],
        status=row["status"] or "",
        lot=row["lot"] or "",
        serial=row["serial"] or "",
        reason=row["reason"] or "",
        disposition=row["disposition"] or "",
    )


def _dicts(result: Any) -> Iterator[dict[str, Any]]:
    for batch in result.to_arrow_table().to_batches():
        yield from batch.to_pylist()


def _party(text: str) -> tuple[str, str]:
    qualifier, _, identifier = text.partition("/")
    return identifier, qualifier
