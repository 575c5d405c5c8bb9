"""BAI2: the public samples with their values or the reason of their refusal, and reports of our own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import FileError, HouseError
from gateway.formats.bank import bai2, bai2_accounts, bai2_records, statements
from gateway.settings import Limits
from tests.conftest import CORPUS, case, corpus
from tests.formats.bank.banks import cells, faults, read_or_refused, request, rows

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public samples are not beside the checkout")
TRANSACTION = ("16/type", "16/amount", "16/funds", "16/bank_reference", "16/customer_reference", "16/text")
SUMMARY = ("03/account", "03/type", "03/amount", "03/decimal_amount", "03/count", "03/funds")
KINDS = {
    "16": (*TRANSACTION, "16/decimal_amount", "03[010]/decimal_amount", "02/date", "01/sender"),
    "03/type": (*SUMMARY, "03/currency"),
    "03": ("03/account", "03[015]/count", "02/currency"),
}
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "a.bai"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    bai2.forget()
    return path


# --- public samples ------------------------------------------------------------------------------------------


@needs_corpus
def test_the_public_sample_has_the_amounts_that_its_trailers_add_up_to() -> None:
    path = CORPUS / "bank-bai2" / "moov__sample2.txt"
    envelope = bai2.units(request(path))
    assert envelope.faults == ()
    assert [(u.receiver, u.sender, u.version, u.interchange, u.faults) for u in envelope.units] == [
        (account, "122099999", "2", "1", ())
        for account in ("0123456789", "9876543210", "4589761203", "0975312468", "7890654321")
    ]
    columns = (
        "03/account",
        *TRANSACTION,
        "16/decimal_amount",
        "16/value_date",
        "16/immediate",
        "16/one_day",
        "16/two_day",
        "02/date",
        "03/currency",
    )
    assert cells(bai2, path, "16", *columns) == [
        ["0123456789", "115", "450000", "S", "", "", "", "4500.00", "", "100000", "200000", "150000", "040620", "USD"],
        [
            "9876543210",
            "115",
            "500000",
            "S",
            "",
            "",
            "LOCK BOX NO.68751",
            "5000.00",
            "",
            "",
            "200000",
            "300000",
            "040620",
            "USD",
        ],
        [
            "4589761203",
            "218",
            "20000000",
            "V",
            "SP4738",
            "YRC065321",
            "PROCEEDS OF LETTER OF CREDIT FROM THE ARAMCO OIL CO",
            "200000.00",
            "040622",
            "",
            "",
            "",
            "040620",
            "USD",
        ],
        ["4589761203", "195", "10000000", "1", "", "", "", "100000.00", "", "", "", "", "040620", "USD"],
    ]
    assert cells(bai2, path, "03/type", *SUMMARY) == [
        ["0123456789", "010", "+4350000", "+43500.00", "", ""],
        ["0123456789", "040", "2830000", "28300.00", "", ""],
        ["0123456789", "072", "1020000", "10200.00", "", ""],
        ["0123456789", "074", "500000", "5000.00", "", ""],
        ["9876543210", "010", "-500000", "-5000.00", "", ""],
        ["9876543210", "100", "1000000", "10000.00", "", ""],
        ["9876543210", "400", "2000000", "20000.00", "", ""],
        ["9876543210", "190", "500000", "5000.00", "", ""],
        ["9876543210", "110", "1000000", "10000.00", "", ""],
        ["9876543210", "072", "500000", "5000.00", "", ""],
        ["9876543210", "074", "500000", "5000.00", "", ""],
        ["9876543210", "040", "-1500000", "-15000.00", "", ""],
        ["4589761203", "010", "10000000", "100000.00", "", ""],
        ["4589761203", "040", "5000000", "50000.00", "", ""],
        ["4589761203", "074", "4000000", "40000.00", "", ""],
        ["4589761203", "400", "50000000", "500000.00", "", ""],
        ["4589761203", "100", "60000000", "600000.00", "", ""],
        ["4589761203", "110", "20000000", "200000.00", "", ""],
        ["4589761203", "072", "1000000", "10000.00", "", ""],
        ["0975312468", "010", "500000", "5000.00", "", ""],
        ["0975312468", "190", "70000000", "700000.00", "4", "0"],
        ["0975312468", "110", "70000000", "700000.00", "15", "D"],
        ["7890654321", "010", "800000", "8000.00", "", ""],
        ["7890654321", "040", "6000000", "60000.00", "", ""],
        ["7890654321", "110", "5000000", "50000.00", "4", ""],
    ]


@needs_corpus
def test_a_sample_with_wrong_trailers_is_read_and_every_wrong_total_reported() -> None:
    path = CORPUS / "bank-bai2" / "moov__sample4-continuations-newline-delimited.txt"
    envelope = bai2.units(request(path))
    assert [fault.message for fault in envelope.faults] == [
        "group of line 2: 98 states total 13060195162, found -1247101146600",
        "group of line 2: 98 states records 16, found 114",
        "group of line 2: 98 states accounts 4, found 5",
        "file: 99 states records 18, found 116",
    ]
    assert [[fault.message.partition(": ")[2] for fault in unit.faults] for unit in envelope.units] == [
        [],
        ["49 states total -1260161341762, found 7999960", "49 states records 26, found 18"],
        [
            "49 states total 6869722, found 666917818",
            "49 states records 8, found 88",
            "opening balance 1595811.94 and entries -299031.74 make 1296780.20, the closing balance is 1593811.94, "
            "difference 297031.74",
        ],
        [],
        [],
    ]
    found = cells(bai2, path, "16", *TRANSACTION)
    assert [(row[0], row[1]) for row in found] == [
        ("447", "60000"),
        ("261", "143500"),
        ("447", "928650"),
        ("557", "200000"),
        ("451", "55555"),
        ("266", "1912"),
        ("495", "50500"),
        ("195", "1125"),
        ("257", "60000"),
        ("255", "931"),
        ("195", "50050"),
        ("175", "527"),
        ("475", "10100"),
        ("275", "337686"),
        ("165", "5000"),
        ("475", "44250"),
        ("495", "30000000"),
    ]
    assert found[0][3:] == [
        "SPB2322984714570",
        "1111",
        "ACH Credit Payment,Entry Description: EXP; -, SEC: CCD, Client Ref ID: 1111, GS ID: SPB2322984714570\n"
        "EREF: 1111\nDBNM: TEST INC\nCACT: ACHCONTROLOUTUSD01",
    ]


REFUSED = {
    "moov__fuzz_3940e35d8f932097.txt": 'expected a file header .01., found "go test fuzz v1"',
    "moov__fuzz_e262a7798c82c66e.txt": 'expected a file header .01., found "go test fuzz v1"',
    "moov__fuzz_f96b9eec61a21275.txt": 'expected a file header .01., found "go test fuzz v1"',
    "moov__sample-parseError.txt": 'expected a file header .01., found "00,0004',
    "moov__sample.txt": 'expected a file header .01., found "../../../data/sample.txt"',
}


@needs_corpus
def test_every_public_sample_is_read_above_or_refused() -> None:
    read = {"moov__sample2.txt", "moov__sample4-continuations-newline-delimited.txt"}
    assert {path.name for path in corpus("bank-bai2")} == read | set(REFUSED)
    for name, message in REFUSED.items():
        path = CORPUS / "bank-bai2" / name
        assert not bai2.sniff(path.read_bytes(), name)
        with pytest.raises(FileError, match=message):
            bai2.units(request(path))


# --- our own reports -----------------------------------------------------------------------------------------

REPORT = """01,BANK,US,260102,0200,1,80,,2/
02,US,BANK,1,260101,2359,USD,2/
03,0123,,010,10000,,,015,11000,,/
16,195,2000,,B1,C1,WIRE, WITH COMMAS / AND SLASH
88,MORE, TEXT/
16,475,1000,0,,1001,/
49,24000,5/
03,0456,JPY,010,500,,/
16,115,9,D,2,0,4,1,5,B2,C2,/
49,509,3/
98,24509,2,10/
99,24509,1,12/
"""


def test_texts_decimals_and_what_a_row_inherits(tmp_path: Path) -> None:
    path = write(tmp_path, REPORT)
    columns = (
        *TRANSACTION,
        "16/decimal_amount",
        "03/account",
        "03/currency",
        "03[010]/decimal_amount",
        "03[015]/amount",
        "02/originator",
        "01/date",
    )
    assert cells(bai2, path, "16", *columns) == [
        [
            "195",
            "2000",
            "",
            "B1",
            "C1",
            "WIRE, WITH COMMAS / AND SLASH\nMORE, TEXT",
            "20.00",
            "0123",
            "USD",
            "100.00",
            "11000",
            "BANK",
            "260102",
        ],
        ["475", "1000", "0", "", "1001", "", "10.00", "0123", "USD", "100.00", "11000", "BANK", "260102"],
        ["115", "9", "D", "B2", "C2", "", "9", "0456", "JPY", "500", None, "BANK", "260102"],
    ]
    assert [row["_position"] for row in rows(bai2, path, "16")] == ["line 4", "line 6", "line 9"]
    assert cells(bai2, path, "03", "03/account", "03[015]/decimal_amount") == [["0123", "110.00"], ["0456", None]]
    assert (faults(bai2, path), bai2.units(request(path)).faults) == ([[], []], ())


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 20])
@pytest.mark.parametrize("padded", [False, True])
def test_line_ends_padding_and_pieces_make_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str, piece_bytes: int, padded: bool
) -> None:
    whole = {each: rows(bai2, write(tmp_path, REPORT), each, *columns) for each, columns in KINDS.items()}
    lines = [line.ljust(80) if padded else line for line in REPORT.split("\n")]
    path = write(tmp_path, ends.join(lines))
    monkeypatch.setattr(statements, "PIECE_BYTES", piece_bytes)
    assert {each: rows(bai2, path, each, *columns) for each, columns in KINDS.items()} == whole
    assert faults(bai2, path) == [[], []]


@pytest.mark.parametrize(
    ("old", "new", "account", "around"),
    [
        ("49,24000,5/", "49,24001,6/", "49 states total 24001, found 24000", "98 states total 24509, found 24510"),
        ("49,24000,5/", "49,24000,3/", "49 states records 3, found 5", ""),
        ("49,24000,5/", "49,24000/", "49 states records (nothing), found 5", ""),
        ("98,24509,2,10/", "98,24509,3,10/", "", "98 states accounts 3, found 2"),
        ("99,24509,1,12/", "99,24508,1,12/", "", "99 states total 24508, found 24509"),
        ("99,24509,1,12/\n", "", "", "the file's trailer (99) is missing, it is cut off"),
        ("98,24509,2,10/\n99,24509,1,12/\n", "", "", "its trailer (98) is missing, it is cut off"),
        ("49,24000,5/\n", "", "its trailer (49) is missing, it is cut off", "98 states total 24509, found 509"),
        ("015,11000", "015,11001", "difference 0.01", ""),
        ("16,475,1000,0", "16,475,10.00,0", 'the amount "10.00" is not in minor units without a point', ""),
        ("16,475,1000,0", "16,4A5,1000,0", '"4A5" is not a type code of three digits', ""),
        ("16,475,1000,0", "16,475,1000,X", 'there is no funds type "X"', ""),
        ("16,475,1000,0", "17,475,1000,0", "is not a BAI2 record", ""),
        ("03,0123,,", "03,,,", "the account number is missing", ""),
        (",260101,2359", ",261301,2359", 'the as-of date "261301" of its group is not a date', ""),
        ("02,US,BANK,1,", "02,US,BANK,2,", "its group asks to delete what was sent before", ""),
    ],
)
def test_what_is_wrong_is_reported_for_the_account_or_for_what_is_around_it(
    tmp_path: Path, old: str, new: str, account: str, around: str
) -> None:
    assert old in REPORT
    path = write(tmp_path, REPORT.replace(old, new, 1))
    found = faults(bai2, path)
    said = [fault.message for fault in bai2.units(request(path)).faults]
    assert any(account in message for message in found[0]) if account else found[0] == []
    assert any(around in message for message in said) if around else said == []
    if "02,US" not in old and ",260101" not in old:
        assert found[1] == []


def test_a_wrong_account_is_set_aside_and_its_neighbours_go_on(tmp_path: Path) -> None:
    path = write(tmp_path, REPORT.replace("49,509,3/", "49,509,4/"))
    good = frozenset(unit.ordinal for unit in bai2.units(request(path)).units if not unit.faults)
    assert good == {0}
    assert [row["_unit"] for row in rows(bai2, path, "16", units=good)] == [0, 0]


def test_a_transaction_that_cannot_be_read_is_a_fault_with_its_text_and_no_row(tmp_path: Path) -> None:
    path = write(tmp_path, REPORT.replace("16,195,2000", "16,195,20O0"))
    reading = bai2.read(request(path, "16", "16/amount"))
    assert sum(len(batch) for batch in reading) == 2
    assert reading.received == 3
    [fault] = reading.faults
    assert (fault.code, fault.position) == ("ROW_REJECT", "line 4")
    assert fault.row["16"].endswith("MORE, TEXT")


def test_totals_of_credits_and_debits_serve_where_no_transactions_are_sent(tmp_path: Path) -> None:
    report = (
        "01,B,U,260102,,1,,,2/\n02,U,B,1,260101,,,/\n03,A,,010,100,,,015,130,,,100,50,2,,400,20,1,/\n49,300,2/\n"
        "98,300,1,4/\n99,300,1,6/\n"
    )
    assert faults(bai2, write(tmp_path, report)) == [[]]
    [said] = faults(bai2, write(tmp_path, report.replace("015,130", "015,131").replace("300", "301")))
    assert "difference 0.01" in said[0]
    bare = report.replace(",100,50,2,,400,20,1,", "").replace("300", "230")
    assert faults(bai2, write(tmp_path, bare)) == [[]]
    # The balances count; that nobody lists what moved them is reported, unless nothing did.
    told = ["account A as of 260101: its balance moved by +0.30, and it lists no transactions (16)"]
    still = bare.replace("015,130", "015,100").replace("230", "200")
    for text, wanted in ((report, told), (bare, told), (still, []), (REPORT, [])):
        reading = bai2.read(request(write(tmp_path, text), "03/type", "03/amount"))
        assert sum(len(batch) for batch in reading) > 0
        assert [fault.message for fault in reading.faults] == wanted
        assert {fault.code for fault in reading.faults} <= {"ROW_DOUBTFUL"}


def test_a_test_group_never_posts(tmp_path: Path) -> None:
    path = write(tmp_path, REPORT.replace("02,US,BANK,1,", "02,US,BANK,4,"))
    assert [unit.test for unit in bai2.units(request(path)).units] == [True, True]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n \n", "there is no BAI2 record in it"),
        ("16,195,1,,,/\n", "expected a file header"),
        ("01,B,U,260102,,1,,,2/\n03,A/\n", "expected a group header"),
        ("01,B,U,260102,,1,,,2/\n02,U,B,1,260101/\n16,195,1/\n", "expected an account"),
        ("01,B,U,260102,,1,,,2/\n02,U,B,1,260101/\n98,0,0,2/\n99,0,1,4/\n", "there is no account"),
        (REPORT.replace("88,MORE", "88," + "x" * 11_000), "longer than 10000 characters"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FileError, match=message):
        bai2.units(request(write(tmp_path, content), limits=Limits(cell_bytes_max=10_000)))


@pytest.mark.parametrize(
    "path", ["16/amuont", "amount", "03/type", "49/total", "03[10]/amount", "16[010]/amount", "02/x"]
)
def test_a_path_that_is_none_shows_the_syntax(tmp_path: Path, path: str) -> None:
    with pytest.raises(HouseError, match="16/amount"):
        rows(bai2, write(tmp_path, REPORT), "16", path)


@pytest.mark.parametrize(
    ("text", "currency", "decimal"),
    [
        ("1", "USD", "0.01"),
        ("-5", "EUR", "-0.05"),
        ("+12345", "USD", "+123.45"),
        ("7", "JPY", "7"),
        ("1", "KWD", "0.001"),
        ("", "USD", ""),
        ("000", "USD", "0.00"),
    ],
)
def test_minor_units_have_the_decimals_of_their_currency(text: str, currency: str, decimal: str) -> None:
    assert bai2_accounts.decimal_amount(text, currency) == decimal


# --- as banks write it ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "transactions", "summaries"),
    [
        (
            "edi-43-bai2-two-records-on-a-line",
            [["195", "1000", "FIRST"], ["195", "1500", "SECOND"]],
            [["010", "0"], ["015", "2500"]],
        ),
        (
            "edi-50-bai2-group-trailer-without-accounts",
            [["195", "1000", "FIRST"], ["195", "1500", "SECOND"]],
            [["010", "0"], ["015", "2500"]],
        ),
        (
            "edi-51-bai2-comma-ends-each-line",
            [["142", "100", "TEXT"]],
            [["010", "0"], ["015", "100"], ["045", "100"], ["100", "100"]],
        ),
    ],
)
def test_a_reported_file_is_read_and_adds_up(
    name: str, transactions: list[list[str]], summaries: list[list[str]]
) -> None:
    path = case(name) / "in.bai"
    assert (faults(bai2, path), bai2.units(request(path)).faults) == ([[]], ())
    assert cells(bai2, path, "16", "16/type", "16/amount", "16/text") == transactions
    assert cells(bai2, path, "03/type", "03/type", "03/amount") == summaries


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("98,24509,2,10/", "98,24509,10/", ""),
        ("98,24509,2,10/", "98,24509,,10,/", ""),
        ("99,24509,1,12/", "99,24509,12,/", ""),
        ("98,24509,2,10/", "98,24509,2/", "98 states records 2, found 10"),
        ("98,24509,2,10/", "98,24509/", "98 states records (nothing), found 10"),
        # The continuations are not counted; lines are indented, or filled up and not parted; a date has its century.
        ("98,24509,2,10/", "98,24509,2,9/", ""),
        ("98,24509,2,10/", "98,24509,2,8/", "98 states records 8, found 10"),
        ("\n", "\n  ", ""),
        ("/\n", "/        ", ""),
        ("02,US,BANK,1,260101", "02,US,BANK,1,20260101", ""),
        # Records that only a slash parts, and commas at the ends of lines.
        ("/\n", "/", ""),
        ("/\n", ",/\n", ""),
        # A 03 goes on in 88, within an account, a summary, or with its last fields left out. The counts rise with it.
        ("03,0123,,010,10000,,,015,11000,,/", "03,0123/\n88,,010,10000,,,015/\n88,11000,,/", "records"),
        ("03,0123,,010,10000,,,015,11000,,/", "03,0123,,010,10000/\n88,015,11000/", "records"),
    ],
)
def test_trailers_lines_and_commas_as_banks_write_them(tmp_path: Path, old: str, new: str, said: str) -> None:
    whole = {each: cells(bai2, write(tmp_path, REPORT), each, *columns) for each, columns in KINDS.items()}
    path = write(tmp_path, REPORT.replace(old, new))
    assert bai2.sniff(path.read_bytes(), path.name)
    messages = [fault.message for fault in bai2.units(request(path)).faults]
    assert {each: cells(bai2, path, each, *columns) for each, columns in KINDS.items()} == whole
    assert all(said in message for message in messages) if said else messages == []
    assert bool(messages) == bool(said)


def test_a_funds_type_in_a_small_letter_is_that_type() -> None:
    assert bai2_records.detail(["195,200,z,B,C,text"])[3:6] == ("B", "C", "text")


def test_slashes_of_a_text_part_no_records(tmp_path: Path) -> None:
    text = "PAID 01/16,2026 REF 5/49,X AND/OR 88/03,9"
    path = write(tmp_path, REPORT.replace("WIRE, WITH COMMAS / AND SLASH", text))
    assert faults(bai2, path) == [[], []]
    assert cells(bai2, path, "16", "16/text")[0] == [f"{text}\nMORE, TEXT"]


def test_many_summaries_take_time_in_proportion_to_their_number() -> None:
    parts = ["0123,USD,010,1,,", *["015,2,,"] * 100_000]
    began = time.process_time()
    found = bai2_records.summaries(parts)
    assert len(found) == 100_001
    # A second would be a hundred times what it takes.
    assert time.process_time() - began < 3


# --- properties ----------------------------------------------------------------------------------------------

words = st.text("ABC xyz019.-", max_size=12).map(str.strip)
FUNDS: dict[str, st.SearchStrategy[list[str]]] = {
    "": st.just([]),
    "0": st.just([]),
    "Z": st.just([]),
    "S": st.lists(st.integers(0, 99).map(str), min_size=3, max_size=3),
    "V": st.tuples(st.just("260105"), st.sampled_from(["", "1200"])).map(list),
    "D": st.lists(st.tuples(st.integers(0, 9).map(str), st.integers(0, 99).map(str)), max_size=3).map(
        lambda pairs: [str(len(pairs)), *(text for pair in pairs for text in pair)]
    ),
}


@st.composite
def transactions(draw: st.DrawFn) -> dict[str, Any]:
    funds = draw(st.sampled_from(sorted(FUNDS)))
    return {
        "type": draw(st.sampled_from(["142", "195", "475", "698", "890"])),
        "amount": draw(st.integers(0, 10**10)),
        "funds": funds,
        "further": draw(FUNDS[funds]),
        "bank": draw(words),
        "customer": draw(words),
        "text": draw(st.lists(st.text("ABC ,/019", min_size=1, max_size=20).map(lambda t: f"T{t}x"), max_size=3)),
        "cut": draw(st.integers(3, 20)),
    }


def detail(one: dict[str, Any]) -> list[str]:
    """Physical lines: fields may go on in a continuation, the text has its own."""
    fields = [one["type"], str(one["amount"]), one["funds"], *one["further"], one["bank"], one["customer"]]
    cut = min(one["cut"], len(fields))
    lines = ["16," + ",".join(fields[:cut])]
    if cut < len(fields):
        lines[0] += "/"
        lines.append("88," + ",".join(fields[cut:]))
    if one["text"]:
        lines[-1] += "," + one["text"][0] if cut == len(fields) else "/"
        lines += ["88," + text for text in (one["text"] if cut < len(fields) else one["text"][1:])]
    else:
        lines[-1] += "/"
    return lines


@many
@given(
    st.lists(st.tuples(st.integers(-(10**10), 10**10), st.lists(transactions(), max_size=4)), min_size=1, max_size=3)
)
def test_what_is_written_is_read_back(tmp_path: Path, accounts: list[Any]) -> None:
    lines = ["01,BANK,US,260102,0200,1,80,,2/", "02,US,BANK,1,260101,2359,,2/"]
    grand, group = 0, 1
    for number, (opening, drawn) in enumerate(accounts):
        moved = sum(one["amount"] * bai2_accounts.sign(one["type"]) for one in drawn)
        own = [f"03,{number},EUR,010,{opening},,,015,{opening + moved},,/"]
        own += [line for one in drawn for line in detail(one)]
        total = opening + opening + moved + sum(one["amount"] for one in drawn)
        lines += [*own, f"49,{total},{len(own) + 1}/"]
        grand, group = grand + total, group + len(own) + 1
    lines += [f"98,{grand},{len(accounts)},{group + 1}/", f"99,{grand},1,{group + 3}/"]
    path = write(tmp_path, "\n".join(lines))
    assert faults(bai2, path) == [[] for _ in accounts]
    assert bai2.units(request(path)).faults == ()
    assert cells(bai2, path, "16", "03/account", *TRANSACTION) == [
        [
            str(number),
            one["type"],
            str(one["amount"]),
            one["funds"],
            one["bank"],
            one["customer"],
            "\n".join(one["text"]),
        ]
        for number, (_, drawn) in enumerate(accounts)
        for one in drawn
    ]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.integers(0, 40), st.binary(max_size=4))
def test_mutated_reports_are_read_or_refused(tmp_path: Path, place: int, gone: int, put: bytes) -> None:
    whole = REPORT.encode()
    read_or_refused(bai2, write(tmp_path, whole[:place] + put + whole[place + gone :]), KINDS)


@pytest.mark.parametrize("line", ["88,", "16,", "03,", "16,115,1,D,9999", "49,", ",", "/", "02,"])
def test_a_flood_of_records_ends(tmp_path: Path, line: str) -> None:
    read_or_refused(bai2, write(tmp_path, REPORT[:120] + f"\n{line}" * 30_000), KINDS)
