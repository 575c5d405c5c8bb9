"""Commands about files: `once`, `replay`, `release`."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from gateway import cli
from tests.cli.command import GOOD, HELD, NOW, SAMPLES, Runner, file_ids


def test_once_prints_files_reconciliations_and_what_needs_a_person(settled: Path) -> None:
    printed = (settled / "printed.txt").read_text()
    assert re.search(rf"^ACCEPTED +amazon-us +{re.escape(GOOD)} +amazon-us\.settlement +31 +31 ", printed, re.MULTILINE)
    assert re.search(rf"^HELD amazon-us/{HELD}: settlement foots: the rows make -31", printed, re.MULTILINE)
    assert re.search(r"^c1 ", printed, re.MULTILINE)


def test_output_in_a_pipe_has_no_progress_and_cuts_nothing(settled: Path) -> None:
    printed = (settled / "printed.txt").read_text()
    assert "\r" not in printed
    assert "\x1b" not in printed
    assert "…" not in printed


def test_once_with_nothing_waiting_ends_with_zero(mine: Runner) -> None:
    done = mine("once", "--now", NOW, "--json")
    found = json.loads(done.out)
    assert (done.code, found["files"]) == (cli.DONE, [])
    assert {line["reconciliation"] for line in found["books"]["lines"]} >= {"a", "c1", "d"}


def test_once_as_json_says_what_became_of_each_file(mine: Runner) -> None:
    shutil.copyfile(SAMPLES / HELD, mine.home / "inbound" / "amazon-us" / "settlement-again.txt")
    (mine.home / "inbound" / "amazon-us" / "[b] odd.csv").write_text("no mapping wants this\n")
    done = mine("once", "--now", NOW, "--json")
    states = {file["name"]: file["state"] for file in json.loads(done.out)["files"]}
    assert states == {"settlement-again.txt": "DUPLICATE", "[b] odd.csv": "QUARANTINED"}
    assert done.code == cli.PERSON


def test_a_file_name_is_printed_as_it_is(mine: Runner) -> None:
    (mine.home / "inbound" / "amazon-us" / "[red]x[1].csv").write_text("no mapping wants this\n")
    assert "[red]x[1].csv" in mine("once", "--now", NOW).out
    assert "[red]x[1].csv" in mine("status").out


@pytest.mark.parametrize("now", ["yesterday", "2026-13-01"])
def test_once_refuses_an_instant_that_is_none(run: Runner, now: str) -> None:
    done = run("once", "--now", now)
    assert (done.code, done.err.count("\n")) == (cli.USAGE, 1)
    assert now in done.err


def test_replay_of_a_file_that_did_not_change_is_a_duplicate(mine: Runner) -> None:
    before = mine("query", "select count(*) as n from journal_line", "--format", "json").out
    done = mine("replay", file_ids(mine)[GOOD])
    assert done.code == cli.DONE
    assert re.search(rf"{re.escape(GOOD)} +amazon-us\.settlement +31 +0 +0 +31 +0", done.out)
    assert mine("query", "select count(*) as n from journal_line", "--format", "json").out == before


def test_release_lets_a_held_file_post(mine: Runner) -> None:
    identifier = file_ids(mine)[HELD]
    done = mine("release", identifier, "--by", "Ada Lovelace", "--comment", "the bank\nconfirms -31.00")
    assert done.code == cli.DONE
    assert re.search(rf"^RELEASED +amazon-us +{HELD}", done.out, re.MULTILINE)
    sql = "select amount from settlement_line where settlement_id = '18412096999'"
    assert json.loads(mine("query", sql, "--format", "json").out) == [{"amount": "-31.0000"}]
    sql = "select actor, action, detail->>'comment' as comment from audit_log where action like 'file.rel%'"
    assert json.loads(mine("query", sql, "--format", "json").out) == [
        {"actor": "Ada Lovelace", "action": "file.released", "comment": "the bank confirms -31.00"}
    ]
    sql = f"select reason from file_state where file_id = '{identifier}'"
    [state] = json.loads(mine("query", sql, "--format", "json").out)
    assert state["reason"].startswith("released by Ada Lovelace: the bank confirms -31.00; settlement foots: ")
    assert mine("release", identifier).code == cli.USAGE


def test_only_a_held_file_is_released(mine: Runner) -> None:
    before = mine("query", "select max(seq) as n from audit_log", "--format", "json").out
    done = mine("release", file_ids(mine)[GOOD])
    assert (done.code, done.out, done.err.count("\n")) == (cli.USAGE, "", 1)
    assert "Only held files" in done.err
    assert mine("query", "select max(seq) as n from audit_log", "--format", "json").out == before


@pytest.mark.parametrize("command", ["replay", "release"])
def test_an_unknown_file_is_reported_in_one_line(mine: Runner, command: str) -> None:
    done = mine(command, "0123456789abcdef")
    assert (done.code, done.err.count("\n")) == (cli.USAGE, 1)
    assert "0123456789abcdef" in done.err
