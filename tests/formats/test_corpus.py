"""Every public sample is read, or refused with a reason.

The table in docs/formats.md is made from what happens to each file here; it is rewritten by
`REFRESH=1 pytest tests/formats/test_corpus.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway import formats
from gateway.errors import FileError
from gateway.formats import forget
from gateway.formats.edi import edifact, x12
from gateway.formats.edi.interchange import stretches
from gateway.formats.text import delimited
from gateway.formats.tree import xml
from gateway.reading import Reading, ReadRequest
from gateway.settings import Limits
from tests.conftest import CORPUS, corpus
from tests.formats.test_contract import MUTATIONS, bounded, change, damaged, place

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public samples are not beside the checkout")


DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"


def rows_of(reading: Reading) -> list[dict[str, Any]]:
    return [row for batch in reading for row in batch.to_pylist()]


def request(path: Path, **more: Any) -> ReadRequest:
    return ReadRequest(path, path.name, Limits(), **more)


# --- all of it ----------------------------------------------------------------------------------------


FAMILIES = {
    "x12": ("X12", "x12"),
    "edifact": ("EDIFACT", "edifact"),
    "bank-mt940": ("MT940, MT942", "mt940"),
    "bank-bai2": ("BAI2", "bai2"),
    "bank-ofx": ("OFX", "ofx"),
    "bank-camt": ("camt.052, 053, 054", "xml"),
    "bank-csv": ("CSV of banks", "delimited"),
    "csv": ("CSV", "delimited"),
    "xlsx": ("XLSX, XLS, ODS", "workbook"),
    "xml-ubl": ("UBL", "xml"),
    "xml-cxml": ("cXML", "xml"),
    "xml-epcis": ("EPCIS", "xml"),
}
"""Folder → (name, format) of its files."""

NO_FEEDS = {
    "README.md": "says what the samples are",
    "MANIFEST.tsv": "says where they come from, and their licences",
    "bank-mt940/*.yml": "what the library that published the sample makes of it",
    "bank-camt/*.json": "what the library that published the sample makes of it",
    "bank-csv/*.json": "a text and the result that somebody expects of it",
    "csv/*.json": "the rows that are expected of the sample of that name",
    "x12/*.json": "a mapping of the library that published the samples, and its result",
    "x12/*.xml": "what the library that published the samples makes of them",
    "edifact/*.xml": "what the library that published the samples makes of them",
}
"""Files that nobody sends, and what they are instead."""

CAMT = ("BkToCstmrAcctRpt", "BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn")
SETTINGS: dict[str, dict[str, Any]] = {
    "bank-camt/*": {"root": ["Document"], "body": [*CAMT, *(f"{name}V01" for name in CAMT)]},
    "xml-cxml/*": {"doctype": True},
    "bank-csv/*": {"delimiter": "auto", "encoding": "auto"},
    "csv/*": {"delimiter": "auto", "encoding": "auto"},
    "csv/*iso-8859-7.csv": {"encoding": "iso-8859-7"},
    "csv/*countries.csv": {"comment": "#"},
    "csv/*matrix-with-comment.csv": {"comment": "#"},
    "csv/*skip-*.csv": {"comment": "#"},
    "xlsx/*issue-1024.xlsx": {"header": {"contains": ["Country", "Area"]}},
    "xlsx/*issue-320.xlsx": {"header": {"contains": ["Country", "Area"]}},
    "xlsx/*skip-rows.xlsx": {"header": {"contains": ["A", "B"]}},
    "xlsx/*Ekaterinburg*": {"header": {"contains": ["ФИО", "ИНН"]}},
    "xlsx/*deaths*": {"header": {"contains": ["Name", "Age"]}},
    "xlsx/*los-angeles*": {"header": {"row": 3}},
}
"""What a mapping of these files says of them: titles above the header, comments, an encoding that no file declares."""

REASONS = {
    r"^expected the interchange header UNB": "no interchange: UNB is missing, or other text follows UNZ",
    r"(UNT|SE) is missing": "the message is cut off",
    r"(UNT 0074|SE01|UNZ 0036|GE01) states": "its count of segments, sets or messages is wrong",
    r"(UNZ 0020|GE02) is|UNE is missing|is outside any": (
        "its envelope is wrong: a reference, or a segment that is missing or misplaced"
    ),
    r"BIN01 is": "the length of its binary data is wrong",
    r"more than edi_elements_per_segment_max": "a segment has more elements than the limit",
    r"occurs twice in this file": "the same interchange occurs twice",
    r"occurs twice in (group|interchange)": "two sets of a group, or messages, have one number",
    r"the header has \d+$": "rows with another number of cells than the header",
    r"^the file is empty$": "empty",
    r"which is read, and its rows are not read": (
        "a further sheet with the same columns, which the mapping does not name"
    ),
    r"cells to the right of the header": "a row with a value to the right of the header",
    r"^the document is empty, expected": "a document without a statement",
    r"field :25: is missing|field :60F: comes twice": "a piece of a statement: no account or no balances",
    r"(opening|closing) balance :6.F: is missing": "a piece of a statement: no account or no balances",
    r"opening balance .* make ": "opening balance and entries do not make the closing balance",
    r":90D: states|49 states|98 states|99 states": "its totals or counts are wrong",
    r"expected a file header \(01\)": "not BAI2: it does not begin with a file header",
    r"^it holds no statement": "the bank's answer holds no statement",
    r"the bank answered without a statement": "the bank's answer is an error",
    r"it is an investment statement": "an investment statement",
    r"but the file is read as cp1252$": "letters of another encoding: the rows are read, and the doubt is reported",
}
"""What messages of readers mean, in the words of the table. One that is not here was not looked at by a person."""


@dataclass(frozen=True)
class Outcome:
    """What became of a sample: "read", "set aside" (all of it or a part) or "refused", and the messages why."""

    kind: str
    why: tuple[str, ...] = ()


def matching(name: str, patterns: dict[str, Any]) -> list[Any]:
    return [value for pattern, value in patterns.items() if fnmatch(name, pattern)]


def feeds() -> list[Path]:
    """Every sample that somebody would send."""
    files = sorted(path for path in CORPUS.rglob("*") if path.is_file())
    return [path for path in files if not matching(path.relative_to(CORPUS).as_posix(), NO_FEEDS)]


def tried(path: Path) -> Outcome:
    """Find out what a file is, without its name, and read all of it."""
    own = formats.named(FAMILIES[path.parent.name][1])
    options = {k: v for one in matching(f"{path.parent.name}/{path.name}", SETTINGS) for k, v in one.items()}
    looks = formats.sniffed(path.read_bytes()[:65_536], "unnamed")
    first = formats.named(looks[0]) if looks else None
    interchange = formats.interchange_of(FAMILIES[path.parent.name][1])
    try:
        if interchange is not None:
            envelope = interchange.units(request(path))
            messages = [fault.message for unit in envelope.units for fault in unit.faults]
            messages += [fault.message for fault in envelope.faults]
            reading = interchange.read(request(path))
        elif own is xml:
            messages, reading = [], document(path, options)
        else:
            messages, reading = [], own.read(request(path, options=options))
        rows = sum(len(batch) for batch in reading)
    except FileError as error:
        return Outcome("refused", (error.cause,))
    assert first is own, f"it is read as {own}, but looks like {looks}"
    assert reading.received == rows + sum(fault.code == "ROW_REJECT" for fault in reading.faults)
    messages += [fault.message for fault in reading.faults]
    return Outcome("set aside" if messages else "read", tuple(messages))


def document(path: Path, options: dict[str, Any]) -> Reading:
    """The elements in the root as rows, once each kind of them was seen to hold what another parser finds."""
    root = etree.parse(path, etree.XMLParser(remove_comments=True, remove_pis=True, no_network=True)).getroot()
    names = dict.fromkeys(etree.QName(child).localname for child in root) or ["nothing"]
    for name in names:
        each = f"/{etree.QName(root).localname}/{name}"
        rows = rows_of(xml.read(request(path, each=each, columns=(".",), options=options)))
        assert [row["."] for row in rows] == [
            "".join(child.itertext()).strip() for child in root.iter(f"{{*}}{name}") if child.getparent() is root
        ]
    return xml.read(request(path, each=each, options=options))


@cache
def outcomes() -> dict[Path, Outcome]:
    found = {path: tried(path) for path in feeds()}
    forget()
    return found


def test_every_file_is_tried_or_no_feed() -> None:
    folders = {path.parent.name for path in feeds()}
    assert folders == set(FAMILIES)
    names = [path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*") if path.is_file()]
    assert [pattern for pattern in (*NO_FEEDS, *SETTINGS) if not any(fnmatch(name, pattern) for name in names)] == []


def words(outcome: Outcome) -> list[str]:
    """Why a sample was not read in whole, each reason once."""
    return list(dict.fromkeys(word for message in outcome.why for word in meanings(message)))


def meanings(message: str) -> list[str]:
    return list(dict.fromkeys(word for pattern, word in REASONS.items() if re.search(pattern, message)))


@pytest.mark.parametrize("folder", FAMILIES)
def test_every_reason_was_looked_at(folder: str) -> None:
    messages = {
        message for path, outcome in outcomes().items() if path.parent.name == folder for message in outcome.why
    }
    assert [message for message in messages if len(meanings(message)) != 1] == []


def table() -> str:
    """What became of the samples, by family: Markdown."""
    lines = ["| samples of | files | read | set aside in part | refused | why (files) |", "|---|---|---|---|---|---|"]
    total: Counter[str] = Counter()
    for folder, (name, _) in FAMILIES.items():
        own = [outcome for path, outcome in outcomes().items() if path.parent.name == folder]
        kinds = Counter(outcome.kind for outcome in own)
        total += kinds
        why = Counter(word for outcome in own for word in words(outcome))
        shown = "; ".join(f"{word} ({count})" for word, count in why.most_common())
        lines.append(f"| {name} | {len(own)} | {kinds['read']} | {kinds['set aside']} | {kinds['refused']} | {shown} |")
    lines.append(f"| all | {total.total()} | {total['read']} | {total['set aside']} | {total['refused']} | |")
    return "\n".join(lines) + "\n"


def test_the_documentation_lists_what_became_of_the_samples() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    head, begin, rest = text.partition("<!-- samples -->\n")
    _, end, tail = rest.partition("<!-- /samples -->\n")
    assert begin and end, "docs/formats.md has lost the marks around its table of samples"
    wanted = f"{head}{begin}{table()}{end}{tail}"
    if os.environ.get("REFRESH"):
        DOCUMENT.write_text(wanted, encoding="utf-8")
        return
    assert text == wanted, "write it anew: REFRESH=1 pytest tests/formats/test_corpus.py"


# --- interchanges -------------------------------------------------------------------------------------


X12 = corpus("x12", "*.txt", "*.edi", "*.x12")
EDIFACT = corpus("edifact", "*.txt", "*.edi", "*.edifact")
EDI = [("x12", path) for path in X12] + [("edifact", path) for path in EDIFACT]

REFUSED = {
    "edifabric2016__Edifact_INVOIC_D00A_InvalidTrailers.txt": 'found "1r"',
    "edifact-rs__d01b_invoic_conforming.edi": 'expected the interchange header UNB behind UNA, found "UNH',
    "edifact-rs__d11a_malformed.edi": 'expected the interchange header UNB behind UNA, found "BGM',
    "edifact-rs__d11a_malformed_component.edi": 'expected the interchange header UNB behind UNA, found "UNH',
    "edifact-rs__d96a_invoic_conforming.edi": 'expected the interchange header UNB behind UNA, found "UNH',
    "edifact-rs__d96a_orders_conforming.edi": 'expected the interchange header UNB behind UNA, found "UNH',
    "edifact-rs__d96a_orders_malformed.edi": 'expected the interchange header UNB behind UNA, found "BGM',
    "edifact-rs__profile_orders_demo_report.txt": 'expected the interchange header UNB, found "Validation',
}
"""Samples that are no interchange, and why."""

REPEATED_MESSAGE = "message INVOIC 509010117: UNH 0062 509010117 occurs twice in interchange 131"
REPEATED_SET = "set 810 166061414: ST02 166061414 occurs twice in group 810000263"

WRONG = {
    "edifabric2016__Edifact_INVOIC_D00A_MissingGroupTrailer.txt": ["group 5: UNE is missing"],
    "edifabric2016__Edifact_INVOIC_D00A_MultipleInvalidInterchanges.txt": [
        REPEATED_MESSAGE,
        'segment "LNB" is outside any message',
        "interchange 131: UNZ 0036 states 1 messages, there are 2",
    ],
    "edifabric2016__Edifact_INVOIC_D00A_MultipleInvalidMessages.txt": [
        "message INVOIC 509010117: UNT 0074 states 41 segments, there are 40",
        *[REPEATED_MESSAGE] * 3,
        "message INVOIC 509010117: UNT is missing, the message is cut off",
        REPEATED_MESSAGE,
        "message INVOIC 509010117: UNT is missing, the message is cut off",
        "interchange 131: UNZ 0036 states 1 messages, there are 5",
        "interchange 131: UNZ 0020 is 1, UNB 0020 is 131",
    ],
    "edifabric2016__Edifact_INVOIC_D00A_MultipleMessages.txt": [
        REPEATED_MESSAGE,
        "interchange 131: UNZ 0036 states 1 messages, there are 2",
        "interchange 131: UNZ 0020 is 1, UNB 0020 is 131",
    ],
    "edifabric2016__Edifact_INVOIC_D00A_TrailingBlanks.txt": [
        REPEATED_MESSAGE,
        "interchange 131: UNZ 0036 states 1 messages, there are 2",
        "interchange 131: UNZ 0020 is 1, UNB 0020 is 131",
    ],
    "edifabric2016__X12_810_00204_MultipleInvalidMessages.txt": [
        "segment N1 has 1081 elements, more than edi_elements_per_segment_max",
        "set 810 166061414: SE01 states 45 segments, there are 44",
        *[REPEATED_SET] * 3,
        "set 810 166061414: SE is missing, the set is cut off",
        REPEATED_SET,
        "set 810 166061414: SE is missing, the set is cut off",
        "group 810000263: GE01 states 1 sets, there are 5",
    ],
    "edifabric2016__X12_810_00204_MultipleMessages.txt": [
        REPEATED_SET,
        "group 810000263: GE01 states 1 sets, there are 2",
    ],
    "edifabric2016__X12_810_00204_ValidAndInvalidMessage.txt": [
        REPEATED_SET,
        "group 810000263: GE01 states 1 sets, there are 2",
    ],
    "node-x12__850_fat.edi": ["interchange 000003438 of 12/4405197800 occurs twice in this file"],
    "pydifact__aperak_2.edi": ["message APERAK 1: UNT 0074 states 8 segments, there are 7"],
    "pydifact__aperak_rejected_2.edi": ["message APERAK 1: UNT 0074 states 8 segments, there are 7"],
    "staedi__invalid997_min.edi": ["group 000005: GE02 is <TOO_LONG_AND_NOT_NUMERIC>, GS06 is 000005"],
    "vscode-edi__DESADV.edifact": ["message DESADV 2266: UNH 0062 2266 occurs twice in interchange 000000128"],
    "staedi__nonnumeric_BIN01.edi": ['BIN01 is "11a", and the segment does not end after that many bytes'],
}
"""What is wrong with the envelopes of the samples; with all others nothing is."""


@pytest.mark.parametrize(("name", "path"), EDI, ids=lambda value: getattr(value, "name", value))
def test_interchanges_are_read_or_refused(name: str, path: Path) -> None:
    module = {"x12": x12, "edifact": edifact}[name]
    begin, control = ("ST", "ST/02") if name == "x12" else ("UNH", "UNH/01")
    try:
        envelope = module.units(request(path))
    except FileError as error:
        assert path.name in REFUSED, error
        assert REFUSED[path.name] in (error.cause or "")
        assert error.hint
        return
    assert path.name not in REFUSED
    assert module.sniff(path.read_bytes()[:4096], path.name)
    messages = [fault.message for unit in envelope.units for fault in unit.faults]
    assert [*messages, *(fault.message for fault in envelope.faults)] == WRONG.get(path.name, [])
    reading = module.read(request(path, each=begin, columns=(control,)))
    rows = rows_of(reading)
    assert len(rows) == len(envelope.units) == reading.received
    assert [row[control] for row in rows] == [unit.control for unit in envelope.units]


@pytest.mark.parametrize(
    ("name", "path"),
    [(name, path) for name, path in EDI if path.with_suffix(".xml").exists()],
    ids=lambda value: getattr(value, "name", value),
)
def test_segments_agree_with_the_expected(name: str, path: Path) -> None:
    """The XML beside a sample names every segment of its message with its values, in order."""
    syntax = {"x12": x12, "edifact": edifact}[name].SYNTAX
    table = next(iter(stretches(request(path), syntax))).table
    first, last = (int(table.where(tag)[0]) for tag in (("ST", "SE") if name == "x12" else ("UNH", "UNT")))
    tokens = table.tokens.to_pylist()
    found = []
    for index in range(first, last + 1):
        begin = int(table.parts[table.first[index]])
        end = int(table.parts[table.first[index] + table.elements[index] + 1])
        found.append((table.id(index), [token for token in tokens[begin + 1 : end] if token]))
    expected = [
        (
            str(etree.QName(node).localname).removeprefix("S_").partition("_")[0],
            [leaf.text for leaf in node.iter() if len(leaf) == 0 and leaf.text],
        )
        for node in etree.parse(path.with_suffix(".xml")).iter("{*}*")
        if etree.QName(node).localname.startswith("S_")
    ]
    if "RepeatingDataElement" in path.name:
        # Syntax version 1 knows no repetitions: an asterisk there stands for itself.
        expected = [(tag, ["1", "2*3", "4"] if tag == "COM" else values) for tag, values in expected]
    assert found == expected


def test_an_order_agrees_with_the_expected() -> None:
    folder = CORPUS / "x12"
    wanted = json.loads((folder / "node-x12__850_map_result.json").read_text())
    paths = (
        "ST/01",
        "ST/02",
        "BEG/03",
        "N1[ST]/02",
        "N1[ST]/04",
        "N1[ST]>N3/01",
        "N1[ST]>N4/01",
        "N1[ST]>N4/02",
        "N1[ST]>N4/03",
        "SE/01",
        "SE/02",
        "PO1/02",
    )
    rows = rows_of(x12.read(request(folder / "node-x12__850_2.edi", each="PO1", columns=paths)))
    to = wanted["ShipTo"]
    head = [
        wanted["SetID"],
        wanted["ControlNumber"],
        wanted["OrderNumber"],
        to["Name"],
        to["Destination"],
        to["Address"],
        to["City"],
        to["State"],
        to["Zip"],
        *wanted["Trailer"],
    ]
    assert [[row[path] for path in paths] for row in rows] == [
        [*head, line["Quantity"]] for line in wanted["OrderLines"]
    ]


EACH = {"x12": ("REF", "N1/REF", "LIN/QTY", "HL", "TA1"), "edifact": ("LIN/QTY", "NAD/RFF", "LIN", "UNH")}


@cache
def kinds(path: Path) -> tuple[str | None, ...]:
    """Kinds of rows that a mapping may ask a sample for."""
    key = FAMILIES[path.parent.name][1]
    if key != "xml":
        return EACH.get(key, (None,))
    root = etree.parse(path, etree.XMLParser(remove_comments=True, remove_pis=True, no_network=True)).getroot()
    names = {etree.QName(child).localname for child in root.iter()}
    return (
        *(f"/{etree.QName(root).localname}/{etree.QName(child).localname}" for child in root),
        *map("//{}".format, sorted(names)),
    )


@settings(max_examples=max(200, MUTATIONS), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(feeds() or [Path()]),
    changes=st.lists(change, min_size=1, max_size=4),
    part=place,
    kind=st.integers(0, 100),
)
def test_damaged_samples_are_read_or_refused(
    tmp_path: Path, path: Path, changes: list[tuple[str, float, int, Any]], part: float, kind: int
) -> None:
    key = FAMILIES[path.parent.name][1]
    options = {k: v for one in matching(f"{path.parent.name}/{path.name}", SETTINGS) for k, v in one.items()}
    target = tmp_path / f"damaged{path.suffix}"
    target.write_bytes(damaged(path.read_bytes(), changes, part))
    forget()
    wanted = request(target, options=options, each=kinds(path)[kind % len(kinds(path))])
    with bounded():
        assert isinstance(formats.sniffed(target.read_bytes()[:65_536], target.name), tuple | list)
        try:
            interchange = formats.interchange_of(key)
            units = interchange.units(request(target)).units if interchange else ()
            reading = formats.named(key).read(wanted)
            rows = rows_of(reading)
        except FileError as error:
            assert error.cause
            assert error.hint
            return
    assert not units or {row["_unit"] for row in rows} <= {unit.ordinal for unit in units}
    assert [row["_ordinal"] for row in rows] == list(range(len(rows)))
    if key not in EACH:
        assert reading.received == len(rows) + sum(fault.code == "ROW_REJECT" for fault in reading.faults)


@pytest.mark.parametrize("path", corpus("bank-camt", "genkgo__*.xml"), ids=lambda p: p.name)
def test_camt_amounts_agree_with_the_expected(path: Path) -> None:
    expected_file = path.with_suffix(".json")
    if not expected_file.exists():
        pytest.skip("no expected values beside the sample")
    text = expected_file.read_text()
    rows = rows_of(xml.read(request(path, each="//Ntry", columns=("Amt", "Amt/@Ccy", "CdtDbtInd"))))
    for row in rows:
        cents = row["Amt"].replace(".", "")
        assert cents.lstrip("0") in text.replace(".", "") or row["Amt"] == "0"
        assert row["Amt/@Ccy"] in text
    assert json.loads(text)


@pytest.mark.parametrize("path", corpus("csv", "*.csv") + corpus("bank-csv", "*.csv"), ids=lambda p: p.name)
def test_csv_is_read_or_refused(path: Path) -> None:
    try:
        reading = delimited.read(request(path, options={"encoding": "auto", "delimiter": "auto"}))
        rows = rows_of(reading)
    except FileError as error:
        assert error.hint
        return
    assert reading.received == len(rows) + sum(fault.code == "ROW_REJECT" for fault in reading.faults)
    lines = [int(row["_position"].removeprefix("line ")) for row in rows]
    assert lines == sorted(set(lines))


@pytest.mark.parametrize("name", ["location_coordinates"])
def test_csv_spectrum(name: str) -> None:
    path = CORPUS / "csv" / f"csv-spectrum__{name}.csv"
    [row] = rows_of(delimited.read(request(path)))
    expected = json.loads(path.with_suffix(".json").read_text())
    # The sample and its expectation name different telephone numbers: what is in the file counts.
    assert row.pop("Contact Phone Number") == "2095257564"
    assert {k: v for k, v in row.items() if not k.startswith("_")} == {
        k: v for k, v in expected.items() if k != "Contact Phone Number"
    }
