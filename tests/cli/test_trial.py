"""`gateway try`: rows, faults, entries, and what would change; of a file on disk or in the archive."""

from __future__ import annotations

import json
from pathlib import Path

from gateway import cli
from tests.cli.command import GOOD, HELD, SAMPLES, Runner, content, file_ids


def test_try_prints_rows_faults_and_entries(run: Runner) -> None:
    done = run("try", "amazon-us/settlement", str(SAMPLES / "settlement-v2-off-by-ten.txt"))
    assert done.code == cli.PERSON
    assert "The file would be held" in done.out
    assert "SETTLE_NOT_FOOT" in done.out


def test_try_as_json_keeps_the_contract(run: Runner, tmp_path: Path) -> None:
    text = (SAMPLES / GOOD).read_text().replace("18412096211", "18412096777").replace("\t39.98\t", "\tmany\t")
    text = text.replace("\t84.80\t", "\t44.82\t")
    (tmp_path / "settlement-new.txt").write_text(text)
    done = run("try", "amazon-us/settlement.toml", str(tmp_path / "settlement-new.txt"), "--json")
    found = json.loads(done.out)
    assert found["file"] == "settlement-new.txt"
    assert found["counts"] == {"received": 31, "accepted": 30, "rejected": 1, "duplicate": 0, "ignored": 0}
    assert {"position", "code", "message", "hint"} <= set(found["faults"][0])
    line = found["records"]["settlement_line"][0]
    assert (line["amount"], line["posted_at"]) == ("3.2000", "2026-10-20T14:05:20+00:00")
    assert found["entries"]
    assert all(isinstance(entry["debit"], str) and isinstance(entry["credit"], str) for entry in found["entries"])
    assert done.code == cli.DONE


def test_try_knows_what_the_ledger_has_already(run: Runner) -> None:
    found = json.loads(run("try", "amazon-us/settlement", str(SAMPLES / GOOD), "--json").out)
    assert (found["counts"]["duplicate"], found["counts"]["accepted"], found["entries"]) == (31, 0, [])


def test_try_writes_nothing(run: Runner, tmp_path: Path) -> None:
    before = content(run.home)
    for name in (GOOD, HELD):
        run("try", "amazon-us/settlement", str(SAMPLES / name), "--json")
    assert content(run.home) == before
    run("init", "--with-examples", home=tmp_path)
    before = content(tmp_path)
    assert run("try", "amazon-us/settlement", str(SAMPLES / GOOD), home=tmp_path).code == cli.DONE
    assert content(tmp_path) == before


def test_try_of_a_file_that_cannot_be_read_says_why(run: Runner, tmp_path: Path) -> None:
    broken = tmp_path / "settlement.txt"
    broken.write_bytes(b"")
    done = run("try", "amazon-us/settlement", str(broken), "--json")
    found = json.loads(done.out)
    assert done.code == cli.PERSON
    assert (found["held"], found["records"]) == (True, {})
    assert found["faults"][0]["code"] == "FILE_REJECT"
    assert found["counts"] == {"received": 0, "accepted": 0, "rejected": 0, "duplicate": 0, "ignored": 0}
    assert found["faults"][0]["message"] in run("try", "amazon-us/settlement", str(broken)).out


def test_try_with_a_broken_mapping_reports_its_fault(mine: Runner) -> None:
    path = mine.home / "mappings" / "amazon-us" / "settlement.toml"
    path.write_text(path.read_text() + "\n[file]\ndelimitr = 'tab'\n")
    done = mine("try", "amazon-us/settlement", str(SAMPLES / GOOD))
    assert (done.code, done.out) == (cli.USAGE, "")
    assert "settlement.toml:" in done.err


def test_try_of_an_archived_file_shows_what_an_edit_of_its_mapping_changes(mine: Runner) -> None:
    file_id = file_ids(mine)[GOOD]
    before = json.loads(mine("try", file_id, "--json").out)
    assert [(one["file"], one["mapping"]) for one in before] == [(GOOD, "mappings/amazon-us/settlement.toml")]
    lines = before[0]["changes"]["settlement_line"]
    assert (lines["new"], lines["changed"], lines["changes"]) == (0, 0, []) and lines["duplicate"] > 0
    path = mine.home / "mappings" / "amazon-us" / "settlement.toml"
    text = mine("check", "amazon-us/settlement", "--expand").out
    assert text.count('sku = {from = "sku", alias = "MSKU"}') == 1
    path.write_text(
        text.replace('sku = {from = "sku", alias = "MSKU"}', 'sku = {from = "order-item-code", alias = "MSKU"}')
    )
    [after] = json.loads(mine("try", file_id, "--json").out)
    lines = after["changes"]["settlement_line"]
    assert lines["changed"] == len(lines["changes"]) > 0
    first = lines["changes"][0]
    assert set(first["fields"]) == {"sku"} and first["position"].startswith("line ")
    old, new = first["fields"]["sku"]
    printed = mine("try", file_id).out
    assert f"changed at {first['position']}: sku {old} → {new or '(empty)'}" in printed
    path.write_text(path.read_text().replace("settlement_line", "settlement_lin"))
    assert "settlement.toml:" in mine("try", file_id).err
    assert json.loads(mine("query", "select count(*) as n from file", "--format", "json").out) == [{"n": 3}]


def test_try_without_a_mapping_takes_the_one_that_claims_the_file(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "items-2.csv").write_text("sku,name,standard-cost\nCUP,Cup,2.00\n")
    [found] = json.loads(run("try", str(tmp_path / "items-2.csv"), "--json").out)
    assert found["mapping"] == "mappings/master-data/items.toml"
    assert {name: one["new"] for name, one in found["changes"].items()} == {"item": 1}
    assert "item: 1 rows: 1 new, 0 changed, 0 duplicate" in run("try", str(tmp_path / "items-2.csv")).out
    (tmp_path / "letter.txt").write_text("Dear all,\n")
    assert "no mapping of any partner reads it" in run("try", str(tmp_path / "letter.txt")).err
    assert "there is no such file" in run("try", "nothing.csv").err
    refused = run("try", str(tmp_path / "items-2.csv"), "--partner", "amazon-uk").err
    assert 'no mapping is of that partner; did you mean "amazon-us"?' in refused


def test_try_shows_every_row_with_all(run: Runner, tmp_path: Path) -> None:
    rows = "".join(f"CUP-{number},Cup,2.00\n" for number in range(25))
    (tmp_path / "items.csv").write_text("sku,name,standard-cost\n" + rows)
    assert "… and 5 more; --all shows them" in run("try", str(tmp_path / "items.csv")).out
    assert "CUP-24" in run("try", str(tmp_path / "items.csv"), "--all").out
