"""Standard packs: each is sound, has samples, and reads them as expected, row by row."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from gateway import init as homes
from gateway.errors import FileError, HouseError
from gateway.home import Home, open_home, open_samples
from gateway.intake.attempt import attempt
from gateway.ledger import verify
from gateway.mapping.library import load, samples
from gateway.mapping.library.load import Loaded
from gateway.mapping.lint import lint
from gateway.once import run_once
from tests.conftest import NOW, corpus, reconcile_only, samples_of

ROOT = Path(__file__).parents[1] / "mappings"
PACKS = sorted(ROOT.glob("standard/*/*.toml"))
SAMPLES = [(pack, sample) for pack in PACKS for sample in samples_of(pack)]


def name_of(value: Any) -> str:
    return value.relative_to(ROOT / "standard").as_posix() if isinstance(value, Path) else str(value)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home that has seen nothing; each test reads with the master data of the samples that it is about."""
    home = tmp_path_factory.mktemp("packs")
    homes.lay_down(home, examples=True)
    with open_samples(home) as gateway:
        yield gateway


def loaded(pack: Path) -> Loaded:
    found, faults = load.load_file(pack, ROOT)
    assert faults == []
    assert found is not None
    return found


def read(reader: Home, pack: Path, sample: Path) -> dict[str, Any]:
    """What a sample becomes, with the master data of the samples beside it."""
    reader.master.replace(*(samples.master_data(pack) or reader.master.tables()))
    return attempt(reader, loaded(pack), sample)


@pytest.mark.parametrize("pack", PACKS, ids=name_of)
def test_a_pack_has_no_faults(reader: Home, pack: Path) -> None:
    assert [str(fault) for fault in lint.check(loaded(pack), reader.library.lookups)] == []


@pytest.mark.parametrize("pack", PACKS, ids=name_of)
def test_a_pack_has_a_sample_that_becomes_records(pack: Path) -> None:
    expected = [sample.with_name(f"{sample.name}.expected.json") for sample in samples_of(pack)]
    assert any(rows for file in expected for rows in json.loads(file.read_text())["records"].values())


@pytest.mark.parametrize(("pack", "sample"), SAMPLES, ids=name_of)
def test_a_sample_becomes_what_is_expected_row_by_row_and_every_row_is_accounted_for(
    reader: Home, pack: Path, sample: Path
) -> None:
    found = read(reader, pack, sample)
    wanted = json.loads(sample.with_name(f"{sample.name}.expected.json").read_text(encoding="utf-8"))
    assert samples.differences(wanted, samples.shape(found)) == []
    # Entries depend on the rules of a home, so that a pack says nothing of them.
    assert sorted(wanted) == ["counts", "faults", "records"]
    counts = found["counts"]
    assert counts["received"] > 0
    assert counts["received"] == sum(counts[key] for key in ("accepted", "rejected", "duplicate", "ignored"))


@pytest.mark.parametrize("family", sorted({pack.parent for pack in PACKS}), ids=name_of)
def test_no_file_among_the_samples_is_left_unread(family: Path) -> None:
    read_ones = {sample.name for pack in family.glob("*.toml") for sample in samples_of(pack)}
    beside = {f"{name}.expected.json" for name in read_ones} | {samples.MASTER_DATA}
    assert {path.name for path in (family / "samples").iterdir()} <= read_ones | beside


def test_the_documentation_names_every_pack() -> None:
    text = (ROOT.parent / "docs" / "packs.md").read_text(encoding="utf-8")
    unnamed = [name_of(pack) for pack in PACKS if not re.search(rf"[`/]{re.escape(pack.stem)}`", text)]
    assert unnamed == []


@pytest.mark.usefixtures("without_workbooks")
def test_a_sample_of_each_pack_with_a_partner_passes_through_a_home(home: Path) -> None:
    reconcile_only(home, "j")
    given: dict[str, tuple[Path, str]] = {}
    for path in sorted((home / "mappings").glob("*/*.toml")):
        found, _ = load.load_file(path, home / "mappings")
        if path.parent.name not in load.PASSIVE and found is not None and found.pack is not None:
            pack = ROOT.parent / found.pack.name
            # The plainest sample has the shortest name; the others show what is held.
            sample = min(samples_of(pack), key=lambda one: len(one.name))
            given[found.pack.name] = (sample, path.parent.name)
    for sample, partner in given.values():
        shutil.copyfile(sample, home / "inbound" / partner / sample.name)
    with open_home(home, now=NOW) as gateway:
        files = run_once(gateway).files
        assert verify.verify(gateway.lake) == []
    assert {f.name: f.state for f in files} == {sample.name: "ACCEPTED" for sample, _ in given.values()}
    assert all(f.received == f.accepted + f.rejected + f.duplicate + f.ignored for f in files)
    assert len(given) >= 10


# --- master data of samples -----------------------------------------------------------------------------------


def folder(tmp_path: Path, text: str) -> Path:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / samples.MASTER_DATA).write_text(text)
    return tmp_path / "stock.toml"


def test_master_data_of_samples_are_items_and_their_names_in_time(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        "sku,partner,id-type,external-id,pack-qty,valid-from,valid-to\nA,,,,,,\nB,acme,3PL,X-1,12,2026-01-02,\n",
    )
    found = samples.master_data(path)
    assert found is not None
    items, aliases = found
    assert items["sku"].to_pylist() == ["A", "B"]
    (alias,) = aliases.to_pylist()
    assert (alias["alias_partner"], alias["external_id"], alias["pack_qty"]) == ("acme", "X-1", Decimal(12))
    assert (str(alias["valid_from"]), alias["valid_to"]) == ("2026-01-02", None)


@pytest.mark.parametrize("row", ["A,,3PL,X,many,,", "A,,3PL,X,1,2.1.2026,", ",,3PL,X,1,,"])
def test_master_data_that_cannot_be_read_are_reported_with_their_line(tmp_path: Path, row: str) -> None:
    path = folder(tmp_path, f"sku,partner,id-type,external-id,pack-qty,valid-from,valid-to\nB,,,,,,\n{row}\n")
    with pytest.raises(HouseError, match=r"master-data\.csv:3"):
        samples.master_data(path)


# --- public files ---------------------------------------------------------------------------------------------

CAMT = ROOT / "standard" / "iso20022" / "camt.053.toml"


def bank(reader: Home, name: str) -> dict[str, Any]:
    files = corpus("bank-camt", name)
    if not files:
        pytest.skip("the public samples are not at hand")
    return attempt(reader, loaded(CAMT), files[0])


def test_a_public_statement_of_version_2_is_read_to_the_amount(reader: Home) -> None:
    found = bank(reader, "bsp__camt.053.001.02.xml")
    assert not found["held"]
    lines = [(r["bank_ref"], r["end_to_end_ref"], r["amount"]) for r in found["records"]["bank_line"]]
    assert lines == [
        ("AAAASESS-FP-CN_98765/01", "MUELL/FINP/RA12345", "105678.5000"),
        ("AAAASESS-FP-ACCR-01", None, "-200000.0000"),
        ("AAAASESS-FP-CONF-FX", "AAAASS1085FINPSS", "30000.0000"),
    ]
    assert [r["amount"] for r in found["records"]["bank_balance"]] == ["500000.0000", "435678.5000"]


def test_a_public_statement_with_batches_balances_and_keeps_their_texts(reader: Home) -> None:
    found = bank(reader, "viafintech__053_valid_example_v4.xml")
    lines = found["records"]["bank_line"]
    assert (found["held"], len(lines)) == (False, 13)
    opening, closing = (Decimal(r["amount"]) for r in found["records"]["bank_balance"])
    assert opening + sum(Decimal(r["amount"]) for r in lines) == closing == Decimal("322689.77")
    batch = next(r for r in lines if r["bank_ref"] == "20160527007602769947016000000012")
    assert batch["amount"] == "620.0000"
    assert "MUSTER MITTEILUNG 4" in batch["remittance"]


@pytest.mark.parametrize("name", ["genkgo__camt052.v8.xml", "viafintech__054_valid_example.xml", "bsp__invalid.xml"])
def test_another_bank_message_is_refused_as_no_statement(reader: Home, name: str) -> None:
    with pytest.raises(FileError, match="expected BkToCstmrStmt"):
        bank(reader, name)


def test_patterns_of_packs_leave_other_documents_alone() -> None:
    (pattern,) = loaded(CAMT).mapping.file.match
    assert fnmatch("camt.053-20261105.xml", pattern)
    assert fnmatch("camt053.xml", pattern)
    assert not fnmatch("camt.052-20260530.xml", pattern)


def test_a_line_without_a_number_among_others_has_none_of_theirs(reader: Home, tmp_path: Path) -> None:
    pack = ROOT / "standard" / "x12" / "810.toml"
    sample = pack.with_name("samples") / "810.edi"
    path = tmp_path / sample.name
    path.write_text(sample.read_text().replace("IT1*10*", "IT1*2*", 1).replace("IT1*20*", "IT1**", 1))
    lines = attempt(reader, loaded(pack), path)["records"]["supplier_invoice_line"]
    assert {"2", "#2"} <= {row["line_no"] for row in lines}


@pytest.mark.parametrize(
    ("pack", "old", "new"),
    [
        ("x12/940", r"(W01\*24\*EA)\*\*VN", r"\1****VN"),  # the item in the second pair
        ("x12/943", r"(W04\*120\*EA)\*\*VN", r"\1****VN"),
        ("x12/943", r"(TR-3001)\*20261104", r"\1*"),
        ("x12/944", r"(W07\*100\*EA)\*\*VN\*E00001\*", r"\1*E00001***"),  # the item as a UPC
        ("x12/944", r"(W07\*100\*EA)\*\*VN\*E00001\*\*", r"\1****VN*E00001"),
        ("x12/944", r"(W17\*F)\*20261103", r"\1*261103"),
        ("x12/945", r"(W12\*CC\*2\*2\*0\*EA)\*\*VN", rf"\1{'*' * 12}VN"),
        ("x12/945", r"(W06\*F)\*SO-70001", r"\1*"),  # the purchase order says which
        ("x12/945", r"(SO-70002)\*20261105", r"\1*261105"),
        ("x12/945", r"\*20261105\*SH", r"**SH"),
        ("x12/947", r"\*ADJ-9001", ""),
        ("x12/947", r"(W19\*AA\*-3\*EA)\*\*VN", r"\1****VN"),
        ("x12/867", r"(BPT\*00)\*[^*~]+", r"\1*"),
        ("x12/820", r"(TRN\*1)\*[^*~]+", r"\1"),
        ("x12/820", r"(BPR\*(?:[^*~]*\*){15})20[0-9]{6}", r"\1"),
        ("x12/846", r"(LIN)\*[0-9]+", r"\1*"),
        ("x12/214", r"(B10)\*[^*~]+\*", r"\1**"),
        ("edifact/ORDERS", r"DTM\+137:", "DTM+4:"),
    ],
)
def test_what_a_standard_leaves_optional_may_be_missing_or_stand_elsewhere(
    reader: Home, tmp_path: Path, pack: str, old: str, new: str
) -> None:
    path = ROOT / "standard" / f"{pack}.toml"
    sample = path.with_name("samples") / f"{path.stem}.edi"
    text, count = re.subn(old, new, sample.read_text())
    assert count
    other = tmp_path / sample.name
    other.write_text(text)
    found, usual = attempt(reader, loaded(path), other), read(reader, path, sample)
    assert (found["counts"], found["held"]) == (usual["counts"], usual["held"])


def test_a_set_without_lines_does_not_pass_unseen(reader: Home, tmp_path: Path) -> None:
    """The 944 has two kinds of rows: a set is reported where it has neither."""
    pack = ROOT / "standard" / "x12" / "944.toml"
    text = (pack.with_name("samples") / "944.edi").read_text()
    path = tmp_path / "944.edi"
    text = re.sub(r"(W07|W13)\*[^~]*~\s*", "", text)
    tags = [segment.strip()[:2] for segment in text.split("~")]
    begins, count = tags.index("ST"), tags.index("SE") - tags.index("ST") + 1
    path.write_text(re.sub(r"SE\*[0-9]+\*", f"SE*{count}*", text))
    reported = [
        fault for fault in attempt(reader, loaded(pack), path)["faults"] if "nothing of it is read" in fault["message"]
    ]
    assert [(fault["code"], fault["position"]) for fault in reported] == [("ROW_DOUBTFUL", f"segment {begins + 1}")]
    assert "has no W07 and no W07/W13" in reported[0]["message"]
    usual = read(reader, pack, pack.with_name("samples") / path.name)
    assert not [fault for fault in usual["faults"] if "nothing of it is read" in fault["message"]]


def test_an_answer_to_an_order_line_without_its_code_is_rejected(reader: Home, tmp_path: Path) -> None:
    pack = ROOT / "standard" / "x12" / "855.toml"
    path = tmp_path / "855.edi"
    path.write_text((pack.with_name("samples") / path.name).read_text().replace("ACK*IA*", "ACK**"))
    found, usual = attempt(reader, loaded(pack), path), read(reader, pack, pack.with_name("samples") / path.name)
    assert found["counts"]["received"] == usual["counts"]["received"]
    assert found["counts"]["rejected"] > usual["counts"]["rejected"]
    assert found["counts"]["ignored"] == usual["counts"]["ignored"]


UBL_CANCELLED = "<cbc:DocumentStatusCode>Cancelled</cbc:DocumentStatusCode><cbc:IssueDate>"


@pytest.mark.parametrize(
    ("pack", "sample", "original", "cancelling"),
    [
        ("x12/846", "846.edi", "BIA*00*", "BIA*01*"),
        ("x12/867", "867.edi", "BPT*00*", "BPT*03*"),
        ("x12/810", "810.edi", "*2**DI~", "*2**DI*17~"),
        ("edifact/DESADV", "DESADV.edi", "LS-4711+9'", "LS-4711+1'"),
        ("edifact/REMADV", "REMADV.edi", "0031+9'", "0031+3'"),
        ("edifact/PRICAT", "PRICAT.edi", "+9'\nDTM+137", "+3'\nDTM+137"),
        ("edifact/FINSTA", "FINSTA.edi", "BGM+54+4711+9'", "BGM+54+4711+1'"),
        ("edifact/IFTSTA", "IFTSTA.edi", "+9'\nDTM+137", "+1'\nDTM+137"),
        ("x12/812", "812-does-not-tie.edi", "*10000*D~", "*10000*D******01~"),
        ("ubl/despatch-advice", "despatch-advice.xml", "<cbc:IssueDate>", UBL_CANCELLED),
        ("ubl/receipt-advice", "receipt-advice.xml", "<cbc:IssueDate>", UBL_CANCELLED),
        ("cxml/ship-notice", "ship-notice.xml", '"new"', '"delete"'),
        (
            "gs1/despatch-advice",
            "despatch-advice.xml",
            "<documentStatusCode>",
            "<documentActionCode>DELETE</documentActionCode><documentStatusCode>",
        ),
        (
            "gs1/inventory-report",
            "inventory-report.xml",
            "<documentStatusCode>",
            "<documentActionCode>DELETE</documentActionCode><documentStatusCode>",
        ),
    ],
)
def test_a_document_that_cancels_an_earlier_one_is_never_taken_as_another_original(
    reader: Home, tmp_path: Path, pack: str, sample: str, original: str, cancelling: str
) -> None:
    text = (ROOT / "standard" / pack).parent.joinpath("samples", sample).read_text()
    assert original in text
    path = tmp_path / sample
    path.write_text(text.replace(original, cancelling))
    found = attempt(reader, loaded(ROOT / "standard" / f"{pack}.toml"), path)
    [code] = {"01", "03", "17", "1", "3", "delete", "DELETE", "Cancelled"} & set(re.findall(r"\w+", cancelling))
    assert any(f'"{code}" is not a known code for _purpose' in fault["message"] for fault in found["faults"])
    assert found["counts"]["accepted"] == 0


def test_a_simulated_advice_of_a_warehouse_ships_nothing(reader: Home, tmp_path: Path) -> None:
    for name in ("943", "945"):
        pack = ROOT / "standard" / "x12" / f"{name}.toml"
        path = tmp_path / f"{name}.edi"
        path.write_text((pack.with_name("samples") / path.name).read_text().replace("W06*F*", "W06*K*"))
        found = attempt(reader, loaded(pack), path)
        assert (found["faults"], found["counts"]["accepted"]) == ([], 0)
        assert found["counts"]["ignored"] == found["counts"]["received"] > 0


@pytest.mark.parametrize(("total", "faults"), [("1318.80", 0), ("360.00", 0), ("958.80", 1)])
def test_a_cancelled_line_of_a_ubl_order_is_cancelled(reader: Home, tmp_path: Path, total: str, faults: int) -> None:
    """By hand: 958.80 are cancelled, and 8 pieces of which two cost 90 stay; the total may hold both or what stays."""
    pack = ROOT / "standard" / "ubl" / "order.toml"
    text = (pack.parent / "samples" / "order.xml").read_text().replace(">1318.80<", f">{total}<")
    path = tmp_path / "order.xml"
    status = "<cbc:ID>10</cbc:ID><cbc:LineStatusCode>Cancelled</cbc:LineStatusCode>"
    path.write_text(text.replace("<cbc:ID>10</cbc:ID>", status))
    found = attempt(reader, loaded(pack), path)
    lines = [(one["order_status"], one["cancelled_qty"]) for one in found["records"]["order_line"]]
    assert lines == [("CANCELLED", "120.0000"), ("OPEN", None)]
    assert len([fault for fault in found["faults"] if fault["code"] == "CONTROL_TOTAL"]) == faults


def test_an_account_without_entries_whose_balances_differ_is_held(reader: Home, tmp_path: Path) -> None:
    pack = ROOT / "standard" / "edifact" / "FINSTA.toml"
    path = tmp_path / "FINSTA.edi"
    path.write_text((pack.parent / "samples" / path.name).read_text().replace("MOA+343:-50.00:EUR", "MOA+343:-60:EUR"))
    assert [fault["message"] for fault in attempt(reader, loaded(pack), path)["faults"]] == [
        "opening + booked entries = closing for 6789-111111.00C, CH-4713/2026: the rows make 0, the file states -10, "
        "difference 10"
    ]


ORDERS = (ROOT / "standard" / "edifact" / "samples" / "ORDERS.edi").read_text()


@pytest.mark.parametrize(
    ("function", "line", "states"),
    [
        ("9", "LIN+1++", [("OPEN", None)] * 3),
        ("", "LIN+1++", [("OPEN", None)] * 3),
        ("1", "LIN+1++", [("CANCELLED", "10.0000"), ("CANCELLED", "200.0000"), ("CANCELLED", "3.0000")]),
        ("4", "LIN+1+2+", [("CANCELLED", "10.0000"), ("OPEN", None), ("OPEN", None)]),
        ("27", "LIN+1++", []),
    ],
)
def test_the_function_of_an_edifact_order_and_the_action_on_its_line_say_what_is_open(
    reader: Home, tmp_path: Path, function: str, line: str, states: list[tuple[str, str | None]]
) -> None:
    path = tmp_path / "ORDERS.edi"
    path.write_text(ORDERS.replace("4500012345+9'", f"4500012345+{function}'").replace("LIN+1++", line))
    lines = attempt(reader, loaded(ROOT / "standard" / "edifact" / "ORDERS.toml"), path)["records"]["order_line"]
    assert [(one["order_status"], one["cancelled_qty"]) for one in lines] == states


def test_an_edifact_order_without_lines_is_rejected_to_a_person(reader: Home, tmp_path: Path) -> None:
    head, _, items = ORDERS.partition("LIN+1+")
    tail = "UNS+S'\nCNT+2:0'\nUNT+{}+1'\nUNZ+1+" + items.rpartition("UNZ+1+")[2]
    path = tmp_path / "ORDERS.edi"
    path.write_text(head + tail.format(head.count("'") - head.count("?'") - 2 + 3))
    found = attempt(reader, loaded(ROOT / "standard" / "edifact" / "ORDERS.toml"), path)
    assert [fault["message"] for fault in found["faults"]] == ["LIN/1082: is blank, but line_no is required"]
