"""The head of the audit chain as it is sent: when it changed, at most so often, again until it arrived."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from gateway import cli
from gateway import settings as configuration
from gateway.books.rules import load as load_rules
from gateway.cli import notify
from gateway.home import open_home
from gateway.ledger.commit import newest_head
from gateway.ledger.lake import open_lake
from gateway.notifications import Notifier
from gateway.notifications import state as states
from tests.ledger.conftest import post
from tests.notifications.servers import Webhook

NOON = datetime(2026, 11, 17, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Chain:
    """A home whose head is sent to a webhook, at most each minute."""

    def __init__(self, home: Path, hook: Webhook) -> None:
        self.home, self.hook = home, hook
        with (home / "config.toml").open("a") as settings:
            settings.write(
                f'[[notify.to]]\nowner = "*"\nwebhook = "{hook.url}"\nsecret_env = "HOOK_SECRET"\nseverity = 0\n'
                'digest_at = ""\nheads_every_s = 60.0\n[daemon]\ntick_s = 0.01\nback_off_s_max = 0.01\n'
            )
        with open_home(home):
            pass
        self.start()

    def start(self) -> None:
        """As after a restart."""
        self.notifier = Notifier(self.home, configuration.load(self.home), load_rules(self.home), [])

    def commit(self, number: int) -> str:
        """The head after one commit more."""
        with open_lake(self.home, configuration.load(self.home)) as ledger:
            post(ledger, number, number)
            head = newest_head(ledger.con)
        assert head is not None
        return head.text

    def sent(self, now: datetime) -> list[dict[str, Any]]:
        """What the webhook got from a look at that instant, where one was needed."""
        before = len(self.hook.posts)
        self.notifier.look_if_needed(now)
        return [json.loads(body) for _, body in self.hook.posts[before:]]


@pytest.fixture
def audited(bare_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    monkeypatch.setenv("HOOK_SECRET", "k")
    with Webhook() as hook:
        yield Chain(bare_home, hook)


def text(message: dict[str, Any]) -> str:
    return f"{message['head']['seq']}:{message['head']['hash']}"


def test_a_head_is_sent_when_it_changed_at_most_each_minute_and_verify_knows_it(audited: Chain) -> None:
    first = audited.commit(1)
    [message] = audited.sent(NOON)
    assert (message["kind"], text(message), message["before"]) == ("head", first, "")
    audited.commit(2)
    assert audited.sent(NOON + MINUTE / 2) == [], "not within the minute"
    newest = audited.commit(3)
    [message] = audited.sent(NOON + MINUTE)
    assert (text(message), message["before"], message["before_is_there"]) == (newest, first, True)
    assert audited.sent(NOON + 5 * MINUTE) == [], "it did not change"
    audited.start()
    assert audited.sent(NOON + 5 * MINUTE) == [], "nor by a restart"
    number, _, hash_ = first.partition(":")
    given = ["-C", str(audited.home), "verify", "--head", first, "--head", f"99:{hash_}"]
    done = CliRunner().invoke(cli.app, given)
    assert done.exit_code == 1 and f"head {number}: this audit row is in the ledger" in done.stdout
    assert "head 99: the ledger ends with audit row" in done.stdout


def test_a_head_that_waits_for_its_minute_is_sent_without_another_commit(audited: Chain) -> None:
    audited.commit(1)
    assert len(audited.sent(NOON)) == 1
    newest = audited.commit(2)
    assert audited.sent(NOON + MINUTE / 2) == []
    assert audited.sent(NOON + MINUTE * 0.9) == []
    [message] = audited.sent(NOON + MINUTE)
    assert text(message) == newest


def test_a_head_that_was_refused_is_shown_and_sent_again_as_the_newest(audited: Chain) -> None:
    audited.hook.answers = 503
    for number in range(1, 5):
        newest = audited.commit(number)
        audited.sent(NOON)
        audited.start()
    [kept] = states.read(audited.notifier.folder).values()
    assert (kept.head, kept.problem_since) == ("", NOON.isoformat()) and "the answer was 503" in kept.problem
    [shown] = notify.states(audited.notifier.config, audited.notifier.folder)
    assert "the answer was 503" in shown["problem"] and shown["fails since"]
    audited.hook.answers = 200
    [message] = audited.sent(NOON + MINUTE)
    assert text(message) == newest
    [kept] = states.read(audited.notifier.folder).values()
    assert (kept.head, kept.problem, kept.tries) == (newest, "", {})


def test_a_ledger_that_was_rolled_back_is_named_with_the_next_head(audited: Chain, tmp_path: Path) -> None:
    kept = shutil.copytree(audited.home / "ledger", tmp_path / "kept")
    first = audited.commit(1)
    assert len(audited.sent(NOON)) == 1
    state = (audited.home / "ledger" / states.FILE).read_bytes()
    shutil.rmtree(audited.home / "ledger")
    shutil.copytree(kept, audited.home / "ledger")
    (audited.home / "ledger" / states.FILE).write_bytes(state)
    audited.start()
    audited.commit(2)
    with capture_logs() as logged:
        [message] = audited.sent(NOON + MINUTE)
    assert (message["before"], message["before_is_there"]) == (first, False)
    assert [entry["head"] for entry in logged if entry["event"] == "head.missing"] == [first]
