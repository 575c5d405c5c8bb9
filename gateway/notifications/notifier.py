"""Decides whom to notify of what, sends it, and records that it was sent. It never delays files."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from gateway.backoff import BackOff
from gateway.books import feeds as expected
from gateway.books.rules import Rules
from gateway.calendars import instant, is_within, local_day, spans
from gateway.errors import HouseError
from gateway.ledger import lake, locking
from gateway.ledger.store import store_of
from gateway.log import log
from gateway.notifications import message, picture, templates
from gateway.notifications.message import Message
from gateway.notifications.places import Places, news, note_sent
from gateway.notifications.sending import NotSentError, send
from gateway.notifications.state import TRIES_MAX, Notified, State
from gateway.reports import exceptions
from gateway.settings import Config, Recipient

GAP_S = 10.0
"""Between two looks into the ledger, however often it changes."""
END_S_MAX = 0.1
OF_PLACES = "FILE_MISSING"
"""Whoever owns this exception is notified of folders and servers: their files do not come."""


@dataclass(frozen=True, slots=True)
class Due:
    """A message that should be sent now."""

    recipient: Recipient
    message: Message


def check(home: Path, config: Config, rules: Rules) -> None:
    """Raises HouseError for a template that cannot be filled, or an owner that no exception has."""
    templates.load(home)
    known = sorted({code.owner for code in rules.codes.values()})
    for recipient in config.notify.to:
        wrong = [owner for owner in recipient.owner if owner not in (*known, exceptions.ALL)]
        if wrong:
            raise HouseError(
                "check notify.to",
                ", ".join(wrong),
                f'Name {", ".join(known)}, or "*" for all.',
                "no exception has this owner",
            )


def identity(recipient: Recipient) -> str:
    """The name under which the state keeps what a recipient was sent."""
    return f"{recipient.shown} ({', '.join(recipient.owner)})"


def _former_identity(recipient: Recipient) -> str:
    """Under which older versions kept it: with the whole address of a webhook."""
    return f"{recipient.target} ({', '.join(recipient.owner)})"


class Notifier:
    """Notifies the recipients of a home. `feeds` have the calendars, `places` says how folders and servers are; None
    where nobody visits them."""

    def __init__(
        self,
        home: Path,
        config: Config,
        rules: Rules,
        feeds: Sequence[expected.Feed],
        places: Places | None = None,
    ) -> None:
        check(home, config, rules)
        self.places = places
        self._place_owners = {code.owner for (_, name), code in rules.codes.items() if name == OF_PLACES}
        self._seen_places: list[tuple[str, bool, bool]] = []
        self.home, self.config, self.feeds = home, config, feeds
        own = config.notify.smtp
        authority = str(home / Path(own.ca_file).expanduser()) if own.ca_file else ""
        self._smtp = own.model_copy(update={"ca_file": authority})
        self.store = store_of(home, config)
        self.folder = self.store.folder
        self.templates = templates.load(home)
        self._back_offs: dict[str, BackOff] = {}
        self._seen: tuple[int, ...] = ()
        self._quiet: list[bool] = []
        self._unsent: set[str] = set()
        self._head_due: datetime | None = None

    def look(self, now: datetime) -> list[Due]:
        """Send what is due; returns what was sent. Does nothing while another process sends."""
        with locking.alone(self.store.catalog) as alone:
            if not alone:
                return []
            self._head_due = None
            state = State(self.folder)
            state.rename({_former_identity(one): identity(one) for one in self.config.notify.to})
            state.keep(map(identity, self.config.notify.to))
            with lake.open_lake(self.home, self.config, read_only=True) as ledger:
                due = self.due(ledger.con, state, now)
            state.save()
            sent = [one for one in due if self._notify(one, state, now)]
            self._unsent = {_way(one.recipient) for one in due if one not in sent}
            return sent

    def due(self, con: duckdb.DuckDBPyConnection, state: State, now: datetime) -> list[Due]:
        """What is to be sent now, alerts first. What was tried twice without an answer counts as sent."""
        found: list[Due] = []
        for recipient in self.config.notify.to:
            notified = state.of(identity(recipient))
            for make in (self._alert, self._place, self._digest, self._head):
                one = make(con, recipient, notified, now)
                found += [Due(recipient, one)] if one else []
        return found

    def _alert(
        self, con: duckdb.DuckDBPyConnection, recipient: Recipient, notified: Notified, now: datetime
    ) -> Message | None:
        rows = exceptions.open_of(con, recipient.owner, recipient.severity, now)
        items = {f"{row['exception_id']}:{row['version']}": row for row in rows}
        notified.alerted = [item for item in notified.alerted if item in items]
        new = [item for item in items if item not in notified.alerted]
        new = _not_given_up(new, notified)
        if not new or _is_quiet(recipient, now):
            return None
        return message.alert(recipient, self.templates["alert"], [items[item] for item in new], new, now)

    def _place(
        self, con: duckdb.DuckDBPyConnection, recipient: Recipient, notified: Notified, now: datetime
    ) -> Message | None:
        concerned = {*self._place_owners, exceptions.ALL} & {*recipient.owner}
        if self.places is None or not recipient.severity or not concerned:
            return None
        items, rows = news(self.places(), self.config.notify.place_failures, notified)
        fresh = [place for place, item in enumerate(items) if _not_given_up([item], notified)]
        note_sent([item for place, item in enumerate(items) if place not in fresh], notified)
        if not fresh or _is_quiet(recipient, now):
            return None
        items, rows = [items[place] for place in fresh], [rows[place] for place in fresh]
        return message.place(recipient, self.templates["place"], rows, items, now)

    def _digest(
        self, con: duckdb.DuckDBPyConnection, recipient: Recipient, notified: Notified, now: datetime
    ) -> Message | None:
        if not _digest_is_due(recipient, notified, now):
            return None
        zone = ZoneInfo(recipient.timezone)
        item = f"digest {local_day(now, zone)}"
        if not _not_given_up([item], notified):
            notified.digest = str(local_day(now, zone))
            return None
        since = datetime.fromisoformat(notified.digest_at) if notified.digest_at else now - timedelta(days=1)
        day = picture.digest(con, self.feeds, recipient.owner, since, now, zone)
        return message.digest(recipient, self.templates["digest"], day, [item], now)

    def _head(
        self, con: duckdb.DuckDBPyConnection, recipient: Recipient, notified: Notified, now: datetime
    ) -> Message | None:
        chain = picture.chain(con, notified.head) if recipient.heads_every_s else None
        if chain is None:
            return None
        due = _next_head(recipient, notified, now)
        if due > now:
            self._head_due = min(due, self._head_due or due)
            return None
        item = f"head {chain.newest.text}"
        # Of heads that could not be sent, only the newest matters.
        notified.tries = {name: n for name, n in notified.tries.items() if name == item or not name.startswith("head ")}
        if not _not_given_up([item], notified):
            notified.head, notified.head_at = chain.newest.text, now.isoformat()
            return None
        if not chain.before_is_there and chain.before:
            log.error("head.missing", head=chain.before, to=identity(recipient), fix="Run `gateway verify`.")
        return message.head(recipient, self.templates["head"], chain, [item], now)

    def _notify(self, due: Due, state: State, now: datetime) -> bool:
        """Send it, unless its server failed a moment ago. It is recorded as under way before, and as sent
        afterwards."""
        recipient, notified = due.recipient, state.of(identity(due.recipient))
        back_off = self._back_offs.setdefault(
            _way(recipient), BackOff(self.config.daemon.tick_s, self.config.daemon.back_off_s_max)
        )
        if not back_off.ready():
            return False
        items = due.message.items
        notified.tries |= {item: notified.tries.get(item, 0) + 1 for item in items}
        state.save()
        try:
            send(due.message, recipient, self._smtp, now)
        except HouseError as error:
            if isinstance(error, NotSentError):
                notified.tries |= {item: notified.tries[item] - 1 for item in items}
            pause = back_off.failed()
            if notified.problem != str(error):
                log.warning("notify.failed", to=identity(recipient), error=str(error), again_in_s=round(pause, 1))
            notified.problem_since = notified.problem_since or now.isoformat(timespec="seconds")
            notified.problem = str(error)
            state.save()
            return False
        back_off.worked()
        notified.tries = {item: tries for item, tries in notified.tries.items() if item not in items and tries}
        if due.message.kind == "digest":
            notified.digest, notified.digest_at = str(local_day(now, ZoneInfo(recipient.timezone))), now.isoformat()
        elif due.message.kind == "head":
            notified.head, notified.head_at = items[0].removeprefix("head "), now.isoformat()
        elif due.message.kind == "place":
            note_sent(items, notified)
        else:
            notified.alerted += items
        notified.problem = notified.problem_since = ""
        state.save()
        log.info("notify.sent", to=identity(recipient), kind=due.message.kind, items=len(items))
        return True

    def close(self) -> None:
        """End what is open at the ledger."""
        self.store.close()

    # --- beside the daemon ----------------------------------------------------------------------------------

    def look_if_needed(self, now: datetime) -> bool:
        """Look when the ledger changed, a digest or head is due, or a message failed. Returns whether it looked."""
        if not self.config.notify.to:
            return False
        seen, quiet = self.store.catalog.stamp(), [_is_quiet(one, now) for one in self.config.notify.to]
        notified = State(self.folder)
        digest = any(_digest_is_due(one, notified.of(identity(one)), now) for one in self.config.notify.to)
        again = any(self._back_offs[way].ready() for way in self._unsent)
        places = self._state_of_places()
        changed = seen != self._seen or quiet != self._quiet or places != self._seen_places
        head = self._head_due is not None and now >= self._head_due
        if not seen or not (changed or again or head or (digest and not self._unsent)):
            return False
        self.look(now)
        self._seen, self._quiet, self._seen_places = seen, quiet, places
        return True

    def _state_of_places(self) -> list[tuple[str, bool, bool]]:
        least = self.config.notify.place_failures
        return [(one.name, 0 < least <= one.failures, one.works) for one in (self.places() if self.places else ())]


def _not_given_up(items: Sequence[str], notified: Notified) -> list[str]:
    """Those that may still be sent; the others may have arrived twice and count as sent."""
    given_up = [item for item in items if notified.tries.get(item, 0) >= TRIES_MAX]
    if given_up:
        log.warning(
            "notify.unsure", items=len(given_up), consequence="sent twice without an answer; it is not sent again"
        )
        notified.alerted += given_up
        notified.tries = {item: tries for item, tries in notified.tries.items() if item not in given_up}
    return [item for item in items if item not in given_up]


def _way(recipient: Recipient) -> str:
    """What fails together: all mail, or one webhook."""
    return "smtp" if recipient.email else recipient.target


def _is_quiet(recipient: Recipient, now: datetime) -> bool:
    if not recipient.quiet_from:
        return False
    begin, end = spans.clock(recipient.quiet_from), spans.clock(recipient.quiet_until)
    return is_within(now, begin, end, ZoneInfo(recipient.timezone))


def _digest_is_due(recipient: Recipient, notified: Notified, now: datetime) -> bool:
    if not recipient.digest_at:
        return False
    zone = ZoneInfo(recipient.timezone)
    today = local_day(now, zone)
    # Another day, not a later one: a clock that was ahead must not silence the digests until then.
    return notified.digest != str(today) and now >= instant(today, spans.clock(recipient.digest_at), zone)


def _next_head(recipient: Recipient, notified: Notified, now: datetime) -> datetime:
    """When a head may be sent again; now where the clock was ahead when the last one was."""
    last = datetime.fromisoformat(notified.head_at) if notified.head_at else None
    return now if last is None or last > now else last + timedelta(seconds=recipient.heads_every_s)


class NotifierThread:
    """A thread that lets its notifier look again and again; nobody waits for a server that is slow.

    notifier  may be replaced at any time, as when settings change
    """

    def __init__(self, notifier: Notifier) -> None:
        self.notifier = notifier
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notify", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self) -> None:
        """End after what it does now, or be cut off: every step of it may be done again."""
        self._ended.set()
        self._thread.join(END_S_MAX)

    def _run(self) -> None:
        """Until ended; outlives every failure."""
        used = self.notifier
        while not self._ended.wait(used.config.daemon.tick_s):
            if used is not self.notifier:
                used.close()
                used = self.notifier
            try:
                looked = used.look_if_needed(datetime.now(UTC))
            except HouseError as error:
                log.error("notify.failed", error=str(error))
                looked = True
            except Exception:
                log.exception("notify.failed")
                looked = True
            if looked:
                self._ended.wait(GAP_S)
        used.close()
