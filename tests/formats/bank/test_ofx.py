"""OFX: every public sample with its values or the reason of its refusal, and downloads of our own."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import FileError, HouseError
from gateway.formats.bank import ofx, statements
from gateway.home import Home
from gateway.settings import Limits
from gateway.settings.parties import Partner
from tests.conftest import CORPUS, case, corpus
from tests.formats.bank.banks import cells, faults, read_or_refused, request, rows, through_pack

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public samples are not beside the checkout")
TRANSACTION = ("TRNTYPE", "DTPOSTED", "TRNAMT", "FITID", "CHECKNUM", "NAME", "MEMO", "CURRENCY/CURSYM", "CURDEF")
BALANCE = ("name()", "BALAMT", "DTASOF", "CURDEF")
KINDS = {"STMTTRN": (*TRANSACTION, "BANKACCTFROM/ACCTID", "PAYEE/NAME"), "LEDGERBAL|AVAILBAL": BALANCE}
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "a.ofx"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    ofx.forget()
    return path


# --- public samples ------------------------------------------------------------------------------------------

INVESTMENT = "it is an investment statement; only those of bank accounts and cards can be read"
TRANSACTIONS: dict[str, list[list[str | None]]] = {
    "anzcc": [["DEBIT", "20170508000000", "-5.50", "201705080001", None, None, "SOME MEMO", None, "AUD"]],
    "bank_medium": [
        [
            "POS",
            "20090401122017.000[-5:EST]",
            "-6.60",
            "0000123456782009040100001",
            None,
            "MCDONALD'S #112",
            "POS MERCHANDISE;MCDONALD'S #112",
            None,
            "CAD",
        ],
        [
            "CHECK",
            "20090402122017.000[-5:EST]",
            "-316.67",
            "0000123456782009040200004",
            "0",
            "Joe's Bald Hairstyles",
            "MISCELLANEOUS PAYMENTS;Joe's Bald Hairstyles",
            None,
            "CAD",
        ],
        [
            "POS",
            "20090403122017.000[-5:EST]",
            "-22.00",
            "0000123456782009040300005",
            None,
            "CONNIE'S HAIR D",
            "POS MERCHANDISE;CONNIE'S HAIR D",
            None,
            "CAD",
        ],
    ],
    "decimal_error": [["OTHER", "201120000000", "$120", "2000957249", None, "Fail1", None, None, "CAD"]],
    "empty_balance": [["OTHER", "20110308020000", "120", "2000957249", None, "Foobar", None, None, "CAD"]],
    "error_message": [],
    "fidelity": [
        ["DEP", "20120731000000.000[-4:EDT]", "+00000000000000.2400", "0123456789021301320120731"],
        ["OTHER", "20120820000000.000[-4:EDT]", "-00000000000000.9700", "0123456789023501120120820"],
        ["DEP", "20120831000000.000[-4:EDT]", "+00000000000000.1600", "0123456789024401420120831"],
    ],
    "fidelity-savings": [
        ["CHECK", "20120720000000.000[-4:EDT]", "-00000000001500.0000", "X0000000000000000000001", "0000001001"],
        ["DEP", "20120727000000.000[-4:EDT]", "+00000000000115.8331", "X0000000000000000000002"],
        ["PAYMENT", "20120727000000.000[-4:EDT]", "-00000000000197.1063", "X0000000000000000000003"],
        ["CASH", "20120727000000.000[-4:EDT]", "-00000000000197.1220", "X0000000000000000000004"],
    ],
    "investment_401k": [],
    "ofx-v102-empty-tags": [["Credit", "20180507", "12.34", "", "", "", "CBA:Transfer", "AUD", ""]],
    "tiaacref": [],
}
BALANCES: dict[str, list[list[str | None]]] = {
    "anzcc": [["LEDGERBAL", "-123.45", "20170510192849", "AUD"], ["AVAILBAL", "123.45", "20170510192849", "AUD"]],
    "bank_medium": [["LEDGERBAL", "382.34", "20090523122017", "CAD"], ["AVAILBAL", "682.34", "20090523122017", "CAD"]],
    "decimal_error": [["LEDGERBAL", "0", "20110614", "CAD"]],
    "empty_balance": [["LEDGERBAL", "", "20110614", "CAD"], ["AVAILBAL", "", "20110614", "CAD"]],
    "ofx-v102-empty-tags": [["LEDGERBAL", "", "", ""]],
}
ACCOUNTS = {
    "anzcc": "1234123412341234",
    "bank_medium": "12300 000012345678",
    "decimal_error": "192639749",
    "empty_balance": "192639749",
    "error_message": "",
    "fidelity": "01234567890",
    "fidelity-savings": "X0000001",
    "investment_401k": "12345678.123456-01",
    "ofx-v102-empty-tags": "12345678",
    "tiaacref": "111A1111 22B222 33C333",
}
VERDICTS = dict.fromkeys(("fidelity", "fidelity-savings", "investment_401k", "tiaacref"), INVESTMENT) | {
    "error_message": "the bank answered without a statement: 2000 General Server Error"
}
REFUSED = {
    "bank_small": "the bank's answer to the signon is: nothing",
    "signon_success": "the bank's answer to the signon is: Login successful",
    "signon_success_no_message": "the bank's answer to the signon is: 0",
}


@needs_corpus
def test_every_public_sample_is_read_or_refused() -> None:
    assert {path.stem.removeprefix("ofxparse__") for path in corpus("bank-ofx")} == set(TRANSACTIONS) | set(REFUSED)
    for name, reason in REFUSED.items():
        with pytest.raises(FileError, match=reason):
            ofx.units(request(CORPUS / "bank-ofx" / f"ofxparse__{name}.ofx"))


@needs_corpus
@pytest.mark.parametrize("name", sorted(TRANSACTIONS))
def test_a_public_sample_has_the_expected_values(name: str) -> None:
    path = CORPUS / "bank-ofx" / f"ofxparse__{name}.ofx"
    assert ofx.sniff(path.read_bytes(), path.name)
    [unit] = ofx.units(request(path)).units
    assert unit.receiver == ACCOUNTS[name]
    said = [fault.message.partition(": ")[2] for fault in unit.faults]
    assert said == ([VERDICTS[name]] if name in VERDICTS else [])
    found = cells(ofx, path, "STMTTRN", *TRANSACTION)
    assert [row[: len(wanted)] for row, wanted in zip(found, TRANSACTIONS[name], strict=True)] == TRANSACTIONS[name]
    assert cells(ofx, path, "LEDGERBAL|AVAILBAL", *BALANCE) == BALANCES.get(name, [])


# --- our own downloads ---------------------------------------------------------------------------------------

SGML = """OFXHEADER:100
DATA:OFXSGML
CHARSET:1252

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><LANGUAGE><FI><ORG>Bank &amp; Co<FID>7</FI></SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS>
<STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>99<ACCTID>A1<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260101<DTEND>20260131
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260102<TRNAMT>-1.50<FITID>F1<NAME>A < B &amp; C<MEMO>one
two</STMTTRN>
<STMTTRN><TRNTYPE>XFER<DTPOSTED>20260103<TRNAMT>2<FITID>F2<NAME><BANKACCTTO><BANKID>1<ACCTID>OTHER</BANKACCTTO><CURRENCY><CURRATE>1.1<CURSYM>EUR</CURRENCY></STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>5.00<DTASOF>20260131</LEDGERBAL><AVAILBAL><BALAMT><DTASOF>20260131</AVAILBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""  # noqa: E501 - one line as banks write it


def test_unclosed_elements_escapes_and_what_a_row_inherits(tmp_path: Path) -> None:
    path = write(tmp_path, SGML)
    columns = (
        "TRNAMT",
        "NAME",
        "MEMO",
        "CURRENCY/CURSYM",
        "BANKACCTFROM/ACCTID",
        "BANKACCTTO/ACCTID",
        "ACCTID",
        "CURDEF",
        "LEDGERBAL/BALAMT",
        "FI/ORG",
        "BALAMT",
        "STMTTRN/FITID",
        "DTEND",
        "name()",
    )
    assert cells(ofx, path, "STMTTRN", *columns) == [
        [
            "-1.50",
            "A < B & C",
            "one\ntwo",
            None,
            "A1",
            None,
            None,
            "USD",
            "5.00",
            "Bank & Co",
            None,
            "F1",
            "20260131",
            "STMTTRN",
        ],
        ["2", "", None, "EUR", "A1", "OTHER", None, "USD", "5.00", "Bank & Co", None, "F2", "20260131", "STMTTRN"],
    ]
    assert cells(ofx, path, "LEDGERBAL|AVAILBAL", *BALANCE) == [
        ["LEDGERBAL", "5.00", "20260131", "USD"],
        ["AVAILBAL", "", "20260131", "USD"],
    ]
    assert [row["_position"] for row in rows(ofx, path, "STMTTRN")] == [
        "/OFX/…/STMTTRNRS[1]/…/STMTTRN[1]",
        "/OFX/…/STMTTRNRS[1]/…/STMTTRN[2]",
    ]
    [unit] = ofx.units(request(path)).units
    assert (unit.kind, unit.sender, unit.receiver, unit.faults) == ("OFX", "99", "A1", ())


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 20])
def test_line_ends_and_pieces_make_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str, piece_bytes: int
) -> None:
    whole = {each: rows(ofx, write(tmp_path, SGML), each, *columns) for each, columns in KINDS.items()}
    path = write(tmp_path, SGML.replace("\n", ends))
    monkeypatch.setattr(statements, "PIECE_BYTES", piece_bytes)
    assert {each: rows(ofx, path, each, *columns) for each, columns in KINDS.items()} == whole


@pytest.mark.parametrize(
    ("encoding", "header"),
    [
        ("utf-8", ""),
        ("cp1252", "CHARSET:1252"),
        ("latin-1", "CHARSET:8859-1"),
        ("iso8859-15", "CHARSET:8859-15"),
        ("cp1250", "CHARSET:1250"),
        ("utf-16", ""),
    ],
)
def test_the_header_or_the_bytes_decide_the_encoding(tmp_path: Path, encoding: str, header: str) -> None:
    word = "Bänk€" if encoding in ("iso8859-15", "cp1250") else "Bänk"
    text = SGML.replace("CHARSET:1252", header).replace("Bank &amp; Co", word)
    path = write(tmp_path, text.encode(encoding))
    assert ofx.sniff(path.read_bytes(), "a.ofx")
    assert cells(ofx, path, "STMTTRN", "FI/ORG")[0] == [word]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<ACCTID>A1", "<ACCTID>", "ACCTID is missing"),
        (
            "<STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS>",
            (
                "<STMTTRNRS><TRNUID>9<STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>Signon "
                "invalid</STATUS></STMTTRNRS><STMTTRNRS>"
            ),
            "the bank answered without a statement: 15500 Signon invalid",
        ),
    ],
)
def test_a_wrong_statement_is_set_aside_with_its_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in SGML
    said = faults(ofx, write(tmp_path, SGML.replace(old, new)))
    assert reason in said[0][0]
    assert said[1:] in ([], [[]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("SKU;Qty\n", "there is no <OFX> in it"),
        (SGML[: SGML.index("</STMTTRN>") + 20], "STMTTRN without its end|the file ends before"),
        (SGML.replace("</OFX>", ""), "the file ends before </OFX>"),
        (SGML.replace("</STMTRS>", "</STMTRS>stray"), "text outside an element"),
        (SGML.replace("</STMTRS>", "</STMTRS></STMTRS>"), "</STMTRS> closes nothing"),
        (SGML.replace("<STMTTRNRS>", "<STMTTRNRS><STMTTRNRS>"), "a STMTTRNRS has no end"),
        (SGML.replace("</STMTTRNRS>", ""), "a STMTTRNRS has no end"),
        (SGML.replace("<FI>", "<X>" * 80 + "<FI>"), "nested deeper than 64"),
        (SGML.replace("one", "x" * 11_000), "longer than 10000 characters"),
    ],
)
def test_what_is_no_whole_download_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(FileError, match=message):
        # The texts within transactions are read with the rows.
        ofx.units(request(path, limits=Limits(cell_bytes_max=10_000)))
        rows(ofx, path, "STMTTRN", "MEMO", limits=Limits(cell_bytes_max=10_000))


@pytest.mark.parametrize(
    ("each", "path"),
    [("STMTTRN", "trnamt"), ("STMTTRN", "A//B"), ("LEDGERBAL|AVAILBAL", "LEDGERBAL/BALAMT"), ("//x", "A")],
)
def test_a_path_that_is_none_is_refused(tmp_path: Path, each: str, path: str) -> None:
    with pytest.raises(HouseError, match="STMTTRN"):
        rows(ofx, write(tmp_path, SGML), each, path)


# --- as banks write it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (
            "edi-21-ofx-raw-ampersand",
            [
                ["CHANNEL & CARD MGMT", "ABM CHANNEL & CARD SE"],
                ["PRINT&COPY CENTER", "R&D <LAB> &copy; AT&T"],
                ["SMITH&LTD", "A&notes B&lt C&sect D"],
                ["Share xx &", "Withdrawal"],
            ],
        ),
        ("edi-31-ofx-wrong-closing-tag", [["CARD SHOP", None]]),
        ("edi-35-ofx2-xmlns", [["ÄPFEL & BIRNEN", None]]),
    ],
)
def test_a_reported_download_has_its_texts(name: str, wanted: list[list[str | None]]) -> None:
    path = case(name) / "in.ofx"
    assert ofx.sniff(path.read_bytes(), path.name)
    assert faults(ofx, path) == [[]]
    assert cells(ofx, path, "STMTTRN", "NAME", "MEMO") == wanted


@pytest.mark.parametrize(
    ("head", "text", "plain"),
    [
        ("OFXHEADER:100\n", "A &AMP; &apos; &#38; &amp;lt; &nbsp;B", "A &AMP; &apos; &#38; &lt; \xa0B"),
        ('<?xml version="1.0"?>', "A &apos;&quot; &#38;&#x26; &amp;lt; AT&T", "A '\" && &lt; AT&T"),
    ],
)
def test_the_escapes_are_those_of_the_version(tmp_path: Path, head: str, text: str, plain: str) -> None:
    body = SGML[SGML.index("<OFX>") :].replace("A < B &amp; C", text).replace("Bank &amp; Co", text)
    path = write(tmp_path, head + body.replace("<OFX>", "<OFX xmlns='http://ofx.net/types/2003/04'\n a=\"1\">"))
    assert cells(ofx, path, "STMTTRN", "NAME", "FI/ORG")[0] == [plain, plain]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("</STMTRS>", "</CCSTMTRS>"),
        ("</STMTTRNRS>", "</CCSTMTTRNRS>"),
        ("</BANKMSGSRSV1>", "</CREDITCARDMSGSRSV1>"),
        ("</BANKACCTFROM>", "</CCACCTFROM>"),
        ("</LEDGERBAL>", "</AVAILBAL>"),
    ],
)
def test_the_closing_tag_of_a_sibling_closes_what_is_open(tmp_path: Path, right: str, wrong: str) -> None:
    whole = {each: rows(ofx, write(tmp_path, SGML), each, *columns) for each, columns in KINDS.items()}
    path = write(tmp_path, SGML.replace(right, wrong))
    assert {each: rows(ofx, path, each, *columns) for each, columns in KINDS.items()} == whole


def transaction(kind: str, amount: str, name: str, fitid: str = "") -> str:
    return f"<STMTTRN><TRNTYPE>{kind}<DTPOSTED>20260102<TRNAMT>{amount}<FITID>{fitid}<NAME>{name}</STMTTRN>\n"


def download(*transactions: str) -> str:
    return SGML[: SGML.index("<STMTTRN>")] + "".join(transactions) + SGML[SGML.index("</BANKTRANLIST>") :]


def doubts(path: Path) -> list[list[str]]:
    reading = ofx.read(request(path, "STMTTRN", "TRNAMT"))
    assert sum(len(batch) for batch in reading) == reading.received
    return [[fault.code, fault.position.rpartition("/")[2], fault.message] for fault in reading.faults]


def test_a_kind_that_contradicts_the_sign_is_reported_once_and_counts(tmp_path: Path) -> None:
    assert doubts(case("edi-157-ofx-unsigned-debits") / "in.ofx") == [
        ["ROW_DOUBTFUL", "STMTTRN[1]", "TRNTYPE is DEBIT, and TRNAMT 21.40 says otherwise"]
    ]
    path = write(
        tmp_path,
        download(
            transaction("PAYMENT", "5", "card paid", "1"),
            transaction("Fee", "2", "fee", "2"),
            transaction("FEE", "3", "", "3"),
            transaction("CREDIT", "-1,5", "taken back", "4"),
            transaction("DEBIT", "0.00", "nothing", "5"),
            transaction("DEBIT", "-1", "usual", "6"),
            transaction("XFER", "1", "either", "7"),
            transaction("DEBIT", "1.00-", "", "8"),
            transaction("DEBIT", "(1.00)", "", "9"),
        ),
    )
    assert doubts(path) == [
        ["ROW_DOUBTFUL", "STMTTRN[2]", "TRNTYPE is FEE, and TRNAMT 2 says otherwise (2 rows)"],
        ["ROW_DOUBTFUL", "STMTTRN[4]", "TRNTYPE is CREDIT, and TRNAMT -1,5 says otherwise"],
    ]


def test_a_correction_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path, SGML.replace("<FITID>F2", "<FITID>F2<CORRECTFITID>F1<CORRECTACTION>REPLACE"))
    assert doubts(path) == [["ROW_DOUBTFUL", "STMTTRN[2]", "it corrects the transaction F1"]]


def lines(outcome: dict[str, Any]) -> list[list[Any]]:
    return [[line["bank_ref"], line["amount"], line["remittance"]] for line in outcome["records"]["bank_line"]]


@pytest.mark.parametrize("piece_bytes", [7, 1 << 20])
def test_small_letters_in_the_names_of_elements_make_no_difference(
    tmp_path: Path, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = ("TRNAMT", "NAME", "CURRENCY/CURSYM", "BANKACCTFROM/ACCTID", "CURDEF")
    monkeypatch.setattr(statements, "PIECE_BYTES", piece_bytes)
    expected = rows(ofx, write(tmp_path, SGML), "STMTTRN", *columns)
    small = re.sub(r"</?[A-Z][A-Z0-9]*>", lambda tag: tag.group().lower(), SGML)
    assert rows(ofx, write(tmp_path, small), "STMTTRN", *columns) == expected != []
    some = re.sub(r"</?(STMTTRN|TRNAMT|BANKACCTFROM)>", lambda tag: tag.group().lower(), SGML)
    assert rows(ofx, write(tmp_path, some), "STMTTRN", *columns) == expected


def test_a_download_without_a_currency_has_that_of_the_partner_and_no_other(gateway: Home, tmp_path: Path) -> None:
    path = write(tmp_path, download(transaction("DEBIT", "-1", "A", "F1")).replace("<CURDEF>USD", ""))
    unknown = through_pack(gateway, "ofx/ofx", path)
    assert "bank_line" not in unknown["records"] or lines(unknown) == []
    assert {(fault["message"], "`default` in the mapping" in fault["hint"]) for fault in unknown["faults"]} == {
        ("CURRENCY/CURSYM: is blank, but currency is required", True),
        ("CURDEF: is blank, but currency is required", True),
    }
    bank = Partner(entity="US", currency="EUR")
    gateway.settings = gateway.settings.model_copy(update={"partners": {**gateway.settings.partners, "standard": bank}})
    outcome = through_pack(gateway, "ofx/ofx", path)
    assert [line["currency"] for line in outcome["records"]["bank_line"]] == ["EUR"]
    assert outcome["faults"] == []


def test_balances_among_the_transactions_are_no_money(gateway: Home, tmp_path: Path) -> None:
    outcome = through_pack(gateway, "ofx/ofx", case("edi-38-ofx-saldo-rows") / "in.ofx")
    assert lines(outcome) == [["M1", "-50.0000", "PIX"]]
    assert outcome["counts"]["ignored"] == 2
    assert [fault["message"] for fault in outcome["faults"]] == [
        "FITID is missing, and TRNTYPE does not say that it is money (2 rows)"
    ]
    path = write(
        tmp_path,
        download(
            transaction("CREDIT", "7", "Opening balance"),
            transaction("CREDIT", "7", "SALDO DO DIA", "0"),
            transaction("OTHER", "1234,5", "Balanced diet"),
            transaction("CREDIT", "2", "Balance transfer"),
            transaction("DEBIT", "-3", "Saldo", "B1"),
            transaction("DEBIT", "-0,07", "Saldoausgleich"),
        ),
    )
    assert lines(through_pack(gateway, "ofx/ofx", path)) == [
        [None, "1234.5000", "Balanced diet"],
        [None, "2.0000", "Balance transfer"],
        ["B1", "-3.0000", "Saldo"],
        [None, "-0.0700", "Saldoausgleich"],
    ]


def test_amounts_dates_and_names_as_banks_write_them(gateway: Home, tmp_path: Path) -> None:
    day = transaction("DEBIT", "-1", "DAY", "F").replace("20260102", "2026-01-02<DTAVAIL>00000000")
    payee = transaction("DEBIT", "-2", "", "P").replace("<NAME>", "<PAYEE><NAME>PAYEE<CITY>X</PAYEE>")
    amounts = ["-1.010,50", "-1,010.50", "1,010", "0,125", "10.50-"]
    outcome = through_pack(
        gateway,
        "ofx/ofx",
        write(
            tmp_path,
            download(
                day,
                payee,
                *(transaction("XFER", amount, "A", str(number)) for number, amount in enumerate(amounts, start=1)),
            ),
        ),
    )
    assert lines(outcome) == [
        ["F", "-1.0000", "DAY"],
        ["P", "-2.0000", "PAYEE"],
        ["1", "-1010.5000", "A"],
        ["2", "-1010.5000", "A"],
        ["4", "0.1250", "A"],
        ["5", "-10.5000", "A"],
    ]
    [fault] = outcome["faults"]
    assert fault["code"] == "ROW_REJECT" and 'TRNAMT "1,010"' in fault["message"]


def test_a_balance_without_a_day_is_that_of_the_end_of_the_period(gateway: Home, tmp_path: Path) -> None:
    for day in ("", "00000000"):
        text = SGML.replace("<DTASOF>20260131", f"<DTASOF>{day}", 1)
        balances = through_pack(gateway, "ofx/ofx", write(tmp_path, text))["records"]["bank_balance"]
        assert [(balance["date"], balance["amount"]) for balance in balances] == [("2026-01-31", "5.0000")]


# --- properties ----------------------------------------------------------------------------------------------

texts = st.text("ABC äöß019.,&<>'\"-", min_size=1, max_size=20).map(str.strip).filter(bool)


@st.composite
def transactions(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "TRNTYPE": draw(st.sampled_from(["DEBIT", "CREDIT", "FEE"])),
        "DTPOSTED": "20260102",
        "TRNAMT": f"{draw(st.integers(-(10**8), 10**8)) / 100:.2f}",
        "FITID": draw(st.text("ABC019", min_size=1, max_size=12)),
        "CHECKNUM": draw(st.none() | st.just("1001")),
        "NAME": draw(st.none() | texts),
        "MEMO": draw(st.none() | texts),
        "CURSYM": draw(st.none() | st.sampled_from(["EUR", "USD"])),
    }


def element(name: str, text: str, style: str) -> str:
    end = {"sgml": "", "closed": f"</{name}>", "lines": f"\n  </{name}>\n"}[style]
    return f"<{name}>{escape(text, quote=False)}{end}"


@many
@given(
    st.lists(st.lists(transactions(), max_size=4), min_size=1, max_size=3), st.sampled_from(["sgml", "closed", "lines"])
)
def test_what_is_written_is_read_back(tmp_path: Path, drawn: list[list[dict[str, Any]]], style: str) -> None:
    body = ""
    for number, group in enumerate(drawn):
        entries = ""
        for one in group:
            inner = "".join(element(k, v, style) for k, v in one.items() if v is not None and k != "CURSYM")
            if one["CURSYM"]:
                inner += (
                    f"<CURRENCY>{element('CURRATE', '1', style)}{element('CURSYM', one['CURSYM'], style)}</CURRENCY>"
                )
            entries += f"<STMTTRN>{inner}</STMTTRN>\n"
        body += (
            f"<CCSTMTTRNRS>{element('TRNUID', str(number), style)}<CCSTMTRS>"
            f"{element('CURDEF', 'CHF', style)}<CCACCTFROM>"
            f"{element('ACCTID', f'C{number}', style)}</CCACCTFROM><BANKTRANLIST>{entries}</BANKTRANLIST></CCSTMTRS>"
            f"</CCSTMTTRNRS>"
        )
    path = write(tmp_path, f"<OFX><CREDITCARDMSGSRSV1>{body}</CREDITCARDMSGSRSV1></OFX>")
    assert faults(ofx, path) == [[] for _ in drawn]
    columns = (
        "CCACCTFROM/ACCTID",
        "TRNTYPE",
        "TRNAMT",
        "FITID",
        "CHECKNUM",
        "NAME",
        "MEMO",
        "CURRENCY/CURSYM",
        "CURDEF",
    )
    assert cells(ofx, path, "STMTTRN", *columns) == [
        [
            f"C{number}",
            *(one[key] for key in ("TRNTYPE", "TRNAMT", "FITID", "CHECKNUM", "NAME", "MEMO", "CURSYM")),
            "CHF",
        ]
        for number, group in enumerate(drawn)
        for one in group
    ]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1100), st.integers(0, 60), st.binary(max_size=4))
def test_mutated_downloads_are_read_or_refused(tmp_path: Path, place: int, gone: int, put: bytes) -> None:
    whole = SGML.encode()
    read_or_refused(ofx, write(tmp_path, whole[:place] + put + whole[place + gone :]), KINDS)


@pytest.mark.parametrize(
    "text", ["<", "<A>", "</A>", "<STMTTRN>", "<STMTTRN></STMTTRN>", "<!--", "<STMTTRNRS>", "<A>1"]
)
def test_a_flood_of_tags_ends(tmp_path: Path, text: str) -> None:
    half = SGML.index("<STMTTRN>")
    read_or_refused(ofx, write(tmp_path, SGML[:half] + text * 30_000 + SGML[half:]), KINDS)
