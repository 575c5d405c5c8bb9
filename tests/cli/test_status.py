"""`status` on one screen, and `show` of a file and of an exception."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway import cli
from tests.cli.command import GOOD, HELD, SAMPLES, Runner


def test_status_shows_files_exceptions_and_a_trial_balance_of_zero(run: Runner) -> None:
    text = run("status").out
    assert HELD in text
    found = json.loads(run("status", "--json").out)
    assert {row["state"]: row["files"] for row in found["files"]} == {"ACCEPTED": 2, "HELD": 1}
    assert [row["name"] for row in found["needs a person"]] == [HELD]
    assert {row["code"] for row in found["exceptions"]} >= {"SETTLE_NOT_FOOT", "UNMAPPED_LINE"}
    assert [row["balance"] for row in found["trial balance"]] == ["0.0000"]


def test_status_lists_what_is_expected_today(mine: Runner) -> None:
    mapping = mine.home / "mappings" / "amazon-us" / "settlement.toml"
    text = re.sub(
        r"^expect .*$",
        'expect = { every = "day", since = 2020-01-01, timezone = "Pacific/Kiritimati" }',
        mapping.read_text(),
        flags=re.MULTILINE,
    )
    mapping.write_text(text)
    before = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    rows = {row["period"]: row for row in json.loads(mine("status", "--json").out)["expected today"]}
    assert rows["2020-01-01"] == {
        "feed": "amazon-us.settlement",
        "period": "2020-01-01",
        "due": "2020-01-02 00:00+1400",
        "state": "missing",
    }
    after = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    today = next(rows[str(day)] for day in (after, before) if str(day) in rows)
    assert today["state"] == "waiting" or today["state"].startswith("came at ")
    assert "2020-01-01" in mine("status").out


def test_status_says_what_needs_a_person_with_place_message_and_fix(run: Runner) -> None:
    done = run("status")
    assert done.code == cli.PERSON
    first, *lines = done.out.splitlines()
    assert re.fullmatch(r"1 files wait for a person, \d+ open exceptions need one.", first)
    assert lines[0].startswith(f"HELD  amazon-us/{HELD}  ")
    at = next(number for number, line in enumerate(lines) if line.startswith("SETTLE_NOT_FOOT  severity 1  IN  due "))
    assert f"amazon-us/{HELD}" in lines[at]
    assert lines[at + 1].strip().startswith("settlement foots: the rows make ")
    assert lines[at + 2].strip().startswith("Fix: Nothing of the file was posted.")
    found = json.loads(run("status", "--json").out)
    scores = {row["exception_id"]: row["score"] for row in ask(run, "select exception_id, score from exception")}
    order = [scores[row["exception_id"]] for row in found["open exceptions"]]
    assert order == sorted(order, reverse=True) and len(order) == sum(row["open"] for row in found["exceptions"])
    # The home may have been made before midnight.
    day = f"date '{datetime.now(UTC).date()}'"
    came = {str(row["name"]) for row in ask(run, f"select name from file where cast(arrived_at as date) = {day}")}
    assert {row["name"] for row in found["files of today"]} >= came


def test_status_without_open_ends_is_done(mine: Runner) -> None:
    for file in (mine.home / "inbound").rglob("*"):
        if file.is_file():
            file.unlink()
    empty = mine.home.with_name("empty")
    assert Runner(empty, mine.monkeypatch, mine.capsys)("init").code == cli.DONE
    again = Runner(empty, mine.monkeypatch, mine.capsys)
    again("once")
    assert again("status").code == cli.DONE


def ask(run: Runner, sql: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(run("query", sql, "--format", "json").out)
    return rows


def test_show_of_a_file_has_its_rows_faults_entries_and_bytes(run: Runner, tmp_path: Path) -> None:
    (file,) = ask(run, f"select file_id, mapping_version, accepted from file where name = '{GOOD}'")
    found = json.loads(run("show", str(file["file_id"]), "--json").out)
    assert found["states"][-1]["mapping_version"] == file["mapping_version"]
    assert sum(row["now"] for row in found["records"]) >= 1
    assert all(row["position"].startswith("line ") for row in found["rows"]["settlement_line"])
    debits, credits_ = ask(run, f"select sum(debit) d from journal_line where file_id = '{file['file_id']}'"), found
    assert sum(float(row["debit"]) for row in credits_["entries"]) == float(str(debits[0]["d"]))
    copy = tmp_path / "received.txt"
    said = run("show", str(file["file_id"]), "--save", str(copy)).out
    assert copy.read_bytes() == (SAMPLES / GOOD).read_bytes() and str(copy) in said
    assert "it exists" in run("show", str(file["file_id"]), "--save", str(copy)).err


def test_show_of_an_exception_has_its_life_its_faults_and_its_file(run: Runner) -> None:
    (one,) = ask(run, "select exception_id from exception where code = 'SETTLE_NOT_FOOT'")
    found = json.loads(run("show", str(one["exception_id"])[:12], "--json").out)
    assert found["exception"]["status"] == "OPEN" and [row["event"] for row in found["life"]] == ["OPENED"]
    assert found["file"][0]["name"] == HELD
    assert found["faults"][0]["hint"].startswith("Nothing of the file was posted.")
    text = run("show", str(one["exception_id"])).out
    assert "OPENED" in text and HELD in text


def test_show_of_what_is_not_there_says_so(run: Runner) -> None:
    assert "no file or exception has that id" in run("show", "nothing").err
    assert "no file or exception has that id" in run("show", "").err


def test_show_of_a_beginning_that_several_ids_have_names_them(run: Runner) -> None:
    every = ask(run, "select exception_id as id from exception union all select file_id from file")
    ids = [str(row["id"]) for row in every]
    several = next(one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1)
    assert "several ids begin so" in run("show", several).err
