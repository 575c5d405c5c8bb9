"""A file that a pack reads: the draft names the pack, and what differs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import xlsxwriter

from gateway import suggest
from gateway.errors import HouseError
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.library.load import load_file
from gateway.mapping.library.samples import samples
from gateway.mapping.lint import lint
from tests.suggest.measure import ROOT, shipped


@pytest.fixture(scope="module")
def packs() -> Mapping[str, Loaded]:
    return shipped()


def test_every_sample_of_a_pack_leads_to_that_pack(packs: Mapping[str, Loaded]) -> None:
    alike, count = set[str](), 0
    for name, pack in packs.items():
        for sample in samples(pack.path):
            found = suggest.drafts([sample], packs, "somebody")
            count += 1
            if name not in [draft.based_on for draft in found]:
                assert f"{name} too" in "".join(map(suggest.text, found)), sample
                alike.add(name)
    assert count > 130
    # The same message means another thing from a supplier: only a person knows who sends it. Balances of accounts have
    # the columns of a bank's list.
    known = {"standard/edifact/DESADV-supplier", "standard/x12/856-supplier", "standard/csv/opening-balances"}
    assert alike == known


def test_an_interchange_names_its_sender_and_the_sets_that_nobody_reads(
    packs: Mapping[str, Loaded], tmp_path: Path
) -> None:
    text = (ROOT / "standard" / "x12" / "samples" / "945.edi").read_text()
    [draft] = suggest.drafts([ROOT / "standard" / "x12" / "samples" / "945.edi"], packs, "acme")
    assert (draft.feed, draft.based_on) == ("acme.945", "standard/x12/945")
    assert [(line.key, line.value, line.certainty) for line in draft.file] == [("sender", '"ZZ/3PLEAST"', "sure")]
    file = tmp_path / "945.edi"
    file.write_text(text.replace("ST*945*", "ST*944*", 1))
    [draft] = suggest.drafts([file], {"standard/x12/945": packs["standard/x12/945"]}, "acme")
    assert draft.notes[-1] == "No pack reads these sets of the file: 944."


def test_columns_with_names_of_the_same_meaning_are_overrides(packs: Mapping[str, Loaded], tmp_path: Path) -> None:
    """The pack has Location, Count date, SKU, Status, Counted; the file says the same in other words."""
    folder = tmp_path / "mappings" / "acme"
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "standard", tmp_path / "mappings" / "standard")
    file = tmp_path / "count 2026-11-20.xlsx"
    book = xlsxwriter.Workbook(str(file))
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Lager", "Count date", "SKU", "Statut", "Gezählt"])
    sheet.write_row(1, 0, ["WH-1", "2026-11-20", "MUG-BLUE", "OK", 12])
    book.close()
    [draft] = suggest.drafts([file], packs, "acme")
    assert draft.based_on == "standard/spreadsheet/stock-count"
    path = folder / "stock-count.toml"
    path.write_text(suggest.text(draft), encoding="utf-8")
    loaded, faults = load_file(path, tmp_path / "mappings")
    assert loaded is not None and faults == [] and lint.check(loaded, {}) == []
    assert loaded.mapping.file.match == ("count *.xlsx",)
    assert loaded.mapping.file.options["other_names"] == {
        "Location": ["Lager"],
        "Status": ["Statut"],
        "Counted": ["Gezählt"],
    }


def test_all_sets_of_several_interchanges_are_read(packs: Mapping[str, Loaded], tmp_path: Path) -> None:
    first, second = (ROOT / "standard" / "x12" / "samples" / name for name in ("945.edi", "846.edi"))
    other = tmp_path / "other.edi"
    other.write_text(first.read_text().replace("3PLEAST ", "3PLWEST "))
    assert [one.based_on for one in suggest.drafts([first, second], packs, "acme")] == [
        "standard/x12/945",
        "standard/x12/846",
    ]
    [draft] = suggest.drafts([first, other], packs, "acme")
    assert draft.file == [] and "Several senders: ZZ/3PLEAST, ZZ/3PLWEST." in draft.notes[-1]
    table = tmp_path / "a.csv"
    table.write_text("SKU,Qty\nA,1\n")
    with pytest.raises(HouseError, match=r"read a\.csv: it is not x12, as 945\.edi is"):
        suggest.drafts([first, table], packs, "acme")
