"""The main job end to end: what files become, what happens to them the second time, and what goes wrong."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway import synthetic
from gateway.home import Home, open_home
from gateway.intake.again import again
from gateway.intake.result import FileResult
from gateway.ledger import verify
from gateway.once import run_books, run_once
from gateway.sql import rows_of
from gateway.synthetic import edi, settlements
from gateway.synthetic.business import Business
from gateway.transports.folder import Folder
from tests.conftest import NOW, reconcile_only, taken

Drop = Callable[[str, str, bytes | str], Path]
COLUMNS = "\t".join(settlements.COLUMNS)
ITEMS = "sku,gtin,name,uom,category,abc,tracking,standard-cost\nSKU-1,,Mug,EA,home,B,NONE,4.00\n"


def line(sid: str, kind: str, what: str, about: str, amount: str, code: str = "", sku: str = "") -> str:
    cells = [
        sid,
        "",
        "",
        "",
        "",
        "",
        kind,
        f"O{code}" if code else "",
        "",
        "",
        "",
        "",
        what,
        about,
        amount,
        "",
        "",
        "2026-11-03T10:00:00+00:00",
        code,
        "",
        "",
        sku,
        "1" if sku else "",
        "",
    ]
    return "\t".join(cells)


def settlement(sid: str, total: str, *lines: str) -> str:
    head = "\t".join(
        [sid, "2026-11-01T00:00:00+00:00", "2026-11-15T00:00:00+00:00", "2026-11-16", total, "USD"] + [""] * 18
    )
    return "\n".join([COLUMNS, head, *lines]) + "\n"


def rows(gateway: Home, sql: str) -> list[dict[str, Any]]:
    return list(rows_of(gateway.lake.con, sql))


def one(gateway: Home, sql: str) -> Any:
    row = gateway.lake.con.execute(sql).fetchone()
    return row[0] if row else None


def take(gateway: Home) -> dict[str, FileResult]:
    """A pass, by the names of the files; without workbooks, which take as long as all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])
        return {f.name: f for f in run_once(gateway).files}


@pytest.fixture
def home(home: Path) -> Path:
    """Without the reconciliations: only the whole business looks at them."""
    reconcile_only(home, "j")
    return home


GOOD = settlement(
    "S1",
    "15.00",
    line("S1", "Order", "ItemPrice", "Principal", "20.00", "1", "SKU-1"),
    line("S1", "Order", "ItemFees", "Commission", "-5.00", "1", "SKU-1"),
)


def test_a_settlement_posts_and_balances(gateway: Home, drop: Drop) -> None:
    drop("master-data", "items.csv", ITEMS)
    drop("amazon-us", "settlement-1.txt", GOOD)
    files = take(gateway)
    file = files["settlement-1.txt"]
    assert (file.state, file.received, file.accepted, file.ignored) == ("ACCEPTED", 3, 3, 0)
    balances = {
        r["role"]: r["net"]
        for r in rows(gateway, "select role, sum(debit) - sum(credit) as net from journal_line group by role")
    }
    assert balances == {"commission": "5.0000", "channel_receivable": "-20.0000", "payouts_in_transit": "15.0000"}
    assert (
        one(
            gateway,
            (
                "select count(*) from journal_source anti join settlement_line using (record_id) anti join settlement "
                "using (record_id)"
            ),
        )
        == 0
    )
    assert verify.verify(gateway.lake) == []


def test_the_same_bytes_are_a_duplicate_however_often_they_come(gateway: Home, drop: Drop) -> None:
    states = []
    for number in range(5):
        drop("amazon-us", f"settlement-{number}.txt", GOOD)
        receipts = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
        states += [file.state for receipt in receipts for file in receipt.files]
        for receipt in receipts:
            Folder(gateway.folder, gateway.settings).settle(receipt.drop)
    assert states == ["ACCEPTED", *["DUPLICATE"] * 4]


def test_the_same_drop_twice_has_no_second_effect(gateway: Home, drop: Drop) -> None:
    drop("master-data", "items.csv", ITEMS)
    drop("amazon-us", "settlement-1.txt", GOOD)
    take(gateway)
    journal = "select account, sum(debit) d, sum(credit) c from journal_line group by 1 order by 1"
    before = rows(gateway, journal)
    twins = {
        "settlement-1.txt": GOOD,
        "settlement-renamed.txt": GOOD,
        "settlement-crlf.txt": GOOD.replace("\n", "\r\n"),
        "settlement-bom.txt": "\ufeff" + GOOD,
    }
    for name, content in twins.items():
        drop("amazon-us", name, content)
    files = take(gateway)
    assert {name: (file.accepted, file.duplicate, file.received) for name, file in files.items()} == dict.fromkeys(
        twins, (0, 3, 3)
    )
    assert before == rows(gateway, journal)
    assert one(gateway, "select count(*) from settlement_line") == 2


def test_a_corrected_file_posts_the_difference_only(gateway: Home, drop: Drop) -> None:
    drop("master-data", "items.csv", ITEMS)
    drop("amazon-us", "settlement-1.txt", GOOD)
    take(gateway)
    drop("amazon-us", "settlement-1.txt", GOOD.replace("15.00", "14.00").replace("-5.00", "-6.00"))
    file = take(gateway)["settlement-1.txt"]
    assert (file.accepted, file.duplicate) == (2, 1)
    sql = (
        "select role, sum(debit) - sum(credit) as net from journal_line where file_id = '{}' group by 1 having net "
        "<> 0 order by 1"
    )
    assert rows(gateway, sql.format(file.file_id)) == [
        {"role": "commission", "net": "1.0000"},
        {"role": "payouts_in_transit", "net": "-1.0000"},
    ]
    assert one(gateway, "select amount from settlement_line_current where canonical_class = 'commission'") == Decimal(
        "-6"
    )


def test_a_settlement_that_does_not_foot_is_held_and_may_be_released(gateway: Home, drop: Drop) -> None:
    drop("master-data", "items.csv", ITEMS)
    drop("amazon-us", "settlement-1.txt", GOOD.replace("15.00", "16.50"))
    file = take(gateway)["settlement-1.txt"]
    assert (file.state, file.received, file.rejected) == ("HELD", 3, 3)
    assert "the rows make 15.00, the file states 16.50, difference -1.50" in file.reason
    assert one(gateway, "select count(*) from journal_line") == 0
    assert one(gateway, "select code from exception where status = 'OPEN'") == "SETTLE_NOT_FOOT"
    [released] = again(gateway, file.file_id, force=True)
    run_books(gateway)
    assert (released.state, released.accepted) == ("RELEASED", 3)
    assert one(gateway, "select status from exception where code = 'SETTLE_NOT_FOOT'") == "CLOSED"
    assert verify.verify(gateway.lake) == []


def test_a_letter_in_an_amount_names_the_line_and_the_rest_goes_on(gateway: Home, drop: Drop) -> None:
    drop("master-data", "items.csv", ITEMS)
    head = (
        "order-id,order-item-id,purchase-date,promise-date,order-status,fulfillment-channel,"
        "sku,quantity,item-price,item-promotion-discount,shipping-price,item-tax,currency,ship-date"
    )
    good = "O1,1,2026-11-01T09:00:00Z,,Unshipped,MFN,SKU-1,1,12.50,,,1.00,USD,"
    bad = good.replace("O1", "O2").replace("12.50", '"12,5O"')
    drop("amazon-us", "orders.csv", f"{head}\n{good}\n{bad}\n")
    file = take(gateway)["orders.csv"]
    assert (file.state, file.received, file.accepted, file.rejected) == ("ACCEPTED", 2, 1, 1)
    [fault] = rows(gateway, 'select "position", message, hint, source_row from fault')
    assert fault["position"] == "line 3" and '"12,5O" is not a number' in fault["message"] and fault["hint"]
    assert "12,5O" in fault["source_row"]


def test_an_unknown_sku_still_counts(gateway: Home, drop: Drop) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    file = take(gateway)["settlement-1.txt"]
    assert file.accepted == 3
    assert one(gateway, "select distinct sku from settlement_line") == "?SKU-1"
    assert one(gateway, "select business_key from exception where code = 'SKU_UNKNOWN'") == "amazon-us|SKU-1"
    drop("master-data", "items.csv", ITEMS)
    take(gateway)
    assert "It is known now" in one(gateway, "select message from exception where code = 'SKU_UNKNOWN'")
    [read_again] = again(gateway, file.file_id, force=False)
    assert read_again.accepted == 2
    assert one(gateway, "select distinct sku from settlement_line_current") == "SKU-1"
    take(gateway)
    assert one(gateway, "select status from exception where code = 'SKU_UNKNOWN'") == "CLOSED"


def test_an_unknown_code_is_in_suspense(gateway: Home, drop: Drop) -> None:
    drop("amazon-us", "settlement-1.txt", settlement("S1", "-3.00", line("S1", "Fee", "New", "Surprise", "-3.00")))
    take(gateway)
    assert one(gateway, "select sum(debit) from journal_line where role = 'suspense'") == Decimal("3")
    assert (
        one(gateway, "select business_key from exception where code = 'UNMAPPED_LINE'")
        == "amazon-us|Fee / New / Surprise"
    )


UNREADABLE: list[tuple[str, str, str | bytes, str]] = [
    ("main-bank", "camt053.xml", "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><Document/>", "DOCTYPE"),
    ("main-bank", "camt053-2.xml", "<Document><BkToCstmrStmt>", "not well-formed"),
    (
        "amazon-us",
        "unknown.bin",
        b"\x00\x01",
        "unknown.bin looks like no known format; no mapping of amazon-us reads it",
    ),
    ("nobody", "orders-of-nobody.csv", "a,b\n1,2\n", "there is no mapping for partner nobody"),
    ("amazon-us", "orders.csv", "a,b\n1,2\n", 'columns are missing: "order-id", '),
    ("own-warehouse", "count.xlsx", b"PK\x03\x04 broken", "damaged"),
]


def test_files_that_cannot_be_read_are_set_aside_with_the_reason_and_others_go_on(gateway: Home, drop: Drop) -> None:
    paths = [drop(partner, name, content) for partner, name, content, _ in UNREADABLE]
    drop("amazon-us", "settlement-1.txt", GOOD)
    files = take(gateway)
    for _, name, _, said in UNREADABLE:
        assert files[name].state in ("QUARANTINED", "HELD"), name
        assert said in files[name].reason
    assert files["settlement-1.txt"].state == "ACCEPTED"
    assert not [path for path in paths if path.exists()]
    assert verify.verify(gateway.lake) == []


def test_a_cut_off_945_and_one_of_a_stranger_are_held_and_their_neighbour_goes_on(gateway: Home, drop: Drop) -> None:
    business = Business(1, NOW.date(), 2, 5, 10)
    order = business.orders[0]
    sets = [edi.shipment(order, order.lines, NOW.date(), "S1")]
    whole = edi.interchange("945", "SW", NOW.date(), 7, sets)
    drop("3pl-east", "cut.edi", whole[: whole.rfind(b"SE*")])
    drop("3pl-east", "whole.edi", whole.replace(b"000000007", b"000000008"))
    drop("3pl-east", "other.edi", edi.interchange("945", "SW", NOW.date(), 9, sets, sender="STRANGER"))
    files = take(gateway)
    assert (files["cut.edi"].state, files["whole.edi"].state) == ("HELD", "ACCEPTED")
    assert "IEA is missing" in files["cut.edi"].reason
    assert "configured: ZZ/3PLEAST" in files["other.edi"].reason
    assert ("SENDER_UNKNOWN",) in gateway.lake.con.execute(
        "select code from exception where status = 'OPEN'"
    ).fetchall()


def test_a_whole_business(laid_down: Path, tmp_path: Path, without_workbooks: None) -> None:
    """A small synthetic business, run once: what was planted is found, its sums are right, and once more changes
    nothing."""
    home = Path(shutil.copytree(laid_down, tmp_path / "home"))
    truth = synthetic.generate(home, orders_per_day=14, skus=60)
    with (home / "truth.csv").open(encoding="utf-8", newline="") as source:
        planted = {(r["code"], r["business_key"]) for r in csv.DictReader(source) if r["code"] != "NONE"}
    assert len(planted) >= 12
    with open_home(home, now=truth.now) as gateway:
        done = run_once(gateway)
        assert found(gateway) == planted
        for file in done.files:
            assert file.received == file.accepted + file.rejected + file.duplicate + file.ignored
        _sums_are_right(gateway)
        assert verify.verify(gateway.lake) == []
    with open_home(home, now=NOW) as gateway:
        assert Folder(home, gateway.settings).poll() == []
        before = one(gateway, "select count(*) from journal_line")
        run_books(gateway)
        assert one(gateway, "select count(*) from journal_line") == before
        assert planted <= found(gateway)


def found(gateway: Home) -> set[tuple[str, str]]:
    """(code, business key) of what is open."""
    return set(gateway.lake.con.execute("select code, business_key from exception where status = 'OPEN'").fetchall())


def _sums_are_right(gateway: Home) -> None:
    for row in rows(
        gateway,
        "select entity, currency, sum(debit) d, sum(credit) c, sum(functional_amount) f from journal_line group by all",
    ):
        assert row["d"] == row["c"] and Decimal(row["f"]) == 0
    unbalanced = (
        "select count(*) from (select entry_id from journal_line group by entry_id, currency having sum(debit) <> "
        "sum(credit))"
    )
    assert one(gateway, unbalanced) == 0
    assert one(gateway, "select sum(qty) from stock") == 0, "units are conserved over all buckets"
    bank = one(gateway, "select sum(debit - credit) from journal_line where role = 'bank' and entity = 'US'")
    closing = one(
        gateway,
        "select amount from bank_balance where balance_type = 'CLBD' and currency = 'USD' order by date desc limit 1",
    )
    assert bank == closing - Decimal("25000")
