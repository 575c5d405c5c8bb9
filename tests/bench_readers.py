"""Cases of `make bench` without a ledger: a file read as a standard pack reads it, beside a library of its format.

Ours verifies every unit that the format can verify, then reads all columns of the pack's first kind of row (all kinds
where memory is measured). A library gets the same file right after, in a process of its own, and gives the few values
that a shortest program would take. One that is not installed is named, and its figure left out.
"""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway import formats
from gateway.mapping.apply import apply
from gateway.mapping.library.load import load_file
from gateway.reading import ReadRequest
from gateway.settings import Limits

ROOT = Path(__file__).parent.parent
PACKS = ROOT / "mappings"
MEMORY_MB_MAX = 600
DAY = "261105"


# --- files --------------------------------------------------------------------------------------------


def money(cents: int, mark: str = ".") -> str:
    """1505 → 15.05"""
    return f"{cents // 100}{mark}{cents % 100:02d}"


def mt940(path: Path, rows: int) -> None:
    """Statements of 100 entries each, structured as German banks send them; about 205 bytes an entry."""
    with path.open("w") as out:
        for number in range(rows // 100):
            out.write(f":20:STARTUMS\n:25:12345678/{number:010d}\n:28C:{number + 1}/1\n:60F:C{DAY}EUR100,00\n")
            closing = 10_000
            for place in range(100):
                cents = 1_000 + (number * 100 + place) % 90_000
                closing += cents
                out.write(
                    f":61:{DAY}1105CR{money(cents, ',')}NTRFNONREF//0724710290659857\n"
                    f":86:166?00GUTSCHRIFT?100399?20EREF+E2E-{number:07d}-{place:03d}?21SVWZ+Invoice {place} of\n"
                    f" {number}?22 from the web shop?30PBNKDEFF100?31DE4210010010004392\n1105?32Richter Renate\n"
                )
            out.write(f":62F:C{DAY}EUR{money(closing, ',')}\n-\n")


def bai2(path: Path, rows: int) -> None:
    """Accounts with 100 transactions each, every other one with its text in a continuation; about 90 bytes each."""
    total, records = 0, 2
    with path.open("w") as out:
        out.write(f"01,BANK,US,{DAY},0200,1,80,,2/\n02,US,BANK,1,{DAY},2359,USD,2/\n")
        for number in range(rows // 100):
            amounts = [1_000 + (number * 100 + place) % 90_000 for place in range(100)]
            own = 2 * 10_000 + 2 * sum(amounts)
            out.write(f"03,{number:010d},USD,010,10000,,,015,{10_000 + sum(amounts)},,/\n")
            for place, cents in enumerate(amounts):
                text = f"WIRE IN, ORDER {number}-{place} FROM THE WEB SHOP"
                behind = f"/\n88,{text}" if place % 2 else f",{text}"
                out.write(f"16,195,{cents},,BANKREF{number:07d}{place:03d},CUSTOMER{place:05d}{behind}\n")
            out.write(f"49,{own},152/\n")
            total, records = total + own, records + 152
        out.write(f"98,{total},{rows // 100},{records}/\n99,{total},1,{records + 2}/\n")


def ofx(path: Path, rows: int) -> None:
    """One statement, as SGML without closing tags; about 180 bytes a transaction."""
    with path.open("w") as out:
        out.write(
            "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nCHARSET:1252\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0"
            "<SEVERITY>INFO</STATUS><DTSERVER>20261105<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS>"
            "<TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>99<ACCTID>A1"
            "<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20261101<DTEND>20261105\n"
        )
        for number in range(rows):
            out.write(
                f"<STMTTRN>\n<TRNTYPE>DEBIT\n<DTPOSTED>20261105120000.000[-5:EST]\n"
                f"<TRNAMT>-{money(1_000 + number % 90_000)}\n"
                f"<FITID>00001234567820261105{number:09d}\n<NAME>Web shop &amp; more\n"
                f"<MEMO>POS MERCHANDISE;ORDER {number}\n"
                "</STMTTRN>\n"
            )
        out.write(
            "</BANKTRANLIST><LEDGERBAL><BALAMT>5.00<DTASOF>20261105</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
        )


def inventory(path: Path, rows: int) -> None:
    """One INVRPT message, two quantities an item; about 80 bytes a quantity."""
    segments = 0
    with path.open("w") as out:
        out.write(
            "UNA:+.? '\nUNB+UNOA:3+4012345000009:14+4012345000016:14+261105:2300+1'\nUNH+1+INVRPT:D:01B:UN:EAN004'\n"
        )
        out.write("BGM+35+STOCK1+9'\nDTM+137:20261105:102'\nDTM+366:20261105:102'\nNAD+WH+4012345000023::9'\n")
        for number in range(rows // 2):
            out.write(
                f"LIN+{number + 1}++{4_000_000_000_000 + number}:SRV'\nPIA+1+SKU-{number:08d}:SA'\n"
                f"IMD+F++:::Item in retail packing'\n"
                f"INV++++1'\nQTY+145:{number % 977}:PCE'\nLOC+18+BIN-{number % 5_000:05d}'\nINV++++2'\n"
                f"QTY+124:{number % 7}:PCE'\n"
            )
            segments += 8
        out.write(f"UNS+S'\nCNT+2:{rows // 2}'\nUNT+{segments + 8}+1'\nUNZ+1+1'\n")


def camt(path: Path, rows: int) -> None:
    """A camt.053.001.08 with one statement; about 690 bytes an entry."""
    cents = [1_000 + number % 90_000 for number in range(rows)]

    def balance(kind: str, amount: int) -> str:
        return (
            f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{money(amount)}</Amt>'
            "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-05</Dt></Dt></Bal>\n"
        )

    with path.open("w") as out:
        out.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
            "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-05T18:00:00</CreDtTm></GrpHdr>"
            "<Stmt><Id>S1</Id><ElctrncSeqNb>5</ElctrncSeqNb>"
            "<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>\n"
            + balance("OPBD", 100)
            + balance("CLBD", 100 + sum(cents))
        )
        for number, amount in enumerate(cents):
            out.write(
                f'<Ntry>\n  <Amt Ccy="EUR">{money(amount)}</Amt>\n'
                f"  <CdtDbtInd>CRDT</CdtDbtInd>\n  <Sts><Cd>BOOK</Cd></Sts>\n"
                "  <BookgDt><Dt>2026-11-05</Dt></BookgDt>\n  <ValDt><Dt>2026-11-05</Dt></ValDt>\n"
                f"  <AcctSvcrRef>BANK-{number:09d}</AcctSvcrRef>\n"
                "  <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>\n"
                f"  <NtryDtls><TxDtls><Refs><EndToEndId>E2E-{number:09d}</EndToEndId></Refs><RltdPties><Dbtr><Pty>"
                "<Nm>Renate Richter</Nm></Pty></Dbtr></RltdPties>\n"
                f"    <RmtInf><Ustrd>Invoice {number} of the web shop</Ustrd></RmtInf></TxDtls></NtryDtls>\n</Ntry>\n"
            )
        out.write("</Stmt></BkToCstmrStmt></Document>\n")


# --- ours ---------------------------------------------------------------------------------------------


def ours(pack: str, path: Path, kinds: int = 1) -> None:
    """In a process of its own: verify the units, read `kinds` kinds of rows; prints seconds, rows and peak memory."""
    loaded, faults = load_file(PACKS / f"standard/{pack}.toml", PACKS)
    assert loaded is not None and not faults, faults
    mapping, limits = loaded.mapping, Limits()
    name = mapping.file.format
    begun = time.perf_counter()
    interchange = formats.interchange_of(name)
    if interchange is not None:
        envelope = interchange.units(ReadRequest(path, path.name, limits))
        wrong = [fault for unit in envelope.units for fault in unit.faults] + list(envelope.faults)
        assert not wrong, wrong[:3]
    verified = time.perf_counter()
    rows = []
    for each in list(dict.fromkeys(record.each for record in mapping.record))[:kinds]:
        columns = apply.source_columns(mapping, [record for record in mapping.record if record.each == each])
        request = ReadRequest(path, path.name, limits, mapping.file.options, each, tuple(columns))
        rows.append(sum(len(batch) for batch in formats.named(name).read(request)))
    report(rows[0], verified - begun, time.perf_counter() - verified)


def report(rows: int, verify_s: float, read_s: float) -> None:
    """Print what a process measured of itself."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "verify_s": verify_s, "read_s": read_s, "rss_mb": peak}))


# --- libraries ----------------------------------------------------------------------------------------


def library(module: str, path: Path) -> None:
    """In a process of its own: the library's rows with a few values each; prints as `ours` does."""
    read = {"mt940": entries_of_mt940, "pyx12": lines_of_pyx12, "pydifact": quantities_of_pydifact}[module]
    begun = time.perf_counter()
    rows = sum(1 for _ in read(path))
    report(rows, 0, time.perf_counter() - begun)


def entries_of_mt940(path: Path) -> Iterator[tuple[object, ...]]:
    """Entries of the library mt-940."""
    import mt940 as parser

    for entry in parser.parse(str(path)):
        data = entry.data
        yield data["date"], data["amount"], data.get("end_to_end_reference"), data.get("purpose")


def lines_of_pyx12(path: Path) -> Iterator[tuple[object, ...]]:
    """W12 of pyx12's reader, which counts segments and sets; it has no map of a 945."""
    from pyx12.x12file import X12Reader

    with X12Reader(str(path)) as reader:
        for segment in reader:
            if segment.get_seg_id() == "W12":
                yield tuple(segment.get_value(name) for name in ("W1201", "W1202", "W1203", "W1208"))


def quantities_of_pydifact(path: Path) -> Iterator[tuple[object, ...]]:
    """QTY of pydifact with the item before it."""
    from pydifact.segmentcollection import Interchange

    item: object = None
    for segment in Interchange.from_file(str(path)).segments:
        if segment.tag == "LIN":
            item = segment.elements[2]
        elif segment.tag == "QTY":
            yield item, segment.elements[0]


# --- cases --------------------------------------------------------------------------------------------


def measured(call: str) -> dict[str, float]:
    """What a process of its own reports."""
    done = subprocess.run(
        [sys.executable, "-c", f"from tests.bench_readers import Path, library, ours; {call}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def beside(name: str, pack: str, write: Callable[[Path, int], None], rows: int, other: str = "") -> None:
    """Rows a second of ours, verified and read, and of a library for the same file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        write(path, rows)
        size = path.stat().st_size / 1e6
        own = measured(f"ours({pack!r}, Path({str(path)!r}))")
        rate = own["rows"] / (own["verify_s"] + own["read_s"])
        print(
            f"{name} {own['rows']:>9,} rows, {size:.0f} MB: verify {own['verify_s']:.2f} s, read {own['read_s']:.2f} "
            f"s, {rate:,.0f} rows/s, {size / (own['verify_s'] + own['read_s']):.1f} MB/s, peak {own['rss_mb']:.0f} MB",
            end="",
        )
        if not other:
            print()
            return
        try:
            importlib.import_module(other)
        except ImportError:
            print(f"; {other} is not installed, nothing to compare with")
            return
        their = measured(f"library({other!r}, Path({str(path)!r}))")
    assert their["rows"] == own["rows"], f"{other} reads {their['rows']} rows"
    slower = their["rows"] / their["read_s"]
    print(f"; {other} {their['read_s']:.2f} s, {slower:,.0f} rows/s; ours is {rate / slower:.1f} times as fast")


def memory(name: str, pack: str, write: Callable[[Path, int], None], rows: int, kinds: int = 1) -> None:
    """Peak memory of reading a large file. Raises where it is past the bound."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        write(path, rows)
        size = path.stat().st_size / 1e6
        own = measured(f"ours({pack!r}, Path({str(path)!r}), {kinds})")
    seconds = own["verify_s"] + own["read_s"]
    print(
        f"{name} {own['rows']:>9,} rows, {size:.0f} MB: verify {own['verify_s']:.2f} s, read {own['read_s']:.2f} s, "
        f"{own['rows'] / seconds:,.0f} rows/s, {size / seconds:.1f} MB/s, peak {own['rss_mb']:.0f} MB of "
        f"{MEMORY_MB_MAX}"
    )
    assert own["rss_mb"] < MEMORY_MB_MAX, f"{name}: {own['rss_mb']:.0f} MB are more than {MEMORY_MB_MAX}"


CASES: dict[str, Callable[[], None]] = {
    "mt940": lambda: beside("MT940", "swift/mt940", mt940, 97_000, "mt940"),
    "bai2": lambda: beside("BAI2", "bai/bai2", bai2, 225_000),
    "ofx": lambda: beside("OFX", "ofx/ofx", ofx, 110_000),
    "invrpt-read": lambda: beside("EDIFACT INVRPT", "edifact/INVRPT", inventory, 60_000, "pydifact"),
    "invrpt-100mb": lambda: memory("EDIFACT INVRPT", "edifact/INVRPT", inventory, 1_280_000),
    "camt-500k": lambda: memory("camt.053", "iso20022/camt.053", camt, 500_000, kinds=2),
}
