"""What the standard packs take of public documents, and what a document may leave out."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.intake.attempt import attempt
from gateway.intake.translate import filled
from gateway.mapping.library.load import load_file
from tests.conftest import MAPPINGS, case, corpus, tried
from tests.coverage_of_packs import measure, samples, table

STANDARD = MAPPINGS / "standard"
PLACES = ("location", "from_location", "to_location")
ISA = "ISA*00*          *00*          *ZZ*SENDERX        *ZZ*GATEWAY        *260110*0615*U*00401*000000101*0*P*>~"


def written(path: Path, kind: str, group: str, *segments: str) -> Path:
    body = [f"GS*{group}*SENDERX*GATEWAY*20260110*0615*101*X*004010", f"ST*{kind}*0001", *segments]
    path.write_text(ISA + "~".join([*body, f"SE*{len(segments) + 2}*0001", "GE*1*101", "IEA*1*000000101", ""]))
    return path


def test_a_share_of_public_documents_is_taken(reader: Home) -> None:
    paths = corpus("x12", "node-x12__850_[23].edi", "node-x12__855.edi", "staedi__invoice810_po850_dual.edi")
    paths += corpus("edifact", "staedi__invoic_d97b.edi", "vscode-edi__sample-orders.edifact")
    if not paths:
        pytest.skip("the public samples are not at hand")
    shares = measure(reader, paths)
    assert {kind: share.taken / share.lines for kind, share in shares.items()} == {
        "x12 850": 1,
        "x12 855": 1,
        "x12 810": 1,
        "edifact INVOIC": 1,
        "edifact ORDERS": 1,
    }


def test_the_page_shows_the_shares_that_are_measured(reader: Home) -> None:
    """The rows of two documents; of all with DOCUMENTS=all, as `make nightly` does."""
    if not corpus("x12"):
        pytest.skip("the public samples are not at hand")
    page = (MAPPINGS.parent / "docs" / "formats.md").read_text().split("### What the packs take")[1].split("\n## ")[0]
    kinds = () if os.environ.get("DOCUMENTS") == "all" else ("x12 855", "edifact DESADV")
    measured = table(measure(reader, samples(), kinds)).splitlines()
    shown = [row for row in page.splitlines() if row.startswith("|")]
    assert measured == [row for row in shown if not kinds or row in shown[:2] or row.split(" | ")[0][2:] in kinds]


WAREHOUSE = [("x12", kind) for kind in ("846", "861", "943", "944", "945", "947")]
WAREHOUSE += [("edifact", kind) for kind in ("INVRPT", "INVRPT-D96A", "RECADV", "DESADV")]


def without_parties(path: Path, into: Path, edifact: bool) -> Path:
    """A sample without its segments of names, addresses and places, its segments counted again."""
    end, gap = ("'", "+") if edifact else ("~", "*")
    kept: list[str] = []
    since = 0
    for segment in path.read_text().replace("\n", "").split(end):
        parts = segment.split(gap)
        if parts[0] in ("N1", "N2", "N3", "N4", "NAD", "LOC"):
            continue
        since = len(kept) if parts[0] in ("ST", "UNH") else since
        if parts[0] in ("SE", "UNT"):
            segment = gap.join([parts[0], str(len(kept) - since + 1), *parts[2:]])
        kept.append(segment)
    into.write_text(end.join(kept))
    return into


@pytest.mark.parametrize(("format_", "kind"), WAREHOUSE)
def test_a_document_of_a_warehouse_may_leave_out_its_place(
    reader: Home, tmp_path: Path, format_: str, kind: str
) -> None:
    loaded, faults = load_file(STANDARD / format_ / f"{kind}.toml", MAPPINGS)
    assert loaded is not None and not faults
    mapping = filled(loaded.mapping, {"{location}": "THEIRS", "{currency}": "EUR"})
    sample = STANDARD / format_ / "samples" / f"{kind}.edi"
    bare = without_parties(sample, tmp_path / sample.name, format_ == "edifact")
    whole, found = (attempt(reader, replace(loaded, mapping=mapping), path) for path in (sample, bare))
    assert found["counts"] == whole["counts"]
    places = {row.get(name) for rows in found["records"].values() for row in rows for name in PLACES} - {None}
    assert "THEIRS" in places and places <= {"THEIRS", "SUPPLIER", "CUSTOMER", "ADJUST", "TRANSIT", "UNKNOWN"}


@pytest.mark.parametrize(
    ("parties", "location", "places"),
    [
        (["N1*ST*x*92*DC2"], "THEIRS", ("THEIRS", "DC2")),
        (["N1*ST*x*92*DC2"], "DC2", ("UNKNOWN", "DC2")),  # who receives does not ship
        (["N1*ST*x*92*DC2"], "", ("UNKNOWN", "DC2")),
        (["N1*SF*x*92*DC1"], "THEIRS", ("DC1", "THEIRS")),
        (["N1*SF*x*92*DC1"], "DC1", None),
        ([], "THEIRS", ("UNKNOWN", "THEIRS")),
        (["N1*SF*x*92*DC1", "N1*ST*x*92*DC1"], "", ("DC1", "DC1")),
    ],
)
def test_a_transfer_to_a_warehouse_may_leave_out_who_ships(
    reader: Home, tmp_path: Path, parties: list[str], location: str, places: tuple[str, str] | None
) -> None:
    loaded, _ = load_file(STANDARD / "x12" / "943.toml", MAPPINGS)
    assert loaded is not None
    mapping = filled(loaded.mapping, {"{location}": location, "{currency}": "EUR"})
    lines = ["W06*F*TR-1*20260109", *parties, "W04*5*EA**VN*E1", "W03*5"]
    result = attempt(reader, replace(loaded, mapping=mapping), written(tmp_path / "a.edi", "943", "AR", *lines))
    found = [(row["from_location"], row["to_location"]) for row in result["records"].get("inventory_movement", [])]
    assert found == ([places] if places else [])
    assert result["counts"]["rejected"] == (0 if places else 1)


def test_an_order_may_leave_out_price_currency_and_number(reader: Home, tmp_path: Path) -> None:
    lines = [
        "BEG*00*SA*PO-1**20260109",
        "PO1**3*EA***VN*ABC-1",
        "PO1**2*EA*7.50**MG*XY-2",
        "PO1**1*EA*2",
        "PID*F****CUP",
    ]
    file = written(tmp_path / "a.edi", "850", "PO", *lines, "CTT*3")
    result = tried(reader, STANDARD / "x12/850.toml", file)
    text = file.read_text()
    file.write_text("\n".join(text[at : at + 9] for at in range(0, len(text), 9)))
    assert tried(reader, STANDARD / "x12/850.toml", file) == result  # line breaks within segments are none
    currency = next(iter(reader.settings.entities.values())).currency
    found = [(r["line_no"], r["sku"], r.get("list_amount"), r["currency"]) for r in result["records"]["order_line"]]
    assert found == [
        ("1", "?ABC-1", None, currency),
        ("2", "?XY-2", "15.0000", currency),
        ("3", "?CUP", "2.0000", currency),
    ]
    assert (result["counts"]["rejected"], result["held"]) == (0, False)


def test_an_invoice_without_amounts_is_taken_and_one_with_wrong_amounts_is_held(reader: Home, tmp_path: Path) -> None:
    head = "BIG*20260109*INV-1"
    blank = tried(
        reader,
        STANDARD / "x12/810.toml",
        written(tmp_path / "a.edi", "810", "IN", head, "IT1**6*EA***UP*1", "TDS*1200"),
    )
    assert [(r["line_no"], r.get("amount")) for r in blank["records"]["supplier_invoice_line"]] == [("1", None)]
    assert not blank["held"]
    wrong = tried(
        reader,
        STANDARD / "x12/810.toml",
        written(tmp_path / "b.edi", "810", "IN", head, "IT1**6*EA*3**UP*1", "TDS*1200"),
    )
    assert wrong["held"]


def test_an_invoice_of_which_some_lines_have_amounts_is_taken(reader: Home, tmp_path: Path) -> None:
    sample = (STANDARD / "edifact/samples/INVOIC.edi").read_text()
    partial = tmp_path / "INVOIC.edi"
    partial.write_text(sample.replace("PRI+AAA:1800:CT:AAA:100:PCE'\n", "").replace("UNT+40+1'", "UNT+39+1'"))
    result = tried(reader, STANDARD / "edifact/INVOIC.toml", partial)
    goods = [row for row in result["records"]["supplier_invoice_line"] if row["line_kind"] == "GOODS"]
    assert [row["amount"] for row in goods if row["invoice_no"] == "RE-77001"] == ["237.5000", None]
    assert (result["counts"]["rejected"], result["held"]) == (0, False)


def test_the_amount_of_an_invoice_line_may_be_moa_66(reader: Home) -> None:
    result = tried(reader, STANDARD / "edifact/INVOIC.toml", case("edi-146-edifact-invoic-moa66") / "in.edi")
    amounts = {r["invoice_no"]: r["amount"] for r in result["records"]["supplier_invoice_line"]}
    assert amounts == {"I66": "5.0000", "I66B": "5.0000", "I66C": "62.5000", "IGROSS": "90.0000"}
    assert (result["counts"]["rejected"], result["held"]) == (0, False)
