"""Bank files through a whole pass: each statement goes to its mapping, a wrong one is set aside alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.home import Home, open_home
from gateway.once import run_once
from tests.conftest import MAPPINGS, NOW, case, tried

pytestmark = pytest.mark.usefixtures("without_books")

Drop = Callable[[str, str, bytes | str], Path]


def statement(number: int, amount: str, closing: str, kind: str = "940") -> str:
    return (
        f"{{1:F01MYCODEFFXXXX0000000000}}{{2:O{kind}1200260105COBADEFFAXXX00000000002601051200N}}{{4:\n:20:S\n:25:DE1\n"
        f":28C:{number}/1\n:60F:C260101EUR10,\n:61:260102C{amount}NTRFNONREF\n:86:deposit {number}\n"
        f":62F:C260102EUR{closing}\n-}}\n"
    )


def test_a_statement_that_does_not_foot_is_set_aside_and_its_neighbours_post(home: Path, drop: Drop) -> None:
    folder = home / "mappings" / "main-bank"
    (folder / "mt940.toml").write_text(
        'based_on = "standard/swift/mt940"\nfeed = "main-bank.mt940"\npartner = "main-bank"\n'
    )
    drop("main-bank", "day.sta", statement(1, "5,", "15,") + statement(2, "5,", "14,") + statement(3, "7,", "17,"))
    interim = statement(4, "1,", "11,", "942").replace(":60F:C260101EUR10,\n", "").replace(":62F:C260102EUR11,\n", "")
    drop("main-bank", "interim.sta", interim)
    with open_home(home, now=NOW) as gateway:
        results = {file.name: file for file in run_once(gateway).files}
        con = gateway.lake.con
        lines = con.execute("select statement_id, amount from bank_line_current order by 1").fetchall()
        balances = con.execute("select count(*) from bank_balance_current").fetchone()
        reported = con.execute('select code, "position", message from fault order by message').fetchall()
    assert [(line[0], str(line[1])) for line in lines] == [("1/260102", "5.0000"), ("3/260102", "7.0000")]
    assert balances == (4,)
    assert (results["day.sta"].state, results["day.sta"].accepted, results["day.sta"].rejected) == ("ACCEPTED", 6, 1)
    assert results["interim.sta"].state == "QUARANTINED"
    assert [(code, position) for code, position, _ in reported] == [
        ("CONTROL_TOTAL", "line 17"),
        ("FILE_REJECT", "line 2"),
    ]
    assert "difference -1" in reported[0][2]
    assert "transaction set MT942" in reported[1][2]


def test_downloads_overlap_and_a_transaction_is_known_by_its_id(home: Path, drop: Drop) -> None:
    (home / "mappings" / "main-bank" / "ofx.toml").write_text(
        'based_on = "standard/ofx/ofx"\nfeed = "main-bank.ofx"\npartner = "main-bank"\n'
    )
    folder = case("edi-155-ofx-overlapping-downloads")
    states = []
    with open_home(home, now=NOW) as gateway:
        for name, source in (
            ("a.ofx", "a.ofx"),
            ("b.ofx", "b.ofx"),
            ("a-again.ofx", "a.ofx"),
            ("b-again.ofx", "b.ofx"),
        ):
            drop("main-bank", name, (folder / source).read_bytes())
            states += [(file.state, file.accepted, file.duplicate) for file in run_once(gateway).files]
        found = gateway.lake.con.execute(
            "select bank_ref, amount, count(*), max(remittance) from bank_line_current group by all "
            "order by 1 nulls first"
        ).fetchall()
    assert [(ref, f"{amount:f}", count, text) for ref, amount, count, text in found] == [
        (None, "-5.0000", 3, "METRO TICKET"),
        ("Z1", "-9.0000", 1, "SHOP NAME NOW LONGER"),
        ("Z2", "-1.0000", 1, "KIOSK"),
    ]
    # The third equal row, Z2, and Z1 with its longer text are taken of the second file; two rows and a balance are
    # known.
    assert states == [("ACCEPTED", 4, 0), ("ACCEPTED", 3, 3), ("DUPLICATE", 0, 4), ("DUPLICATE", 0, 6)]


MT940 = (
    "{1:F01MYCODEFFXXXX0000000000}{2:O9401200260105COBADEFFAXXX00000000002601051200N}{4:\n:20:S\n:25:DE1\n:28C:1/1\n"
    ":60F:C260101EUR10,\n:61:260102C5,NTRFREF1//BANK1\n:86:%s\n:61:260102C5,NTRFREF1\n:86:without\n"
    ":62F:C260102EUR20,\n-}\n"
)
CAMT = """<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>
<Id>S1</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp>
<Amt Ccy="EUR">10</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-01</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp>
<Amt Ccy="EUR">6</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-02</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">4</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-02</Dt></BookgDt>
<AcctSvcrRef>BANK2</AcctSvcrRef><AddtlNtryInf>%s</AddtlNtryInf></Ntry></Stmt></BkToCstmrStmt></Document>
"""
BAI2 = (
    "01,BANK,US,260102,0200,1,80,,2/\n02,US,BANK,1,260101,2359,USD,2/\n03,0123,,010,100,,,015,300,,/\n"
    "16,195,200,,BANK3,C1,%s/\n49,600,3/\n98,600,1,5/\n99,600,1,7/\n"
)
LIST = (
    "Account;Date;Details;Reference;D/C;Amount;Currency\nA1;2026-01-02;%s;BANK4;D;7.00;EUR\n"
    "A1;2026-01-02;without;;D;7.00;EUR\n"
)
RESENT = {
    "swift/mt940": ("day%s.sta", MT940),
    "iso20022/camt.053": ("camt.053.%s.xml", CAMT),
    "bai/bai2": ("day%s.bai", BAI2),
    "csv/bank-statement": ("statement%s.csv", LIST),
}


def test_a_line_with_the_banks_reference_is_known_with_another_text(home: Path, drop: Drop) -> None:
    for mapping in (home / "mappings" / "main-bank").glob("*.toml"):
        mapping.unlink()
    for pack in RESENT:
        name = pack.replace("/", "-").replace(".", "-")
        (home / "mappings" / "main-bank" / f"{name}.toml").write_text(
            f'based_on = "standard/{pack}"\nfeed = "main-bank.{name}"\npartner = "main-bank"\n'
        )
    with open_home(home, now=NOW) as gateway:
        for text in ("first", "second"):
            for name, content in RESENT.values():
                drop("main-bank", name % text, content % text)
            assert {file.state for file in run_once(gateway).files} == {"ACCEPTED"}
        found = gateway.lake.con.execute(
            "select bank_ref, amount, direction, remittance from bank_line_current order by all nulls last"
        ).fetchall()
    assert [(ref, f"{amount:.2f}", direction, text) for ref, amount, direction, text in found] == [
        ("BANK1", "5.00", "CRDT", "second"),
        ("BANK2", "-4.00", "DBIT", "second"),
        ("BANK3", "2.00", "CRDT", "second"),
        ("BANK4", "-7.00", "DBIT", "second"),
        (None, "-7.00", "DBIT", "without"),
        (None, "5.00", "CRDT", "without"),
    ]


@pytest.mark.parametrize(
    ("pack", "sample", "text"),
    [
        ("swift/mt940", "mt940-german.sta", "KONTOFUEHRUNG"),
        ("bai/bai2", "bai2-prior-day.txt", "ACCOUNT ANALYSIS"),
        ("ofx/ofx", "ofx-checking.ofx", "Rent"),
    ],
)
def test_letters_of_another_encoding_are_reported_once(
    reader: Home, tmp_path: Path, pack: str, sample: str, text: str
) -> None:
    path = tmp_path / sample
    folder = MAPPINGS / "standard" / pack.partition("/")[0] / "samples"
    content = (folder / sample).read_text(encoding="utf-8").replace(text, "Müller Größe für Bäcker")
    for codec, codes in (("cp850", ["ROW_DOUBTFUL"]), ("cp1252", []), ("utf-8", [])):
        path.write_bytes(content.encode(codec))
        result = tried(reader, MAPPINGS / "standard" / f"{pack}.toml", path)
        assert [fault["code"] for fault in result["faults"]] == codes
