"""`resolve`: a person decides about an exception, and every command shows it."""

from __future__ import annotations

import json
from typing import Any

from gateway import cli
from tests.cli.command import NOW, Runner


def ask(run: Runner, sql: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("query", sql, "--format", "json").out)
    return rows


def test_a_decision_closes_an_exception_under_the_name_of_who_took_it(mine: Runner) -> None:
    [one] = ask(mine, "select exception_id as id, business_key as key from exception where code = 'UNMAPPED_LINE'")
    said = ("--as", "accept_fee", "--by", "Ada Lovelace", "--comment", "as agreed\nin May")
    done = mine("resolve", one["id"][:10], *said)
    assert done.code == cli.DONE
    first, counts = done.out.splitlines()
    assert first == f"{one['id']}: ACCEPT_FEE by Ada Lovelace. It is closed."
    assert counts.endswith(", 1 closed.")
    shown = json.loads(mine("show", one["id"], "--json").out)
    assert (shown["exception"]["status"], shown["exception"]["resolution"]) == ("CLOSED", "ACCEPT_FEE")
    assert shown["life"][-1]["note"] == "Ada Lovelace: as agreed in May"
    assert [(row["decided_by"], row["comment"]) for row in shown["decisions"]] == [("Ada Lovelace", "as agreed in May")]
    closed = json.loads(mine("status", "--json").out)["closed since yesterday"]
    assert [(row["exception_id"], row["note"]) for row in closed] == [(one["id"], "Ada Lovelace: as agreed in May")]
    acts = ask(mine, "select actor, subject from audit_log where action = 'exception.decided'")
    assert acts == [{"actor": "Ada Lovelace", "subject": one["id"]}]
    # At the instant of the first pass, what is only open since then is not open yet.
    events = json.loads(mine("once", "--now", NOW, "--json").out)["exceptions"]
    assert [(row["event"], row["code"]) for row in events] == [("CLOSED", "PAYOUT_NOT_BANKED")]
    assert mine("verify").code == cli.DONE


def test_an_answer_that_settles_nothing_is_kept_and_says_so(mine: Runner) -> None:
    [one] = ask(mine, "select exception_id as id from exception where code = 'UNMAPPED_LINE'")
    done = mine("resolve", one["id"], "--as", "ESCALATE", "--comment", "to the lead")
    assert done.out.splitlines()[0].endswith("It stays open.")
    assert "ESCALATE: Hand it to the next level; it stays open." in done.out
    assert [row["resolution"] for row in ask(mine, "select resolution from decision")] == ["ESCALATE"]


def test_what_cannot_be_decided_is_refused_with_the_allowed_answers(run: Runner) -> None:
    [one] = ask(run, "select exception_id as id from exception where code = 'UNMAPPED_LINE'")
    wrong = run("resolve", one["id"], "--as", "IGNORE", "--comment", "x")
    assert wrong.code == cli.USAGE
    assert 'an exception UNMAPPED_LINE cannot be given "IGNORE". Fix: Use one of MAP_LINE, LINK_ORDER, ' in wrong.err
    assert "no file or exception has that id" in run("resolve", "nothing", "--as", "IGNORE", "--comment", "x").err
    assert (
        "--comment must not be empty" in run("resolve", one["id"], "--as", "ESCALATE", "--comment", "\u200b \u202e").err
    )
    assert "Missing option '--comment'" in run("resolve", one["id"], "--as", "IGNORE").err
