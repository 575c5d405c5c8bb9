"""ISO 20022 packs: every public camt sample with its expected values, or the reason why it is refused or held."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway import init as homes
from gateway.errors import FileError
from gateway.home import Home, open_home
from tests.bench_readers import camt
from tests.conftest import CORPUS, NOW, corpus
from tests.formats.bank.banks import through_pack

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public samples are not beside the checkout")
FOLDER = CORPUS / "bank-camt"
KINDS = {
    "OPBD": "opening",
    "OPAV": "opening_available",
    "CLBD": "closing",
    "CLAV": "closing_available",
    "FWAV": "forward_available",
    "PRCD": "opening",
    "ITBD": "interim",
    "INFO": "information",
}
GENKGO = [path for path in corpus("bank-camt", "genkgo__*.xml") if path.with_suffix(".json").exists()]


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home that has seen nothing, to apply packs in."""
    home = tmp_path_factory.mktemp("camt")
    homes.lay_down(home, examples=True)
    with open_home(home, now=NOW) as opened:
        yield opened


def pack_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    kinds = {"BkToCstmrStmt": "053", "BkToCstmrAcctRpt": "052", "BkToCstmrDbtCdtNtfctn": "054"}
    return "iso20022/camt." + next((number for body, number in kinds.items() if f"<{body}" in text), "053")


def money(value: dict[str, Any]) -> tuple[Decimal, str]:
    """Their amounts are in minor units; none of the samples has a currency without decimals."""
    return Decimal(value["getAmount"]) / 100, value["getCurrency"]["getCode"]


def day(value: dict[str, Any] | None) -> str | None:
    return value["0"][:10] if value else None


def statement_of(message: dict[str, Any]) -> dict[str, Any]:
    record = message["getRecords"][0]
    return record if isinstance(record, dict) else message["getEntries"][0]["getRecord"]


@needs_corpus
@pytest.mark.parametrize("path", GENKGO, ids=lambda p: p.stem)
def test_entries_and_balances_have_the_values_beside_the_sample(packs: Home, path: Path) -> None:
    wanted = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    outcome = through_pack(packs, pack_of(path), path)
    record = statement_of(wanted)
    lines, balances = outcome["records"]["bank_line"], outcome["records"]["bank_balance"]
    if path.stem.endswith("with-account-name"):
        # Its one entry has no date at all: nobody can say when it was booked.
        assert [fault["message"] for fault in outcome["faults"]] == [
            "BookgDt/Dt|BookgDt/DtTm|ValDt/Dt|ValDt/DtTm: is blank, but booking_date is required",
            "number of entries for CH2801234000123456789, AAAASESS-FP-ACCR001: the rows make 0; 1 rejected row(s) "
            "are not in it, the file states 1, difference -1",
        ]
        assert outcome["counts"]["rejected"] == 1
        return
    assert outcome["faults"] == []
    assert len(lines) == len(wanted["getEntries"])
    for line, entry in zip(lines, wanted["getEntries"], strict=True):
        amount, currency = money(entry["getAmount"])
        assert (Decimal(line["amount"]), line["currency"]) == (amount, currency)
        assert line["direction"] == entry["getCreditDebitIndicator"]
        assert line["status"] == {"BOOK": "INFO"}.get(entry["getStatus"], entry["getStatus"])
        assert line["booking_date"] == day(entry["getBookingDate"])
        assert line["value_date"] == day(entry["getValueDate"])
        assert line["bank_ref"] == (entry["getAccountServicerReference"] or entry["getReference"])
        details = entry["getTransactionDetail"] or {}
        assert line["end_to_end_ref"] == (details.get("getReference") or {}).get("getEndToEndId")
        text = (details.get("getRemittanceInformation") or {}).get("getMessage") or entry["getAdditionalInfo"]
        assert (line["remittance"] or "").partition(" charges ")[0] == text
        domain = entry["getBankTransactionCode"]["getDomain"]
        assert [line["domain"], line["family"], line["subfamily"]] == [
            domain["getCode"],
            domain["getFamily"]["getCode"],
            domain["getFamily"]["getSubFamilyCode"],
        ]
    for row in (*lines, *balances):
        assert row["account"] == record["getAccount"]["getIdentification"]
        assert row["statement_id"] == record["getId"]
        assert row["sequence"] == (int(record["getElectronicSequenceNumber"] or 0) or None)
    assert [(Decimal(row["amount"]), row["currency"], row["date"], KINDS[row["balance_type"]]) for row in balances] == [
        (*money(balance["getAmount"]), day(balance["getDate"]), balance["getType"]) for balance in record["getBalances"]
    ]


@needs_corpus
def test_a_swiss_statement_with_batches_and_charges_foots(packs: Home) -> None:
    outcome = through_pack(packs, "iso20022/camt.053", FOLDER / "viafintech__053_valid_example_v4.xml")
    assert (outcome["held"], outcome["faults"]) == (False, [])
    lines = outcome["records"]["bank_line"]
    assert [line["amount"] for line in lines][:9] == [
        "-24.0000",
        "-328.7500",
        "-200.8000",
        "-638.1500",
        "-24.0000",
        "-35.7200",
        "1000.0000",
        "620.0000",
        "110.0000",
    ]
    assert sum(Decimal(line["amount"]) for line in lines) == Decimal("322689.77") - Decimal("322152.16")
    assert [(b["balance_type"], b["amount"], b["date"]) for b in outcome["records"]["bank_balance"]] == [
        ("OPBD", "322152.1600", "2016-04-29"),
        ("CLBD", "322689.7700", "2016-04-30"),
    ]
    batch = lines[6]
    assert (batch["bank_ref"], batch["booking_date"], batch["value_date"], batch["end_to_end_ref"]) == (
        "20160530007602769939022000000012",
        "2016-05-27",
        "2016-05-30",
        None,
    )
    assert batch["remittance"].startswith(
        "SAMMELGUTSCHRIFT ESR VERARBEITUNG VOM 27.05.2016 KUNDENNUMMER 01-000000-4 PAKET ID: 160527CH000000RU "
        "CreditorReference 000000000002016030002820804 000000000002016030001581632"
    )
    assert batch["remittance"].endswith("charges CHF 5.20")


@needs_corpus
def test_a_reversal_has_the_sign_of_its_booking(packs: Home) -> None:
    outcome = through_pack(packs, "iso20022/camt.054", FOLDER / "viafintech__054_valid_example.xml")
    assert outcome["faults"] == []
    lines = outcome["records"]["bank_line"]
    assert [(line["amount"], line["direction"], line["status"], line["end_to_end_ref"]) for line in lines] == [
        ("24.0000", "CRDT", "INFO", None),
        ("56.5600", "CRDT", "INFO", "PMT-651727380907030005"),
        ("-6.0000", "DBIT", "INFO", "EndToEnd-2B6C-CHDDBB5"),
        ("-15.5300", "DBIT", "INFO", "E2E-1-1-16030913"),
    ]
    assert lines[0]["remittance"] == (
        "GUTSCHRIFT CH-DD-BASISLASTSCHRIFT ID: 41107767420881932 REFERENZ-NR: PMTINF-1CHDDBB3 "
        "EndToEnd-CRDBRActSame-1B9C-CHDDBB2 EndToEnd-CRDBRActSame-1B9C-CHDDBB3 Mitteilung 132 Mitteilung 131"
    )
    assert lines[2]["remittance"] == "Mitteilung 128 charges CHF 0.70"


@needs_corpus
def test_a_statement_of_the_standards_own_example(packs: Home) -> None:
    outcome = through_pack(packs, "iso20022/camt.053", FOLDER / "bsp__camt.053.001.02.xml")
    assert outcome["faults"] == []
    assert [
        (r["amount"], r["bank_ref"], r["end_to_end_ref"], r["booking_date"]) for r in outcome["records"]["bank_line"]
    ] == [
        ("105678.5000", "AAAASESS-FP-CN_98765/01", "MUELL/FINP/RA12345", "2010-10-18"),
        ("-200000.0000", "AAAASESS-FP-ACCR-01", None, "2010-10-18"),
        ("30000.0000", "AAAASESS-FP-CONF-FX", "AAAASS1085FINPSS", "2010-10-18"),
    ]
    plain = through_pack(packs, "iso20022/camt.053", FOLDER / "bsp__golden_camt053_no_namespace.xml")
    assert plain["faults"] == []
    assert [(r["account"], r["amount"]) for r in plain["records"]["bank_line"]] == [
        ("GB29NWBK60161331926819", "250.0000")
    ]


HELD = {
    "bsp__golden_camt053_duplicate_same_day.xml": [
        "GOLDEN-DUP, EUR: the file does not state the figure; the rows make -9"
    ],
    "viafintech__053_valid_example_with_datetime.xml": [
        "the file does not state the figure; the rows make 195.86",
        "number of entries for 11111111, 7301750-38631543-1688639227213: the rows make 1, the file states 14",
    ],
    "viafintech__053_valid_example_with_instdamt.xml": ["the rows make 4500, the file states 4400, difference 100"],
}
REFUSED = {
    "bsp__invalid.xml": "the document is empty, expected BkToCstmrStmt",
    "viafintech__053_valid_namespace.xml": "the document is empty, expected BkToCstmrStmt",
}


@needs_corpus
@pytest.mark.parametrize("name", sorted(HELD))
def test_a_statement_that_does_not_foot_is_held(packs: Home, name: str) -> None:
    outcome = through_pack(packs, "iso20022/camt.053", FOLDER / name)
    assert outcome["held"]
    said = [fault["message"] for fault in outcome["faults"] if fault["code"] != "CHECK_DIGIT"]
    assert len(said) == len(HELD[name])
    assert all(reason in message for message, reason in zip(said, HELD[name], strict=True)), said


def balance(kind: str, amount: str, currency: str, side: str = "CRDT") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy='{currency}'>{amount}</Amt>"
        f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>2026-11-02</Dt></Dt></Bal>"
    )


def entry(amount: str, currency: str, side: str) -> str:
    return (
        f"<Ntry><Amt Ccy='{currency}'>{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>BOOK</Sts>"
        "<BookgDt><Dt>2026-11-02</Dt></BookgDt></Ntry>"
    )


ACCOUNT = "<Stmt><Id>S1</Id><Acct><Id><Othr><Id>ACCOUNT-1</Id></Othr></Id></Acct>"


def statement(path: Path, *parts: str) -> Path:
    head = (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'><BkToCstmrStmt><GrpHdr><MsgId>1</MsgId><"
        "/GrpHdr>"
    )
    path.write_text(f"{head}{ACCOUNT}{''.join(parts)}</Stmt></BkToCstmrStmt></Document>")
    return path


BALANCES = (
    balance("OPBD", "100.00", "EUR"),
    balance("OPBD", "20.00", "USD", "DBIT"),
    balance("OPBD", "7.00", "GBP"),
    balance("CLBD", "15.50", "USD"),
    balance("CLBD", "110.00", "EUR"),
    balance("CLBD", "7.00", "GBP"),
)
"""EUR from 100 to 110, USD from −20 to 15.50, in another order at the end."""


def test_entries_in_several_currencies_are_compared_with_the_balances_in_each(packs: Home, tmp_path: Path) -> None:
    """EUR 12 − 2 = 10 and USD 35.50 are what the balances move by. In one sum they would be neither."""
    entries = (entry("12.00", "EUR", "CRDT"), entry("35.50", "USD", "CRDT"), entry("2.00", "EUR", "DBIT"))
    right = through_pack(packs, "iso20022/camt.053", statement(tmp_path / "right.xml", *BALANCES, *entries))
    assert (right["held"], right["faults"]) == (False, [])
    assert sorted((b["currency"], b["balance_type"], b["amount"]) for b in right["records"]["bank_balance"]) == [
        ("EUR", "CLBD", "110.0000"),
        ("EUR", "OPBD", "100.0000"),
        ("GBP", "CLBD", "7.0000"),
        ("GBP", "OPBD", "7.0000"),
        ("USD", "CLBD", "15.5000"),
        ("USD", "OPBD", "-20.0000"),
    ]
    swapped = (entry("12.00", "EUR", "CRDT"), entry("35.50", "USD", "DBIT"), entry("2.00", "EUR", "DBIT"))
    wrong = through_pack(packs, "iso20022/camt.053", statement(tmp_path / "wrong.xml", *BALANCES, *swapped))
    assert [fault["message"] for fault in wrong["faults"]] == [
        "opening + booked entries = closing for ACCOUNT-1, S1, USD: the rows make -35.50, the file states 35.50, "
        "difference -71.00"
    ]


def test_entries_in_a_currency_without_balances_hold_their_statement(packs: Home, tmp_path: Path) -> None:
    entries = (entry("10.00", "EUR", "CRDT"), entry("35.50", "USD", "CRDT"), entry("5.00", "CHF", "CRDT"))
    outcome = through_pack(packs, "iso20022/camt.053", statement(tmp_path / "chf.xml", *BALANCES, *entries))
    assert [fault["message"] for fault in outcome["faults"]] == [
        "opening + booked entries = closing for ACCOUNT-1, S1, CHF: the file does not state the figure; the rows make 5"
    ]


def test_balances_frame_the_entries_of_all_pages_and_of_none(packs: Home, tmp_path: Path) -> None:
    """By hand: 100 and two entries of 10 are 120; without an entry nothing may move."""

    def messages(*parts: str) -> list[str]:
        found = through_pack(packs, "iso20022/camt.053", statement(tmp_path / "pages.xml", *parts))
        return [fault["message"] for fault in found["faults"]]

    opening, interim, line = balance("OPBD", "100", "EUR"), balance("ITBD", "110", "EUR"), entry("10", "EUR", "CRDT")
    second_page = "</Stmt>" + ACCOUNT + interim + line + balance("CLBD", "120", "EUR")
    assert messages(opening, interim, line, second_page) == []
    assert messages(opening, balance("CLBD", "100", "EUR")) == []
    assert messages(opening, balance("CLBD", "110", "EUR")) == [
        "opening + booked entries = closing for ACCOUNT-1, S1, EUR: the rows make 0, the file states 10, difference -10"
    ]


@pytest.mark.parametrize(("side", "said"), [("DEBIT", '"DEBIT"'), ("", "a blank")])
def test_an_entry_that_does_not_say_its_side_is_no_credit(packs: Home, tmp_path: Path, side: str, said: str) -> None:
    file = statement(tmp_path / "camt.054.xml", entry("10", "EUR", side))
    file.write_text(file.read_text().replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn").replace("Stmt>", "Ntfctn>"))
    [fault, *_] = through_pack(packs, "iso20022/camt.054", file)["faults"]
    assert fault["message"] == (
        f"CdtDbtInd: {said} does not say which sign amount has (expected CRDT (positive) or DBIT (negative))"
    )


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("<TtlNtries><Sum>14</Sum></TtlNtries>", []),
        ("<TtlNtries><Sum>6</Sum></TtlNtries>", []),
        ("<TtlNtries><Sum>13</Sum></TtlNtries>", ["TtlNtries/Sum less the entries"]),
        ("<TtlCdtNtries><Sum>10</Sum></TtlCdtNtries><TtlDbtNtries><Sum>4</Sum></TtlDbtNtries>", []),
        ("<TtlCdtNtries><Sum>4</Sum></TtlCdtNtries>", ["TtlCdtNtries/Sum less the credits"]),
        ("<TtlDbtNtries><Sum>10</Sum></TtlDbtNtries>", ["TtlDbtNtries/Sum less the debits"]),
    ],
)
def test_a_notification_whose_sums_are_not_those_of_its_entries_is_held(
    packs: Home, tmp_path: Path, stated: str, said: list[str]
) -> None:
    """By hand: 10 in and 4 out are 14 in all, 6 net."""
    entries = (entry("10", "EUR", "CRDT"), entry("4", "EUR", "DBIT"))
    file = statement(tmp_path / "camt.054.xml", f"<TxsSummry>{stated}</TxsSummry>", *entries)
    file.write_text(file.read_text().replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn").replace("Stmt>", "Ntfctn>"))
    faults = through_pack(packs, "iso20022/camt.054", file)["faults"]
    assert [fault["message"].partition(" for ")[0] for fault in faults] == said


@needs_corpus
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_document_without_a_statement_is_refused(packs: Home, name: str) -> None:
    with pytest.raises(FileError, match=REFUSED[name]):
        through_pack(packs, "iso20022/camt.053", FOLDER / name)


@needs_corpus
def test_a_report_is_not_taken_for_a_statement(packs: Home) -> None:
    with pytest.raises(FileError, match="the document holds a BkToCstmrAcctRpt, expected BkToCstmrStmt"):
        through_pack(packs, "iso20022/camt.053", FOLDER / "genkgo__camt052.v8.xml")


@needs_corpus
def test_every_public_sample_is_in_a_test_above() -> None:
    rest = (
        {path.name for path in corpus("bank-camt", "*.xml")} - {path.name for path in GENKGO} - set(HELD) - set(REFUSED)
    )
    assert rest == {
        "viafintech__053_valid_example_v4.xml",
        "viafintech__054_valid_example.xml",
        "bsp__camt.053.001.02.xml",
        "bsp__golden_camt053_no_namespace.xml",
    }


READ_IN_A_PROCESS = """
import resource
from tests.formats.bank.banks import Path, rows
from gateway.formats.tree import xml

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak_mb()
print(len(rows(xml, Path({path!r}), "//Stmt/Bal", "../Id", "Amt")), peak_mb() - before)
"""


def test_entries_that_are_no_rows_do_not_stay_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "camt.053.xml"
    camt(path, 10_000)
    done = subprocess.run(
        [sys.executable, "-c", READ_IN_A_PROCESS.format(path=str(path))],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    balances, grown_mb = done.stdout.split()
    # The document has 5 MB; as a tree it takes 60.
    assert int(balances) == 2
    assert float(grown_mb) < 25


STATEMENT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version:02d}">
<BkToCstmrStmt{suffix}><Stmt><Id>S1</Id>
<Acct><Id><IBAN>DE1</IBAN></Id></Acct>
<Bal><Tp>{opening}</Tp><Amt Ccy="EUR">5</Amt><CdtDbtInd>DBIT</CdtDbtInd><Dt><Dt>2026-01-01</Dt></Dt></Bal>
<Bal><Tp>{closing}</Tp><Amt Ccy="EUR">7.5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-02</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">12.5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>{status}</Sts><BookgDt><Dt>2026-01-02</Dt></BookgDt>
{details}</Ntry></Stmt></BkToCstmrStmt{suffix}></Document>"""


@pytest.mark.parametrize("version", range(1, 14))
def test_every_version_is_read(packs: Home, tmp_path: Path, version: int) -> None:
    def kind(code: str) -> str:
        return f"<Cd>{code}</Cd>" if version == 1 else f"<CdOrPrtry><Cd>{code}</Cd></CdOrPrtry>"

    details = "<TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><RmtInf><Ustrd>Text</Ustrd></RmtInf></TxDtls>"
    path = tmp_path / "camt.053.xml"
    path.write_text(
        STATEMENT.format(
            version=version,
            suffix="V01" if version == 1 else "",
            opening=kind("PRCD"),
            closing=kind("CLBD"),
            status="<Cd>BOOK</Cd>" if version >= 8 else "BOOK",
            details=details if version == 1 else f"<NtryDtls>{details}</NtryDtls>",
        )
    )
    outcome = through_pack(packs, "iso20022/camt.053", path)
    assert outcome["faults"] == []
    [line] = outcome["records"]["bank_line"]
    assert (line["amount"], line["status"], line["end_to_end_ref"], line["remittance"]) == (
        "12.5000",
        "BOOK",
        "E1",
        "Text",
    )
    assert [(b["balance_type"], b["amount"]) for b in outcome["records"]["bank_balance"]] == [
        ("PRCD", "-5.0000"),
        ("CLBD", "7.5000"),
    ]
