"""`close`, `soft-close`, `reopen`, `periods`: a checklist, what a person accepts of it, the ledger as it was then."""

from __future__ import annotations

import json

from gateway import cli
from tests.cli.command import Runner


def test_a_period_is_closed_after_a_checklist_and_the_ledger_can_be_asked_as_it_was_then(mine: Runner) -> None:
    """The settled home has a settlement of October that no bank paid, one that is held, and open exceptions."""
    period = json.loads(mine("periods", "US", "--json").out)[0]["period"]
    refused = mine("close", "US", period, "--comment", "month end")
    assert refused.code == cli.PERSON
    points = {line.split()[1]: line.split()[0] for line in refused.out.splitlines() if line[:1].strip()}
    assert points["over"] == points["bank"] == points["ties"] == "ok"
    assert points["exceptions"] == points["files"] == "open"
    assert "UNMAPPED_LINE" in refused.out and "settlement-v2-off-by-ten.txt" in refused.out
    assert refused.out.splitlines()[-1] == f"US {period} stays as it is."
    assert "--accept files" in refused.out and "--accept over" not in refused.out

    accepted = [argument for name, state in points.items() if state == "open" for argument in ("--accept", name)]
    done = mine("close", "US", period, "--comment", "agreed\nwith Ada", "--by", "Bob", *accepted)
    assert done.code == cli.DONE and f"US {period}: CLOSED by Bob." in done.out
    row = json.loads(mine("periods", "US", "--json").out)[0]
    assert (row["state"], row["decided_by"], row["comment"]) == ("CLOSED", "Bob", "agreed with Ada")
    act = "select actor, subject, detail from audit_log where action = 'period.closed'"
    [noted] = json.loads(mine("query", act, "--format", "json").out)
    assert (noted["actor"], noted["subject"]) == ("Bob", f"US {period}")
    assert {"exceptions", "files"} <= set(json.loads(noted["detail"])["accepted"])

    then = mine("query", "--as-of", f"close US {period}", "select count(*) as n from period_event", "--format", "json")
    assert json.loads(then.out) == [{"n": 0}], "as it was when it was closed"
    assert "that period was not closed" in mine("query", "--as-of", "close US 2020-01", "select 1").err
    assert mine("reopen", "US", period, "--comment", "one more invoice").code == cli.DONE
    assert mine("verify").code == cli.DONE


def test_what_is_no_entity_period_or_point_is_refused(run: Runner) -> None:
    for said, arguments in {
        'did you mean "US"': ("USA", "2026-10"),
        "Write it like 2026-10": ("US", "2026-1"),
        'did you mean "files"': ("US", "2026-10", "--accept", "file"),
    }.items():
        done = run("close", *arguments, "--comment", "x")
        assert done.code == cli.USAGE and said in done.err
