"""`gateway check`."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import cast

import pytest

from gateway import cli
from gateway import settings as configuration
from gateway.cli import check, names
from gateway.home import Home
from gateway.mapping.language import toml
from gateway.mapping.library import load, samples
from tests.cli.command import GOOD, ROOT, SAMPLES, Runner


@pytest.mark.parametrize(
    ("owner", "template", "message"),
    [
        ("IN", "Subject: ${cout}\n", "templates/alert.txt:1: there is no ${cout}"),
        ("XX", "Subject: x\n", "check notify.to XX: no exception has this owner"),
    ],
)
def test_check_reports_slips_of_notifications(mine: Runner, owner: str, template: str, message: str) -> None:
    (mine.home / "templates").mkdir()
    (mine.home / "templates" / "alert.txt").write_text(template)
    settings = mine.home / "config.toml"
    recipient = f'[[notify.to]]\nowner = "{owner}"\nwebhook = "https://x.example"\nsecret_env = "S"\n'
    settings.write_text(f"{settings.read_text()}\n{recipient}")
    done = mine("check")
    assert done.code == cli.USAGE
    assert message in done.err


def test_one_check_lists_the_faults_of_settings_rules_and_mappings(mine: Runner) -> None:
    slips = {
        "config.toml": ("\n[tolerances]\n", "`tolerances`"),
        "mappings/posting.toml": ("\n[postings]\n", "`postings`"),
        "mappings/amazon-us/settlement.toml": ("\n[files]\n", "`files`"),
    }
    for name, (slip, _) in slips.items():
        path = mine.home / name
        path.write_text(path.read_text() + slip)
    done = mine("check", "amazon-us/settlement")
    for name, (_, key) in slips.items():
        last = len((mine.home / name).read_text().splitlines())
        assert f"{name}:{last}: unknown key {key}" in done.out
    assert "Samples were not checked" in done.out
    assert done.out.splitlines()[-1] == "Mappings checked: 1; faults: 3."
    assert done.code == cli.USAGE


def test_a_mapping_of_a_partner_without_settings_is_a_fault_where_there_are_several_entities(mine: Runner) -> None:
    settings = mine.home / "config.toml"
    text = settings.read_text().replace("[partners.amazon-us]", "[partners.amazon-uk]")
    settings.write_text(text)
    done = mine("check", "amazon-us/settlement")
    assert '"amazon-us" is not one of [partners] in config.toml; did you mean "amazon-uk"?' in done.out
    assert done.code == cli.USAGE


def test_check_reads_partners_and_packs_with_their_samples(mine: Runner) -> None:
    expected = mine.home / "mappings" / "standard" / "csv" / "samples" / "items.csv.expected.json"
    expected.write_text(expected.read_text().replace("Gift card", "Gift cart"))
    done = mine("check")
    packs = len(list((ROOT / "mappings").glob("standard/*/*.toml")))
    own = len([p for p in (mine.home / "mappings").glob("*/*.toml") if p.parent.name not in load.PASSIVE])
    difference, total = done.out.splitlines()
    assert difference.endswith('items.csv: item 3: name is "Gift card", expected "Gift cart"')
    assert total == f"Mappings checked: {packs + own}; faults: 1."
    assert done.code == cli.PERSON


def test_check_names_file_line_and_fix_of_a_slip(mine: Runner) -> None:
    path = mine.home / "mappings" / "amazon-us" / "settlement.toml"
    path.write_text(
        path.read_text() + '\n[file]\ndelimitr = "tab"\n\n[[record]]\ntype = "settlement_line"\n'
        '[record.fields]\namont = "amount"\n'
    )
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


def test_check_notes_a_home_that_everybody_on_the_machine_can_look_into(mine: Runner) -> None:
    mine.home.chmod(0o755)
    done = mine("check", "amazon-us/orders")
    assert (done.code, done.out.splitlines()[0]) == (
        cli.DONE,
        f"Note: everybody on this machine can look into the home. Fix: chmod 0750 {mine.home}",
    )


def test_check_of_a_mapping_that_is_not_there_names_the_nearest(run: Runner) -> None:
    done = run("check", "amazon-us/setlement")
    assert (done.code, done.out) == (cli.USAGE, "")
    assert "Fix: Write amazon-us/settlement," in done.err


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


def test_what_ends_the_transaction_of_a_sample_is_tried_without_one(
    reader: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Path] = []

    def attempt(home: Home, loaded: object, sample: Path) -> dict[str, object]:
        tries.append(sample)
        if len(tries) == 1:
            home.lake.con.execute("select cast('x' as integer)")
        return {"received": home.lake.con.execute("select count(*) from file").fetchone()}

    monkeypatch.setattr("gateway.intake.attempt.attempt", attempt)
    assert check._tried(reader, cast(load.Loaded, None), Path("a.csv")) == {"received": (0,)}
    assert len(tries) == 2


def test_what_did_not_change_since_a_check_without_faults_is_not_read_again(mine: Runner) -> None:
    folder = mine.home / "mappings" / "amazon-us" / "samples"
    folder.mkdir()
    shutil.copyfile(SAMPLES / GOOD, folder / GOOD)
    expected = folder / f"{GOOD}.expected.json"
    expected.write_text('{"counts": {"accepted": 30}}')
    for _ in range(2):  # A fault is found each time.
        assert "accepted: 31, expected 30" in mine("check", "amazon-us/settlement").out
    expected.write_text('{"counts": {"accepted": 31}}')
    assert mine("check", "amazon-us/settlement").code == cli.DONE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "_tried", lambda *_: pytest.fail("was read again"))
        patch.setattr("gateway.home.open_samples", lambda *_: pytest.fail("was opened"))
        again = mine("check", "amazon-us/settlement")
    assert (again.code, again.out) == (cli.DONE, "Mappings checked: 1; faults: 0.\n")
    (folder / GOOD).write_text((folder / GOOD).read_text().replace("MUG-BLUE", "MUG-BLUE\t"))
    assert mine("check", "amazon-us/settlement").code == cli.PERSON


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


def test_check_expand_reports_faults_on_standard_error(mine: Runner) -> None:
    path = mine.home / "mappings" / "amazon-us" / "settlement.toml"
    path.write_text(path.read_text() + "\n[file]\ndelimitr = 'tab'\n")
    done = mine("check", "amazon-us/settlement", "--expand")
    assert (done.code, done.out) == (cli.USAGE, "")
    assert "delimitr" in done.err


def test_toml_of_a_mapping_keeps_every_kind_of_value() -> None:
    data = {
        "feed": 'a "quoted" name',
        "valid_from": tomllib.loads("d = 2026-01-02")["d"],
        "expect": {"every": "1 day"},
        "file": {"match": ["*.csv"], "ignore": [{"name": "total", "when": "\"SKU\" = 'x'"}], "header": {"row": 4}},
        "record": [
            {"type": "item", "key": ["sku"], "fields": {"sku": "SKU", "_n": {"constant": 0, "map": {"01": "A"}}}}
        ],
    }
    assert tomllib.loads(toml.text(data)) == data


def test_check_notes_a_table_that_the_books_need_with_another(mine: Runner) -> None:
    """The settled home has items, orders and settlements: nothing says what leaves the stock."""
    mapping = mine.home / "mappings" / "amazon-us" / "orders.toml"
    text = mine("check", "amazon-us/orders", "--expand").out
    first = text.index("[[record]]", text.index("[[record]]") + 1)
    mapping.write_text(text[:first])
    note = (
        "Note: mappings/amazon-us/orders.toml fills order_line, and no mapping of this home fills shipment_line, which"
    )
    assert note in mine("check", "amazon-us/orders").out
    mapping.write_text(text)
    assert "fills order_line" not in mine("check", "amazon-us/orders").out


def test_a_location_that_the_ledger_does_not_have_is_reported_where_the_ledger_has_locations(home: Path) -> None:
    root = home / "mappings"
    (root / "acme").mkdir()
    path = root / "acme" / "stock.toml"
    path.write_text(STOCK_AT_TWO_PLACES)
    loaded, _ = load.load_file(path, root)
    assert loaded is not None
    settings = configuration.load(home)
    found = [str(each) for each in names.unknown(loaded, settings, {"DC1"}) if "location" in each.message]
    assert len(found) == 1
    assert found[0].startswith('mappings/acme/stock.toml:13: `location`: "WH-9" is no location of the ledger')
    assert not [each for each in names.unknown(loaded, settings, ()) if "location" in each.message]


STOCK_AT_TWO_PLACES = """feed = "acme.stock"
partner = "acme"

[file]
match = ["stock*.csv"]
format = "delimited"

[[record]]
type = "inventory_snapshot"
key = ["location", "sku", "as_of"]

[record.fields]
location = { from = "Place", map = { east = "DC1", west = "WH-9" } }
as_of = "Day"
scope = { constant = "FULL" }
sku = "SKU"
status = { constant = "AVAILABLE" }
qty = "Units"
"""
