"""The command line: what each command prints, what it leaves alone, and the code it ends with."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway import cli
from gateway import settings as config
from gateway.ledger import lake
from gateway.mapping.language import toml
from gateway.mapping.library import load, samples
from tests.notifications.servers import Webhook

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "mappings" / "standard" / "amazon" / "samples"
GOOD, HELD = "settlement-v2.txt", "settlement-v2-off-by-ten.txt"
NOW = "2026-11-05T08:00:00Z"
ITEMS = "sku,name,standard-cost\nMUG-BLUE,Mug,4.00\n"
Home = Callable[..., "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a command printed, and the code it ended with."""

    code: int
    out: str
    err: str


class Runner:
    """Runs `gateway -C home …` in this process, as its entry point does."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.monkeypatch, self.capsys = home, monkeypatch, capsys

    def __call__(self, *arguments: str, home: Path | None = None) -> Result:
        self.monkeypatch.setattr(sys, "argv", ["gateway", "-C", str(home or self.home), *arguments])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
            sys.exit(0)
        printed = self.capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, printed.out, printed.err)


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one pass: items, a settlement that posted, one that is held."""
    home = tmp_path_factory.mktemp("settled") / "home"
    assert process("-C", str(home), "init", "--with-examples").returncode == 0
    for mapping in (home / "mappings").glob("*/*.toml"):
        if mapping.parent.name not in load.PASSIVE and mapping.stem not in ("settlement", "orders", "items"):
            mapping.unlink()
    shutil.rmtree(home / "mappings" / "amazon-de")
    (home / "inbound" / "master-data" / "items.csv").write_text(ITEMS)
    for name in (GOOD, HELD):
        shutil.copyfile(SAMPLES / name, home / "inbound" / "amazon-us" / name)
    done = process("-C", str(home), "once", "--now", NOW)
    (home / "printed.txt").write_text(done.stdout)
    assert (done.returncode, done.stderr) == (cli.PERSON, "")
    return home


@pytest.fixture
def run(settled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    """Runs commands at the settled home, which they must not change."""
    return Runner(settled, monkeypatch, capsys)


@pytest.fixture
def mine(run: Runner, settled: Path, tmp_path: Path) -> Runner:
    """Runs commands at a copy of the settled home, which they may change."""
    shutil.copytree(settled, tmp_path / "home")
    return Runner(tmp_path / "home", run.monkeypatch, run.capsys)


def process(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, its output in pipes."""
    program = [sys.executable, "-c", "from gateway.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(program, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder with a digest of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def file_ids(run: Runner) -> dict[str, str]:
    found = json.loads(run("query", "select name, file_id from file_state", "--format", "json").out)
    return {row["name"]: row["file_id"] for row in found}


# --- init ----------------------------------------------------------------------------------------------------


def test_init_lays_down_a_home_that_can_be_used(run: Runner, tmp_path: Path) -> None:
    done = run("init", home=tmp_path / "new")
    assert done.code == 0
    assert (tmp_path / "new" / "config.toml").is_file()
    assert {"inbound", "outbound", "ledger", "mappings"} <= {path.name for path in (tmp_path / "new").iterdir()}
    # Without examples no partner is active.
    partners = [p.name for p in (tmp_path / "new" / "mappings").iterdir() if p.is_dir()]
    assert sorted(set(partners) - set(load.PASSIVE)) == []


def test_init_with_examples_makes_their_partners_active(run: Runner, tmp_path: Path) -> None:
    run("init", "--with-examples", home=tmp_path)
    assert (tmp_path / "mappings" / "amazon-us" / "settlement.toml").is_file()
    assert (tmp_path / "inbound" / "amazon-us").is_dir()


def test_init_overwrites_nothing(run: Runner, tmp_path: Path) -> None:
    mapping = tmp_path / "mappings" / "standard" / "x12" / "945.toml"
    mapping.parent.mkdir(parents=True)
    mapping.write_text("mine")
    (tmp_path / "config.toml").write_text("also mine")
    (tmp_path / "notes.txt").write_text("a stranger")
    assert run("init", "--with-examples", home=tmp_path).code == 0
    assert mapping.read_text() == "mine"
    assert (tmp_path / "config.toml").read_text() == "also mine"
    assert (tmp_path / "notes.txt").read_text() == "a stranger"
    before = content(tmp_path)
    assert run("init", "--with-examples", home=tmp_path).out.startswith("0 files written")
    assert content(tmp_path) == before


def test_init_where_a_file_stands_is_told_in_one_line(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    done = run("init", home=tmp_path / "home")
    assert (done.code, done.err.count("\n")) == (cli.USAGE, 1)


# --- a home that is not there, or not sound --------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["once"], ["status"], ["check"], ["query", "select 1"], ["verify"], ["replay", "abc"], ["release", "abc"],
        ["generate"], ["try", "acme/stock", __file__],
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_without_a_home_a_command_says_so_in_one_line(run: Runner, tmp_path: Path, command: list[str]) -> None:
    done = run(*command, home=tmp_path / "nowhere")
    assert done.code == cli.USAGE
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert "nowhere" in done.err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("command", [["status"], ["query", "select 1"], ["verify"]], ids=lambda command: command[0])
def test_a_home_without_a_ledger_is_told_how_to_get_one(run: Runner, tmp_path: Path, command: list[str]) -> None:
    run("init", home=tmp_path)
    done = run(*command, home=tmp_path)
    assert (done.code, done.out) == (cli.USAGE, "")
    assert "gateway once" in done.err


def test_every_fault_of_the_configuration_is_told_at_once(mine: Runner) -> None:
    with (mine.home / "config.toml").open("a") as file:
        file.write('\n[entities.XX]\ncurrency = "dollars"\n\n[limits]\nrows_per_file = 3\n')
    done = mine("once")
    assert done.code == cli.USAGE
    assert "entities.XX.currency" in done.err
    assert "limits.rows_per_file" in done.err


# --- once, status ----------------------------------------------------------------------------------------------


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
    text = re.sub(r"^expect .*$", 'expect = { every = "day", since = 2020-01-01, timezone = "Pacific/Kiritimati" }',
                  mapping.read_text(), flags=re.MULTILINE)  # fmt: skip
    mapping.write_text(text)
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    rows = {row["period"]: row for row in json.loads(mine("status", "--json").out)["expected today"]}
    assert rows["2020-01-01"] == {
        "feed": "amazon-us.settlement",
        "period": "2020-01-01",
        "due": "2020-01-02 00:00+1400",
        "state": "missing",
    }  # fmt: skip
    assert rows[str(today)]["state"] == "waiting" or rows[str(today)]["state"].startswith("came at ")
    assert "2020-01-01" in mine("status").out


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
        assert row["to"] == f"{hook.url} (IN)"
        assert row["problem"].endswith("the answer was 500. It is tried again.")
        hook.answers = 200
        done = mine("notify")
        assert done.code == 0
        assert "Gateway: 1 grave exception (IN)" in done.out
        [row] = json.loads(mine("status", "--json").out)["notifications"]
        assert (row["alerted and open"], row["problem"]) == (1, "")
        assert mine("notify").out == ""


# --- check -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "template", "told"),
    [
        ("IN", "Subject: ${cout}\n", "templates/alert.txt:1: there is no ${cout}"),
        ("XX", "Subject: x\n", "check notify.to XX: nobody owns exceptions so"),
    ],
)
def test_check_tells_slips_of_notifications(mine: Runner, owner: str, template: str, told: str) -> None:
    (mine.home / "templates").mkdir()
    (mine.home / "templates" / "alert.txt").write_text(template)
    settings = mine.home / "config.toml"
    recipient = f'[[notify.to]]\nowner = "{owner}"\nwebhook = "https://x.example"\nsecret_env = "S"\n'
    settings.write_text(f"{settings.read_text()}\n{recipient}")
    done = mine("check")
    assert done.code == cli.USAGE
    assert told in done.err


def test_check_reads_partners_and_packs_with_their_samples(mine: Runner) -> None:
    for folder in (mine.home / "mappings" / "standard").glob("*/samples"):
        if folder.parent.name != "csv":  # tests/test_packs.py reads them all
            shutil.rmtree(folder)
    expected = mine.home / "mappings" / "standard" / "csv" / "samples" / "items.csv.expected.json"
    expected.write_text(expected.read_text().replace("Gift card", "Gift cart"))
    done = mine("check")
    packs = len(list((ROOT / "mappings").glob("standard/*/*.toml")))
    own = len([p for p in (mine.home / "mappings").glob("*/*.toml") if p.parent.name not in load.PASSIVE])
    difference, total = done.out.splitlines()
    assert difference.endswith('items.csv: item 3: name is "Gift card", expected "Gift cart"')
    assert total == f"Mappings checked: {packs + own}; faults: 1."
    assert done.code == cli.PERSON


def test_check_tells_file_line_and_mend_of_a_slip(mine: Runner) -> None:
    path = mine.home / "mappings" / "amazon-us" / "settlement.toml"
    path.write_text(path.read_text() + '\n[file]\ndelimitr = "tab"\n\n[[record]]\ntype = "settlement_line"\n'
                    '[record.fields]\namont = "amount"\n')  # fmt: skip
    line = path.read_text().splitlines().index('amont = "amount"') + 1
    done = mine("check", "amazon-us/settlement")
    assert done.code == cli.USAGE
    assert f"mappings/amazon-us/settlement.toml:{line}: " in done.out
    assert 'did you mean "amount"' in done.out
    assert "Fix: " in done.out
    # Brackets of the file are printed, not taken for styles.
    assert "delimitr" in done.out
    # The others are sound, and are checked all the same.
    done = mine("check", "amazon-us/orders")
    assert (done.code, done.out) == (cli.DONE, "Mappings checked: 1; faults: 0.\n")


def test_check_of_a_mapping_that_is_not_there_names_the_nearest(run: Runner) -> None:
    done = run("check", "amazon-us/setlement")
    assert (done.code, done.out) == (cli.USAGE, "")
    assert "Did you mean amazon-us/settlement?" in done.err


@pytest.mark.parametrize("name", ["../config", "../../etc/passwd", "standard"])
def test_check_never_leaves_the_folder_of_mappings(run: Runner, name: str) -> None:
    assert run("check", name).code == cli.USAGE


def test_check_refresh_writes_what_samples_become_without_entries(mine: Runner) -> None:
    folder = mine.home / "mappings" / "amazon-us" / "samples"
    folder.mkdir()
    shutil.copyfile(SAMPLES / GOOD, folder / GOOD)
    assert mine("check", "amazon-us/settlement").code == cli.PERSON
    done = mine("check", "amazon-us/settlement", "--refresh")
    assert done.code == cli.DONE
    written = json.loads((folder / f"{GOOD}.expected.json").read_text())
    assert sorted(written) == ["counts", "faults", "records"]
    assert written["counts"]["accepted"] == 31
    assert mine("check", "amazon-us/settlement").code == cli.DONE


def test_a_sample_is_read_as_if_nothing_had_been_delivered(mine: Runner) -> None:
    """The ledger of this home holds the rows of the sample: they are no duplicates of it."""
    folder = mine.home / "mappings" / "amazon-us" / "samples"
    folder.mkdir()
    shutil.copyfile(SAMPLES / GOOD, folder / GOOD)
    mine("check", "amazon-us/settlement", "--refresh")
    assert json.loads((folder / f"{GOOD}.expected.json").read_text())["counts"]["duplicate"] == 0
    # Its names are those of the home's items where the samples bring none.
    skus = {
        row.get("sku")
        for row in json.loads((folder / f"{GOOD}.expected.json").read_text())["records"]["settlement_line"]
    }
    assert skus == {None, "?M-MUG-BLUE", "?M-LAMP-3PK", "?M-SCARF", "?M-NEW-7", "?M-LAMP"}
    shutil.copyfile(SAMPLES / samples.MASTER_DATA, folder / samples.MASTER_DATA)
    done = mine("check", "amazon-us/settlement")
    assert done.code == cli.PERSON
    assert 'sku is "MUG-BLUE", expected "?M-MUG-BLUE"' in done.out


def test_check_expand_prints_toml_that_reads_as_the_merged_mapping(run: Runner) -> None:
    done = run("check", "amazon-us/settlement", "--expand")
    assert done.code == cli.DONE
    root = run.home / "mappings"
    expected, _ = load.expanded(root / "amazon-us" / "settlement.toml", root)
    printed = tomllib.loads(done.out)
    assert printed == expected
    assert "based_on" not in printed
    assert (printed["feed"], printed["file"]["delimiter"]) == ("amazon-us.settlement", "tab")
    assert len(printed["record"]) == 2
    assert done.out.startswith("# mappings/amazon-us/settlement.toml\n")


def test_an_expanded_mapping_can_take_the_place_of_the_short_one(mine: Runner) -> None:
    path = mine.home / "mappings" / "amazon-us" / "settlement.toml"
    path.write_text(mine("check", "amazon-us/settlement", "--expand").out)
    before = load.load_file(path, mine.home / "mappings")[0]
    assert before is not None and before.pack is None
    assert mine("check", "amazon-us/settlement").code == cli.DONE


def test_check_expand_tells_faults_on_standard_error(mine: Runner) -> None:
    path = mine.home / "mappings" / "amazon-us" / "settlement.toml"
    path.write_text(path.read_text() + "\n[file]\ndelimitr = 'tab'\n")
    done = mine("check", "amazon-us/settlement", "--expand")
    assert (done.code, done.out) == (cli.USAGE, "")
    assert "delimitr" in done.err


def test_toml_of_a_mapping_keeps_every_kind_of_value() -> None:
    data = {
        "feed": 'a "quoted" name', "valid_from": tomllib.loads("d = 2026-01-02")["d"], "expect": {"every": "1 day"},
        "file": {"match": ["*.csv"], "ignore": [{"name": "total", "when": "\"SKU\" = 'x'"}], "header": {"row": 4}},
        "record": [{"type": "item", "key": ["sku"], "fields": {"sku": "SKU", "_n": {"constant": 0, "map": {"01": "A"}}}}],
    }  # fmt: skip
    assert tomllib.loads(toml.text(data)) == data


# --- try -------------------------------------------------------------------------------------------------------


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


def test_try_with_a_broken_mapping_tells_its_fault(mine: Runner) -> None:
    path = mine.home / "mappings" / "amazon-us" / "settlement.toml"
    path.write_text(path.read_text() + "\n[file]\ndelimitr = 'tab'\n")
    done = mine("try", "amazon-us/settlement", str(SAMPLES / GOOD))
    assert (done.code, done.out) == (cli.USAGE, "")
    assert "settlement.toml:" in done.err


# --- query -----------------------------------------------------------------------------------------------------


def test_query_prints_a_table_csv_or_json(run: Runner) -> None:
    sql = "select canonical_class, sum(amount) as amount from settlement_line group by 1 order by 1 limit 2"
    expected = [
        {"canonical_class": "advertising", "amount": "-45.1100"},
        {"canonical_class": "commission", "amount": "-21.0000"},
    ]
    assert json.loads(run("query", sql, "--format", "json").out) == expected
    assert list(csv.DictReader(io.StringIO(run("query", sql, "--format", "csv").out))) == expected
    assert run("query", sql).out.splitlines()[1].split() == ["advertising", "-45.1100"]


def test_query_gives_identifiers_days_and_blanks_as_plain_values(run: Runner) -> None:
    sql = "select source_key, deposit_date, payout_ref from settlement"
    (row,) = json.loads(run("query", sql, "--format", "json").out)
    assert re.fullmatch(r"[0-9a-f-]{36}", row["source_key"])
    assert (row["deposit_date"], row["payout_ref"]) == ("2026-11-04", None)


def test_query_without_rows_still_has_its_header(run: Runner) -> None:
    sql = "select sku, name from item where false"
    assert run("query", sql, "--format", "csv").out == "sku,name\n"
    assert run("query", sql, "--format", "json").out == "[]\n"
    assert run("query", sql).out == "(none)\n"


def test_query_as_of_sees_the_ledger_as_it_stood(mine: Runner) -> None:
    count = "select count(*) as n from item"
    (snapshot,) = json.loads(
        mine("query", "select max(snapshot_id) as n from lake.snapshots()", "--format", "json").out
    )
    (mine.home / "inbound" / "master-data" / "items-2.csv").write_text(ITEMS.replace("BLUE", "RED"))
    assert mine("once", "--now", NOW).code == cli.DONE
    assert json.loads(mine("query", count, "--format", "json").out) == [{"n": 2}]
    assert json.loads(mine("query", count, "--as-of", str(snapshot["n"]), "--format", "json").out) == [{"n": 1}]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from item", "drop table item", "select 1; select 2", "attach 'x.db'", "copy item to 'x.csv'",
        "select * from nothing", "selec 1", "select * from read_csv('/etc/passwd')", "select 1 as a, 2 as a", "",
    ],
)  # fmt: skip
def test_query_refuses_what_is_no_question_in_one_line(run: Runner, sql: str) -> None:
    done = run("query", sql)
    assert (done.code, done.out) == (cli.USAGE, "")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["--as-of", "then"], ["--as-of", "1999-01-01"]])
def test_query_refuses_what_it_does_not_know(run: Runner, arguments: list[str]) -> None:
    done = run("query", "select 1", *arguments)
    assert (done.code, done.out) == (cli.USAGE, "")


# --- verify, replay, release -----------------------------------------------------------------------------------


def test_verify_ends_with_zero_until_something_was_touched(mine: Runner) -> None:
    assert mine("verify").code == cli.DONE
    with lake.open_lake(mine.home, config.load(mine.home)) as ledger:
        ledger.con.execute("update lake.settlement_line set amount = amount + 1 where amount = 250")
    done = mine("verify")
    assert done.code == cli.PERSON
    assert "settlement_line" in done.out


def test_replay_of_a_file_that_did_not_change_is_a_duplicate(mine: Runner) -> None:
    before = mine("query", "select count(*) as n from journal_line", "--format", "json").out
    done = mine("replay", file_ids(mine)[GOOD])
    assert done.code == cli.DONE
    assert re.search(rf"{re.escape(GOOD)} +amazon-us\.settlement +31 +0 +0 +31 +0", done.out)
    assert mine("query", "select count(*) as n from journal_line", "--format", "json").out == before


def test_release_lets_a_held_file_post(mine: Runner) -> None:
    identifier = file_ids(mine)[HELD]
    done = mine("release", identifier)
    assert done.code == cli.DONE
    assert re.search(rf"^RELEASED +amazon-us +{HELD}", done.out, re.MULTILINE)
    sql = "select amount from settlement_line where settlement_id = '18412096999'"
    assert json.loads(mine("query", sql, "--format", "json").out) == [{"amount": "-31.0000"}]
    actions = json.loads(
        mine("query", "select action from audit_log where action like 'file.rel%'", "--format", "json").out
    )
    assert actions == [{"action": "file.released"}]
    assert mine("release", identifier).code == cli.USAGE


def test_only_a_held_file_is_released(mine: Runner) -> None:
    before = mine("query", "select max(seq) as n from audit_log", "--format", "json").out
    done = mine("release", file_ids(mine)[GOOD])
    assert (done.code, done.out, done.err.count("\n")) == (cli.USAGE, "", 1)
    assert "Only held files" in done.err
    assert mine("query", "select max(seq) as n from audit_log", "--format", "json").out == before


@pytest.mark.parametrize("command", ["replay", "release"])
def test_an_unknown_file_is_told_in_one_line(mine: Runner, command: str) -> None:
    done = mine(command, "0123456789abcdef")
    assert (done.code, done.err.count("\n")) == (cli.USAGE, 1)
    assert "0123456789abcdef" in done.err


# --- generate, and the program as a whole -----------------------------------------------------------------------


def test_generate_writes_drops_and_the_truth_and_names_the_next_command(mine: Runner) -> None:
    done = mine("generate", "--days", "7", "--orders-per-day", "5", "--seed", "3")
    assert done.code == cli.DONE
    assert (mine.home / "truth.csv").is_file()
    assert (mine.home / "inbound" / "master-data" / "items.csv").is_file()
    assert re.search(r"once --now \d{4}-", done.out)


@pytest.mark.parametrize("arguments", [["--days", "1"], ["--orders-per-day", "0"], ["--seed", "x"]])
def test_generate_refuses_sizes_that_make_no_business(run: Runner, arguments: list[str]) -> None:
    assert run("generate", *arguments).code == cli.USAGE


def test_help_names_every_command() -> None:
    done = process("--help")
    named = {
        "init",
        "once",
        "run",
        "status",
        "check",
        "try",
        "query",
        "verify",
        "backup",
        "replay",
        "release",
        "notify",
        "generate",
        "demo",
    }
    assert done.returncode == 0
    assert named <= set(re.findall(r"\w+", done.stdout))


def test_the_program_in_a_pipe_keeps_answers_and_errors_apart(settled: Path, tmp_path: Path) -> None:
    answer = process("-C", str(settled), "query", "select sku from item", "--format", "csv")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "sku\nMUG-BLUE\n", "")
    refused = process("status", cwd=tmp_path)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (cli.USAGE, "", 1)
