"""Who is notified of what and when: once while it is open, not in quiet hours, a digest a day, at most twice after a
kill."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import settings as configuration
from gateway.books.rules import load as load_rules
from gateway.errors import HouseError
from gateway.home import open_home
from gateway.notifications import Notifier, NotifierThread, check, identity, notifier
from gateway.notifications import state as states
from gateway.notifications.places import Place
from gateway.once import run_books
from gateway.transports.transport import Drop
from tests.conftest import reconcile_only, taken
from tests.mapping.samples_of_mappings import STOCK, write
from tests.notifications.servers import MailServer, Webhook
from tests.transports.sshd import wait_for

EXPECT = """[expect]
every    = "business day"
by       = "08:00"
since    = 2026-11-16
"""
NOON = datetime(2026, 11, 17, 12, tzinfo=UTC)
"""The file of the 16th is missing, a severe exception of IN; that of the 17th is late, which is less severe."""


class Office:
    """A home whose books are run at chosen instants, and who is notified."""

    def __init__(self, root: Path, hook: Webhook) -> None:
        self.root, self.hook = root, hook
        config = root / "config.toml"
        config.write_text(config.read_text() + '\n[partners.acme]\nentity = "US"\n')
        write(root, "acme/stock.toml", STOCK.replace("[file]", f"{EXPECT}\n[file]", 1))
        self.to: list[dict[str, Any]] = [{"owner": "IN", "webhook": hook.url, "secret_env": "HOOK_SECRET"}]
        self.smtp: dict[str, Any] = {}
        self.place_failures = 5
        reconcile_only(root, "a", "g", "i")
        with open_home(root) as gateway:
            self.feeds = [one for one in gateway.feeds if one.name == "acme.stock"]
        self.notifier = self.start()

    def start(self, **more: Any) -> Notifier:
        """As after a restart."""
        if more:
            self.to = [{**one, **more} for one in self.to]
        settings = configuration.load(self.root)
        notify = configuration.Notify.model_validate(
            {"to": self.to, "smtp": self.smtp, "place_failures": self.place_failures}
        )
        daemon = settings.daemon.model_copy(update={"tick_s": 0.01, "back_off_s_max": 0.01})
        settings = settings.model_copy(update={"notify": notify, "daemon": daemon})
        self.notifier = Notifier(self.root, settings, load_rules(self.root), self.feeds)
        return self.notifier

    def books(self, now: datetime) -> None:
        with open_home(self.root, now=now) as gateway:
            run_books(gateway)

    def come(self, name: str, when: datetime) -> None:
        path = self.root / name
        path.write_text(f"Date,SKU,On Hand\n2026-11-15,A,{name}\n".replace(name, str(len(name))))
        with open_home(self.root, now=when) as gateway:
            taken(gateway, [Drop("acme", name, path, when, "folder")])
            run_books(gateway)

    def look(self, now: datetime) -> list[dict[str, Any]]:
        """What the webhook got from a look at that instant."""
        before = len(self.hook.posts)
        self.notifier.look(now)
        return [json.loads(body) for _, body in self.hook.posts[before:]]


@pytest.fixture
def office(bare_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("HOOK_SECRET", "k")
    with Webhook() as hook:
        yield Office(bare_home, hook)


def test_a_severe_exception_is_alerted_once_while_it_is_open_also_after_a_restart(office: Office) -> None:
    office.start(digest_at="")
    office.books(NOON)
    [alert] = office.look(NOON)
    assert [(row["code"], row["business_key"]) for row in alert["exceptions"]] == [
        ("FILE_MISSING", "acme.stock|2026-11-16")
    ]
    assert office.look(NOON) == []
    office.start()
    assert office.look(NOON + timedelta(hours=1)) == []
    office.books(NOON + timedelta(days=1))
    [alert] = office.look(NOON + timedelta(days=1))
    assert [row["business_key"] for row in alert["exceptions"]] == ["acme.stock|2026-11-17"]


def test_the_address_of_a_webhook_is_a_secret_and_what_was_sent_under_it_is_known(office: Office) -> None:
    address = office.hook.url + "/services/T0/abc"
    office.start(webhook=address, digest_at="")
    office.books(NOON)
    with capture_logs() as logged:
        assert len(office.look(NOON)) == 1
    [recipient] = office.notifier.config.notify.to
    kept = office.root / "ledger" / states.FILE
    for shown in (logged, repr(office.notifier.config), recipient.model_dump_json(), kept.read_text()):
        assert "abc" not in str(shown)
    # An older version kept the whole address: nothing is sent a second time after an update.
    name = identity(recipient)
    assert name in kept.read_text() and name.startswith("http://127.0.0.1/… [")
    kept.write_text(kept.read_text().replace(name, f"{address} (IN)"))
    assert office.look(NOON) == []


def test_it_is_alerted_again_when_it_opens_again(office: Office) -> None:
    office.start(digest_at="")
    office.books(NOON)
    assert len(office.look(NOON)) == 1
    mapping = (office.root / "mappings" / "acme" / "stock.toml").read_text()
    write(office.root, "acme/stock.toml", mapping.replace("2026-11-16", "2026-12-01"))
    office.books(NOON + timedelta(hours=1))
    assert office.look(NOON + timedelta(hours=1)) == []
    write(office.root, "acme/stock.toml", mapping)
    office.books(NOON + timedelta(hours=2))
    [alert] = office.look(NOON + timedelta(hours=2))
    assert [row["business_key"] for row in alert["exceptions"]] == ["acme.stock|2026-11-16"]


def test_others_exceptions_and_lesser_ones_are_not_alerted(office: Office) -> None:
    office.books(NOON)
    office.start(digest_at="", owner="GL")
    assert office.look(NOON) == []
    office.start(owner="*", severity=2)
    [alert] = office.look(NOON)
    assert [row["code"] for row in alert["exceptions"]] == ["FILE_MISSING", "FILE_LATE"]
    office.start(owner="IN", severity=0)
    assert office.look(NOON) == []


def test_in_quiet_hours_an_alert_waits_and_the_digest_does_not(office: Office) -> None:
    office.start(timezone="Europe/Berlin", quiet_from="10:00", quiet_until="14:00", digest_at="12:30")
    office.books(NOON)
    assert [row["kind"] for row in office.look(NOON)] == ["digest"]
    assert [row["kind"] for row in office.look(NOON + timedelta(minutes=59))] == []
    assert [row["kind"] for row in office.look(NOON + timedelta(minutes=60))] == ["alert"]


def test_the_digest_comes_once_a_day_also_when_clocks_are_changed(office: Office) -> None:
    office.start(timezone="Europe/Berlin", digest_at="02:30", severity=0)
    office.books(NOON)
    times = ("24 12:00", "24 23:00", "25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00", "26 01:00", "26 01:30")
    sent = [
        (row["kind"], time) for time in times for row in office.look(datetime.fromisoformat(f"2026-10-{time}+00:00"))
    ]
    # On the 25th 02:30 comes twice, at 00:30 and 01:30 UTC.
    assert sent == [("digest", "24 12:00"), ("digest", "25 00:30"), ("digest", "26 01:30")]


def test_a_clock_that_was_years_ahead_does_not_silence_the_digest(office: Office) -> None:
    office.start(digest_at="12:00", severity=0)
    office.books(NOON)
    moments = ("2036-01-01T12:00", "2026-11-21T12:00", "2026-11-21T13:00", "2026-11-22T12:00")
    sent = [each for each in moments if office.look(datetime.fromisoformat(f"{each}+00:00"))]
    assert sent == ["2036-01-01T12:00", "2026-11-21T12:00", "2026-11-22T12:00"]


def test_the_digest_lists_what_is_new_open_closed_and_late_and_the_files_of_the_day(office: Office) -> None:
    office.start(severity=0, digest_at="12:00")
    office.books(NOON)
    [first] = office.look(NOON)
    assert first["counts"] == {"open": 2, "opened": 2, "closed": 0, "late": 2, "files": 0, "partners": 0, "overdue": 0}
    office.come("stock-17.csv", NOON + timedelta(hours=1))
    (office.root / "x.bin").write_bytes(b"\0\1\2")
    with open_home(office.root, now=NOON + timedelta(hours=2)) as gateway:
        taken(gateway, [Drop("acme", "x.bin", office.root / "x.bin", NOON, "folder")])
        run_books(gateway)
    office.start(digest_at="00:00")
    [second] = office.look(datetime.now(UTC))
    assert [row["code"] for row in second["closed"]] == ["FILE_LATE"]
    assert [row["code"] for row in second["opened"]] == ["FILE_REJECT"]
    assert [(row["state"], row["name"]) for row in second["files"]] == [("QUARANTINED", "x.bin")]
    assert [(row["partner"], row["files"]) for row in second["partners"]] == [("acme", 2)]


class KilledError(BaseException):
    """What ends a process in the middle of everything."""


@pytest.mark.parametrize("sent_before", [False, True])
def test_a_message_that_a_kill_cut_off_is_sent_once_more_and_never_a_third_time(
    office: Office, monkeypatch: pytest.MonkeyPatch, sent_before: bool
) -> None:
    office.start(digest_at="")
    office.books(NOON)

    def killed(*arguments: Any) -> None:
        if sent_before:
            sending(*arguments)
        raise KilledError

    sending = notifier.send
    for _ in range(2):
        monkeypatch.setattr(notifier, "send", killed)
        with pytest.raises(KilledError):
            office.start().look(NOON)
        monkeypatch.setattr(notifier, "send", sending)
        if not sent_before:
            break
    office.start()
    office.look(NOON)
    office.look(NOON)
    assert len(office.hook.posts) == (2 if sent_before else 1)
    assert len({headers["X-Gateway-Delivery"] for headers, _ in office.hook.posts}) == 1


def test_a_server_that_never_answers_gets_a_message_at_most_twice(office: Office) -> None:
    office.start(digest_at="")
    office.books(NOON)
    office.hook.hangs = True
    for _ in range(4):
        office.start()
        office.look(NOON)
    assert len(office.hook.posts) == 2


def test_a_server_that_refuses_is_asked_until_it_takes_the_message_and_the_problem_is_kept(office: Office) -> None:
    office.start(digest_at="")
    office.books(NOON)
    office.hook.answers = 503
    for _ in range(4):
        office.start()
        office.look(NOON)
    [reported] = states.read(office.notifier.folder).values()
    assert reported.problem.startswith("post to 127.0.0.1:")
    assert reported.problem.endswith(
        "the answer was 503. Fix: Check the server and the network if it stays; it is tried again."
    )
    assert reported.problem_since == "2026-11-17T12:00:00+00:00"
    office.hook.answers = 200
    office.start()
    assert len(office.look(NOON)) == 1
    [reported] = states.read(office.notifier.folder).values()
    assert (reported.problem, reported.problem_since, reported.tries, len(reported.alerted)) == ("", "", {}, 1)


def test_a_server_that_failed_is_left_alone_for_a_while_and_others_are_notified(office: Office) -> None:
    with MailServer() as mail:
        office.smtp = {"host": "127.0.0.1", "port": mail.port, "tls": "none", "sender": "gw@example.com"}
        office.to.append({"owner": "IN", "email": "ops@example.com"})
        notify = office.start(digest_at="")
        notify.config = notify.config.model_copy(
            update={"daemon": notify.config.daemon.model_copy(update={"tick_s": 900.0, "back_off_s_max": 900.0})}
        )
        office.books(NOON)
        office.hook.answers = 500
        assert [identity(due.recipient) for due in notify.look(NOON)] == ["ops@example.com (IN)"]
        assert notify.look(NOON) == []
    assert (len(office.hook.posts), len(mail.mails)) == (1, 1)


def test_the_thread_sends_what_was_committed_and_ends(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "GAP_S", 0.01)
    office.start(digest_at="")
    thread = NotifierThread(office.notifier)
    thread.start()
    office.books(NOON)
    wait_for(lambda: bool(office.hook.posts), "the alert")
    thread.end()
    wait_for(lambda: "notify" not in {each.name for each in threading.enumerate()}, "its end")
    assert len(office.hook.posts) == 1


def test_a_state_that_cannot_be_read_is_reported_with_the_fix(office: Office) -> None:
    (office.notifier.folder / states.FILE).write_text("{")
    with pytest.raises(HouseError, match=r"notifications\.json: .* Remove it"):
        office.notifier.look(NOON)


def test_an_owner_that_no_exception_has_is_a_slip(office: Office) -> None:
    settings = configuration.load(office.root)
    notify = configuration.Notify.model_validate({"to": [{**office.to[0], "owner": ["IN", "XX"]}]})
    with pytest.raises(HouseError, match=r"check notify\.to XX: no exception has this owner\. Fix: Name .*IN, .*WH"):
        check(office.root, settings.model_copy(update={"notify": notify}), load_rules(office.root))


def test_a_place_that_fails_is_sent_once_when_it_begins_and_once_when_it_is_back(office: Office) -> None:
    office.start(digest_at="", quiet_from="22:00", quiet_until="06:00")
    office.books(NOON)
    office.look(NOON)  # the missing file
    failing = Place("sftp:acme", 4, NOON - timedelta(seconds=30), "no answer in time. Fix: call them", works=False)
    fine, down = replace(failing, failures=0, since=None, error="", works=True), replace(failing, failures=5)
    starting = replace(fine, works=False)  # after a restart, before the first visit has ended
    state: list[Place] = [fine]

    def seen(place: Place, now: datetime = NOON) -> list[dict[str, Any]]:
        state[:] = [place]
        office.notifier.places = lambda: state
        posts = office.look(now)
        assert [post["kind"] for post in posts] == ["place"] * len(posts)
        return [row for post in posts for row in post["places"]]

    assert seen(fine) == seen(failing) == seen(fine) == []  # a blip
    since = "2026-11-17T11:59:30+00:00"
    assert seen(down) == [{"state": "FAILS", "place": "sftp:acme", "since": since, "error": failing.error}]
    assert seen(replace(down, failures=6)) == []
    office.start()
    assert seen(starting) == seen(down) == []  # a restart sends nothing twice, and is no return
    assert seen(fine) == [{"state": "IS BACK", "place": "sftp:acme", "since": since, "error": ""}]
    assert seen(fine) == []
    # What fails and comes back in the quiet hours was never news; what still fails then is.
    night = NOON.replace(hour=23)
    again = replace(down, since=night)
    assert seen(again, night) == seen(fine, night) == seen(again, night) == []
    assert [row["state"] for row in seen(again, night + timedelta(hours=8))] == ["FAILS"]
    # A place that the settings no longer name is not back.
    state.clear()
    assert office.look(night + timedelta(hours=9)) == []


@pytest.mark.parametrize(("more", "places"), [({"severity": 0}, 5), ({"owner": "WH"}, 5), ({}, 0)])
def test_a_place_is_no_news_to_others_nor_where_it_is_switched_off(
    office: Office, more: dict[str, Any], places: int
) -> None:
    office.place_failures = places
    office.start(digest_at="", **more)
    office.notifier.places = lambda: [Place("inbound", 9, NOON, "gone", works=False)]
    office.books(NOON)
    assert "place" not in [post["kind"] for post in office.look(NOON)]


def test_the_authority_of_the_mail_server_is_found_from_the_home(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the process was started."""
    seen: list[str] = []
    monkeypatch.setattr(notifier, "send", lambda message, recipient, smtp, now: seen.append(smtp.ca_file))
    office.smtp = {"host": "127.0.0.1", "sender": "gw@example.com", "ca_file": "keys/authority.pem"}
    office.start(digest_at="")
    office.books(NOON)
    office.look(NOON)
    assert seen == [str(office.root / "keys" / "authority.pem")]
