"""A key that stood too often in a file counts as often as the corrected file has it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from gateway.home import Home
from gateway.intake.attempt import attempt
from gateway.once import run_books
from gateway.transports.transport import Drop
from tests.conftest import NOW, reconcile_only, taken
from tests.mapping_texts import delimited

STOCK = delimited(
    "shed.moves",
    "inventory_movement",
    ["ref"],
    {
        "occurred_at": "day",
        "type": "=RECEIPT",
        "sku": "sku",
        "qty": "qty",
        "document_no": "ref",
        "from_location": "=SUPPLIER",
        "from_status": "=SUPPLIER",
        "to_location": "=SHED",
        "to_status": "=AVAILABLE",
    },
)
HEAD = "ref,day,sku,qty\n"
CUP, POT, JAR, MORE_JARS = (
    f"R{number},2026-11-02,{sku},{qty}\n"
    for number, sku, qty in ((1, "CUP", 5), (2, "POT", 2), (3, "JAR", 1), (3, "JAR", 4))
)
DOUBLED = HEAD + CUP + POT + POT + JAR + MORE_JARS

BANK = delimited(
    "purse.lines",
    "bank_line",
    ["bank_ref"],
    {
        "account": "=1",
        "statement_id": "=2026-11",
        "bank_ref": "ref",
        "booking_date": "day",
        "amount": "amount",
        "currency": "=USD",
        "direction": "=CRDT",
        "status": "=BOOK",
    },
)
LINES = "ref,day,amount\n"
LINE = "B1,2026-11-02,10.00\n"


@pytest.fixture
def gateway(gateway: Home) -> Home:
    """A home with two partners whose mappings know their rows by one reference."""
    reconcile_only(gateway.folder, "i")
    for partner, mapping in (("shed", STOCK), ("purse", BANK)):
        path = gateway.folder / "mappings" / partner / "feed.toml"
        path.parent.mkdir()
        path.write_text(mapping)
    reloaded = gateway.reloaded(gateway.settings)
    assert [fault for fault in reloaded.library.faults if "feed.toml" in fault.file] == []
    return reloaded


def take(gateway: Home, partner: str, name: str, text: str) -> Mapping[str, int]:
    path = gateway.folder / name
    path.write_text(text)
    [receipt] = taken(gateway, [Drop(partner, name, path, NOW, "folder")])
    [file] = receipt.files
    return {name: n for name in ("accepted", "rejected", "duplicate", "ignored") if (n := getattr(file, name))}


def asked(gateway: Home, sql: str) -> list[tuple[Any, ...]]:
    return gateway.lake.con.execute(sql).fetchall()


def stock(gateway: Home) -> dict[str, int]:
    return {sku: int(qty) for sku, qty in asked(gateway, "select sku, qty from stock where status = 'AVAILABLE'")}


def doubled(gateway: Home) -> list[str]:
    run_books(gateway)
    sql = "select message from exception where code = 'ROW_DOUBLED' and status = 'OPEN'"
    return [message for (message,) in asked(gateway, sql)]


def test_the_corrected_file_takes_the_surplus_back_and_closes_the_exception(gateway: Home) -> None:
    assert take(gateway, "shed", "moves-1.csv", DOUBLED) == {"accepted": 5}
    assert stock(gateway) == {"CUP": 5, "POT": 4, "JAR": 5}
    assert doubled(gateway) == [
        "2 rows have the same key (ref): line 3, line 4; they are equal; each counts; "
        "2 rows have the same key (ref): line 5, line 6; they differ in qty; each counts"
    ]
    # R2 says what it said, once; of the two that R3 said the second is right.
    corrected = HEAD + CUP + POT + MORE_JARS
    path = gateway.folder / "moves-2.csv"
    path.write_text(corrected)
    changes = attempt(gateway, gateway.library.mappings["shed.moves"], path)["changes"]["inventory_movement"]
    assert [row["position"] for row in changes["taken_back"]] == ["line 3", "line 4"]
    assert take(gateway, "shed", "moves-2.csv", corrected) == {"accepted": 2, "duplicate": 1}
    assert stock(gateway) == {"CUP": 5, "POT": 2, "JAR": 4}
    # A file that has it twice again counts it twice again.
    assert take(gateway, "shed", "moves-3.csv", HEAD + POT + POT) == {"accepted": 1, "duplicate": 1}
    assert stock(gateway)["POT"] == 4
    assert doubled(gateway) == ["2 rows have the same key (ref): line 2, line 3; they are equal; each counts"]


def test_a_row_that_is_rejected_is_still_in_its_file(gateway: Home) -> None:
    take(gateway, "shed", "moves-1.csv", DOUBLED)
    broken = HEAD + POT + POT.replace(",2\n", ",two\n")
    assert take(gateway, "shed", "moves-2.csv", broken) == {"rejected": 1, "duplicate": 1}
    assert stock(gateway)["POT"] == 4


@pytest.mark.parametrize(("repeats", "left"), [("report", 10), ("count", 20)])
def test_the_journal_follows_and_lines_that_count_stay(gateway: Home, repeats: str, left: int) -> None:
    path = gateway.folder / "mappings" / "purse" / "feed.toml"
    path.write_text(BANK.replace("[record.fields]", f'repeats = "{repeats}"\n[record.fields]'))
    gateway = gateway.reloaded(gateway.settings)
    assert take(gateway, "purse", "lines-1.csv", LINES + LINE + LINE) == {"accepted": 2}
    later = LINES + LINE + "B2,2026-11-03,1.00\n"
    counts = {"accepted": 2} if repeats == "report" else {"accepted": 1, "duplicate": 1}
    assert take(gateway, "purse", "lines-2.csv", later) == counts
    assert doubled(gateway) == []
    total = "select sum(amount) from bank_line_current"
    booked = "select sum(debit) - sum(credit) from journal_line where role = 'bank'"
    assert asked(gateway, total) == asked(gateway, booked) == [(Decimal(left + 1),)]


def test_the_exception_follows_the_rows_and_not_the_names_or_commits_of_files(gateway: Home) -> None:
    drops = []
    for name, rows in (("moves-1.csv", 3), ("moves-2.csv", 1), ("moves-3.csv", 2)):
        path = gateway.folder / name
        path.write_text(HEAD + POT * rows)
        drops.append(Drop("shed", name, path, NOW, "folder"))
    taken(gateway, drops)
    assert stock(gateway) == {"POT": 4}
    # Of the three in one commit the last says it. The next file of its name, without the key, leaves what counts twice.
    said = ["2 rows have the same key (ref): line 2, line 3; they are equal; each counts"]
    assert doubled(gateway) == said
    take(gateway, "shed", "moves-3.csv", HEAD + CUP)
    assert (stock(gateway), doubled(gateway)) == ({"POT": 4, "CUP": 5}, said)
    take(gateway, "shed", "moves-4.csv", HEAD + POT + CUP)
    assert (stock(gateway), doubled(gateway)) == ({"POT": 2, "CUP": 5}, [])
