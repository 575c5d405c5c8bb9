"""One message as plain text, HTML and JSON."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from gateway.display import visible
from gateway.notifications.picture import LISTED_MAX, Chain, Digest
from gateway.notifications.places import COLUMNS
from gateway.notifications.templates import Templates
from gateway.settings import Recipient
from gateway.sql import Rows

EXCEPTION = ("severity", "code", "owner", "partner", "amount", "currency", "due", "message")
CELL_MAX = 300


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. `items` name what it reports, so that each is reported once; `key` is the same for the same
    items."""

    kind: str
    key: str
    items: tuple[str, ...]
    subject: str
    text: str
    html: str
    body: bytes


def alert(recipient: Recipient, templates: Templates, rows: Rows, items: Sequence[str], now: datetime) -> Message:
    """A message about exceptions, sent at once."""
    values = {"count": str(len(rows)), "noun": "exception" if len(rows) == 1 else "exceptions"}
    return _message("alert", recipient, templates, now, values, {"exceptions": (rows, EXCEPTION)}, items, {})


def digest(recipient: Recipient, templates: Templates, day: Digest, items: Sequence[str], now: datetime) -> Message:
    """The digest of a day: what is open, new, closed, overdue, and the files that came or are late."""
    values = {
        "open_count": str(len(day.open)),
        "opened_count": str(len(day.opened)),
        "closed_count": str(len(day.closed)),
        "overdue_count": str(day.overdue),
    }
    lists: dict[str, tuple[Rows, Sequence[str]]] = {
        "open": (day.open, EXCEPTION),
        "opened": (day.opened, EXCEPTION),
        "closed": (day.closed, EXCEPTION),
        "late": (day.late, ("feed", "period", "due", "state")),
        "files": (day.files, ("state", "partner", "name", "reason")),
        "partners": (day.partners, ("partner", "files", "rows", "accepted", "rejected", "duplicate")),
    }
    counts = {name: len(rows) for name, (rows, _) in lists.items()} | {"overdue": day.overdue}
    return _message("digest", recipient, templates, now, values, lists, items, {"counts": counts})


def head(recipient: Recipient, templates: Templates, chain: Chain, items: Sequence[str], now: datetime) -> Message:
    """The head of the audit chain: a copy that nobody who can write to the ledger can change."""
    newest = chain.newest
    values = {
        "head": newest.text,
        "number": str(newest.seq),
        "hash": newest.hash,
        "committed_at": f"{newest.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "before": chain.sentence,
    }
    more = {"head": newest.entry(), "before": chain.before, "before_is_there": chain.before_is_there}
    return _message("head", recipient, templates, now, values, {}, items, more)


def place(recipient: Recipient, templates: Templates, rows: Rows, items: Sequence[str], now: datetime) -> Message:
    """A message about folders and servers that began to fail, or work again."""
    summary = ", ".join(f"{row['place']} {str(row['state']).lower()}" for row in rows)
    return _message("place", recipient, templates, now, {"summary": summary}, {"places": (rows, COLUMNS)}, items, {})


def _message(
    kind: str,
    recipient: Recipient,
    templates: Templates,
    now: datetime,
    values: dict[str, str],
    lists: dict[str, tuple[Rows, Sequence[str]]],
    items: Sequence[str],
    more: dict[str, object],
) -> Message:
    local = now.astimezone(ZoneInfo(recipient.timezone))
    values |= {
        "owners": ", ".join(recipient.owner),
        "date": f"{local:%Y-%m-%d}",
        "time": f"{local:%H:%M}",
        "timezone": recipient.timezone,
    }
    plain = values | {name: text_of(rows, columns) for name, (rows, columns) in lists.items()}
    rich = {name: html.escape(value) for name, value in values.items()}
    rich |= {name: html_of(rows, columns) for name, (rows, columns) in lists.items()}
    key = hashlib.sha256("\n".join([kind, recipient.target, *sorted(items)]).encode()).hexdigest()[:32]
    data = {
        "kind": kind,
        "id": key,
        "owners": list(recipient.owner),
        "at": now.astimezone(UTC).isoformat(),
        **more,
        **{name: rows[:LISTED_MAX] for name, (rows, _) in lists.items()},
    }
    return Message(
        kind,
        key,
        tuple(items),
        _line(templates.subject.substitute(plain)),
        templates.text.substitute(plain),
        templates.html.substitute(rich),
        json.dumps(data, ensure_ascii=False, default=str).encode(),
    )


def as_mail(message: Message, sender: str, recipient: Recipient, now: datetime) -> EmailMessage:
    """The message as a mail of plain text and HTML. The same message has the same Message-ID."""
    mail = EmailMessage(policy.SMTP.clone(cte_type="7bit"))
    mail["From"], mail["To"], mail["Subject"] = sender, recipient.email, message.subject
    mail["Date"] = format_datetime(now.astimezone(UTC))
    mail["Message-ID"] = f"<{message.key}@{sender.rpartition('@')[2].strip('<> ')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    mail.add_alternative(message.html, subtype="html")
    return mail


def text_of(rows: Rows, columns: Sequence[str]) -> str:
    """The head of a list, a line for each row."""
    if not rows:
        return "  (none)"
    lines = ["  " + "  ".join(filter(None, (_cell(row[name]) for name in columns))) for row in rows[:LISTED_MAX]]
    return "\n".join([*lines, *_more(rows)])


def html_of(rows: Rows, columns: Sequence[str]) -> str:
    """The head of a list as a table."""
    if not rows:
        return "<p>(none)</p>"
    style = ' style="text-align: left; vertical-align: top; padding: 2px 8px 2px 0"'
    head = "".join(f"<th{style}>{name}</th>" for name in columns)
    lines = [
        "<tr>" + "".join(f"<td{style}>{html.escape(_cell(row[name]))}</td>" for name in columns) + "</tr>"
        for row in rows[:LISTED_MAX]
    ]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>" + "".join(f"<p>{line.strip()}</p>" for line in _more(rows))


def _more(rows: Rows) -> Iterable[str]:
    return [f"  … and {len(rows) - LISTED_MAX} more"] if len(rows) > LISTED_MAX else []


def _cell(value: object) -> str:
    """On one line, without what would change how it is shown: it may come from a partner's file."""
    text = "" if value is None else _line(str(value))
    return text if len(text) <= CELL_MAX else text[:CELL_MAX] + "…"


def _line(text: str) -> str:
    return visible(" ".join(text.split()))
