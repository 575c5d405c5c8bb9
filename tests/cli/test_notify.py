"""`gateway notify`."""

from __future__ import annotations

import json

from gateway import cli
from tests.cli.command import Runner
from tests.notifications.servers import Webhook


def test_notify_without_recipients_says_so(mine: Runner) -> None:
    done = mine("notify")
    assert (done.code, done.out) == (0, "Nobody is notified: config.toml has no [[notify.to]].\n")


def test_notify_sends_what_is_due_and_status_shows_what_fails(mine: Runner) -> None:
    with Webhook() as hook:
        mine.monkeypatch.setenv("HOOK_SECRET", "k")
        settings = mine.home / "config.toml"
        recipient = f'[[notify.to]]\nowner = "IN"\nwebhook = "{hook.url}"\nsecret_env = "HOOK_SECRET"\ndigest_at = ""\n'
        settings.write_text(f"{settings.read_text()}\n{recipient}")
        hook.answers = 500
        failed = mine("notify")
        assert (failed.code, len(hook.posts)) == (cli.PERSON, 1)
        [row] = json.loads(mine("status", "--json").out)["notifications"]
        assert row["to"].startswith("http://127.0.0.1/… [") and row["to"].endswith("] (IN)")
        assert row["problem"].endswith(
            "the answer was 500. Fix: Check the server and the network if it stays; it is tried again."
        )
        hook.answers = 200
        done = mine("notify")
        assert done.code == 0
        assert "Gateway: 1 severe exception (IN)" in done.out
        [row] = json.loads(mine("status", "--json").out)["notifications"]
        assert (row["alerted and open"], row["problem"]) == (1, "")
        assert mine("notify").out == ""
