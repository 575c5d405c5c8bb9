"""What a draft would change: of a mapping, of rules, of settings; and nothing of the home does."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import openpyxl

from gateway import cli
from tests.cli.command import GOOD, HELD, Runner, content
from tests.cli.conftest import mine, run, settled

__all__ = ["mine", "run", "settled"]


def kept(mine: Runner) -> dict[str, str]:
    """What lies in the home, without what SQLite keeps beside a catalog that is read."""
    return {name: digest for name, digest in content(mine.home).items() if not name.endswith(("-wal", "-shm"))}


def draft(mine: Runner, tmp_path: Path, old: str, new: str) -> Path:
    """The mapping of the settlement with another text, outside of the home."""
    text = mine("check", "amazon-us/settlement", "--expand").out
    assert text.count(old) == 1
    path = tmp_path / "draft.toml"
    path.write_text(text.replace(old, new))
    return path


def test_a_draft_of_a_mapping_shows_rows_journal_and_exceptions_and_changes_nothing(
    mine: Runner, tmp_path: Path
) -> None:
    path = draft(
        mine, tmp_path, 'sku = {from = "sku", alias = "MSKU"}', 'sku = {from = "order-item-code", alias = "MSKU"}'
    )
    before = kept(mine)
    book = tmp_path / "what-if.xlsx"
    done = mine("what-if", str(path), "--workbook", str(book))
    assert done.code == cli.DONE
    assert done.out.startswith("2 files were read under the draft: ")
    assert "settlement_line amazon-us.settlement: as many rows (" in done.out
    assert "SKU_UNKNOWN amazon-us|" in done.out
    assert kept(mine) == before
    cells = [[cell.value for cell in row] for row in openpyxl.load_workbook(book)["ROWS"].iter_rows()]
    assert any(row[:2] == ["settlement_line", "amazon-us.settlement"] for row in cells)
    assert "it exists" in mine("what-if", str(path), "--workbook", str(book)).err


def test_a_draft_that_says_the_same_changes_nothing(mine: Runner, tmp_path: Path) -> None:
    path = draft(mine, tmp_path, 'description = "Amazon', 'description = "The same: Amazon')
    assert json.loads(mine("what-if", str(path), "--json").out) == []
    assert mine("what-if", str(path), "--since", "2100-01-01").out.startswith("0 files were read")


def test_a_draft_of_rules_makes_new_books_under_both(mine: Runner, tmp_path: Path) -> None:
    """The commission goes to storage: as much less in one account as more in the other."""
    rules = (mine.home / "mappings" / "posting.toml").read_text()
    path = tmp_path / "posting.toml"
    path.write_text(rules.replace('commission        = "commission"', 'commission        = "storage"'))
    before = kept(mine)
    found = json.loads(mine("what-if", str(path), "--json").out)
    nothing = {"balance": "0"}
    changes = {
        one["role"]: Decimal((one["after"] or nothing)["balance"]) - Decimal((one["before"] or nothing)["balance"])
        for one in found
        if one["part"] == "journal"
    }
    assert changes["commission"] == -changes["storage"] != 0
    assert {one["part"] for one in found} == {"journal"}
    assert kept(mine) == before


def test_what_a_person_released_is_released_under_a_draft_of_rules_too(mine: Runner, tmp_path: Path) -> None:
    files = json.loads(mine("query", f"select file_id from file where name = '{HELD}'", "--format", "json").out)
    assert mine("release", files[0]["file_id"]).code == cli.DONE
    path = tmp_path / "posting.toml"
    path.write_text((mine.home / "mappings" / "posting.toml").read_text() + "\n")
    assert json.loads(mine("what-if", str(path), "--json").out) == []
    path = draft(mine, tmp_path, 'description = "Amazon', 'description = "The same: Amazon')
    assert json.loads(mine("what-if", str(path), "--json").out) == []
    # Under a mapping that does not read its columns it would be held, as the other file of the feed.
    path = draft(mine, tmp_path, '{from = "settlement-id", required = true}', '{from = "number", required = true}')
    found = json.loads(mine("what-if", str(path), "--json").out)
    assert {(one["file"], one["after"]["state"]) for one in found} == {(GOOD, "HELD"), (HELD, "HELD")}


def test_a_draft_that_cannot_be_used_says_why(mine: Runner, tmp_path: Path) -> None:
    before = kept(mine)
    for text, said in (
        ("x = 1\n", "it is no mapping, no rules and no settings"),
        ("x = [\n", "Correct it; `gateway check` names each mistake"),
        ('feed = "amazon-us.settlement"\npartner = "amazon-us"\n', "mappings/amazon-us/settlement.toml:"),
        ('feed = "x.y"\npartner = "../../x"\n', "leads out of the home"),
    ):
        (tmp_path / "a.toml").write_text(text)
        done = mine("what-if", str(tmp_path / "a.toml"))
        assert (done.code, done.out) == (cli.USAGE, "") and said in done.err
    assert kept(mine) == before
    assert GOOD in mine("query", "select name from file").out
