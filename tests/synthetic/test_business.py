"""The synthetic business: the same for a seed, true to what it says is planted, and found out by the gateway."""

from __future__ import annotations

import csv
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from gateway import synthetic
from gateway.home import open_home
from gateway.ledger import verify
from gateway.once import run_once
from gateway.synthetic import Truth

ROOT = Path(__file__).parents[2]
SMALL = {"days": 8, "orders_per_day": 6, "skus": 40}
CODES = {
    "AMOUNT_MISMATCH",
    "CONTROL_TOTAL",
    "DEPOSIT_UNKNOWN",
    "DUP_SETTLE_LINE",
    "PAYOUT_NOT_BANKED",
    "PAYOUT_SHORT",
    "QTY_OVER",
    "QTY_SHORT",
    "ROW_REJECT",
    "SETTLED_NOT_SHIPPED",
    "SETTLE_NOT_FOOT",
    "SHIPPED_NOT_SETTLED",
    "SKU_UNKNOWN",
    "STATUS_MISMATCH",
    "UNMAPPED_LINE",
}


def files(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    """A home with the files of a small business, and what was planted in them."""
    home = tmp_path_factory.mktemp("synthetic")
    return home, synthetic.generate(home, seed=5, **SMALL)


def keys_of(truth: Truth, code: str) -> list[str]:
    return [planted.business_key for planted in truth.planted if planted.code == code]


def settlements(home: Path) -> dict[str, list[dict[str, str]]]:
    """Name → lines of every dollar settlement."""
    return {
        path.name: list(csv.DictReader(path.read_text().splitlines(), delimiter="\t"))
        for path in sorted((home / "inbound" / "amazon-us").glob("settlement-*.txt"))
    }


def orders(home: Path) -> list[dict[str, str]]:
    return [
        row
        for path in sorted((home / "inbound" / "amazon-us").glob("orders-*.csv"))
        for row in csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    ]


# --- the same for the same seed ------------------------------------------------------------------------------


def test_a_seed_gives_the_same_bytes_whenever_it_is_asked(made: tuple[Path, Truth], tmp_path: Path) -> None:
    home, truth = made
    again = synthetic.generate(tmp_path, seed=5, **SMALL)
    assert files(tmp_path) == files(home)
    assert again == truth


def test_another_seed_gives_another_business(made: tuple[Path, Truth], tmp_path: Path) -> None:
    home, truth = made
    other = synthetic.generate(tmp_path, seed=6, **SMALL)
    assert other.planted != truth.planted
    changed = {name for name, content in files(tmp_path).items() if files(home).get(name) != content}
    assert {"inbound/master-data/items.csv", "truth.csv"} <= changed


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("days", [7, 9])
def test_the_smallest_business_can_be_made_for_any_seed(tmp_path: Path, seed: int, days: int) -> None:
    truth = synthetic.generate(tmp_path, seed=seed, days=days, orders_per_day=5)
    names = [planted for planted in truth.planted if planted.code != "NONE"]
    assert len({(planted.code, planted.business_key) for planted in names}) == len(names)
    assert truth.files == len([path for path in (tmp_path / "inbound").rglob("*") if path.is_file()])


# --- true to what it says ------------------------------------------------------------------------------------


def test_the_truth_lists_what_was_planted(made: tuple[Path, Truth]) -> None:
    home, truth = made
    with (home / "truth.csv").open(newline="") as source:
        rows = list(csv.DictReader(source))
    assert [(r["code"], r["business_key"], Decimal(r["amount"]), r["primary"]) for r in rows] == [
        (p.code, p.business_key, p.amount, "yes" if p.primary else "no") for p in truth.planted
    ]
    assert {p.code for p in truth.planted} - {"NONE"} == CODES


def test_orders_are_planted_where_the_truth_says(made: tuple[Path, Truth]) -> None:
    home, truth = made
    settled = {line["order-id"] for lines in settlements(home).values() for line in lines}
    ordered = {row["order-id"] for row in orders(home)}
    (unsettled,) = (key.partition("|")[2] for key in keys_of(truth, "SHIPPED_NOT_SETTLED"))
    assert unsettled in ordered - settled
    (ghost,) = (key.partition("|")[2] for key in keys_of(truth, "SETTLED_NOT_SHIPPED"))
    assert ghost in settled - ordered


def test_a_settled_amount_is_off_by_what_the_truth_says(made: tuple[Path, Truth]) -> None:
    home, truth = made
    (planted,) = (p for p in truth.planted if p.code == "AMOUNT_MISMATCH")
    wanted = planted.business_key.partition("|")[2]
    owed = sum(
        (
            Decimal(r["item-price"])
            - Decimal(r["item-promotion-discount"])
            + Decimal(r["shipping-price"])
            + Decimal(r["item-tax"])
            for r in {r["order-item-id"]: r for r in orders(home) if r["order-id"] == wanted}.values()
        ),
        Decimal(0),
    )
    kinds = ("ItemPrice", "Promotion")
    paid = sum(
        (
            Decimal(line["amount"])
            for lines in settlements(home).values()
            for line in lines
            if (line["order-id"], line["transaction-type"]) == (wanted, "Order") and line["amount-type"] in kinds
        ),
        Decimal(0),
    )
    assert paid - owed == planted.amount == Decimal("-7.50")


def test_only_the_planted_settlement_does_not_foot(made: tuple[Path, Truth]) -> None:
    home, truth = made
    off = []
    for name, lines in settlements(home).items():
        total = Decimal(lines[0]["total-amount"])
        if sum(Decimal(line["amount"]) for line in lines[1:]) != total:
            off.append(f"amazon-us|{name}")
    assert off == keys_of(truth, "SETTLE_NOT_FOOT")


def test_the_unknown_code_is_in_no_lookup(made: tuple[Path, Truth]) -> None:
    home, truth = made
    (key,) = keys_of(truth, "UNMAPPED_LINE")
    code = key.rpartition(" / ")[2]
    assert any(line["amount-description"] == code for lines in settlements(home).values() for line in lines)
    assert code not in (ROOT / "mappings" / "lookups" / "amazon-settlement.csv").read_text()


def test_the_doubled_line_is_in_two_settlements(made: tuple[Path, Truth]) -> None:
    home, truth = made
    (key,) = keys_of(truth, "DUP_SETTLE_LINE")
    _, order, item, about = key.split("|")
    holding = [
        name
        for name, lines in settlements(home).items()
        for line in lines
        if (line["order-id"], line["order-item-code"], line["amount-type"], line["amount-description"])
        == (order, item, "ItemPrice", about)
    ]
    assert len(holding) == len(set(holding)) == 2


def test_payouts_are_on_the_bank_as_the_truth_says(made: tuple[Path, Truth]) -> None:
    home, truth = made
    bank = "".join(path.read_text() for path in (home / "inbound" / "main-bank").iterdir())
    (missing,) = (key.partition("|")[2] for key in keys_of(truth, "PAYOUT_NOT_BANKED"))
    assert missing not in bank
    (short,) = (key.partition("|")[2] for key in keys_of(truth, "PAYOUT_SHORT"))
    assert re.search(rf'<Amt Ccy="USD">155\.00</Amt>(?:(?!</Ntry>).)*{short}', bank)
    (unknown,) = keys_of(truth, "DEPOSIT_UNKNOWN")
    assert unknown.rpartition("|")[2] in bank


def test_bank_statements_follow_one_another(made: tuple[Path, Truth]) -> None:
    home, _ = made
    closing = None
    for path in sorted((home / "inbound" / "main-bank").iterdir()):
        balances = dict(
            re.findall(r"<Cd>(OPBD|CLBD)</Cd></CdOrPrtry></Tp><Amt Ccy=\"USD\">([\d.]+)<", path.read_text())
        )
        assert closing in (None, balances["OPBD"])
        closing = balances["CLBD"]


def test_the_cut_off_interchange_ends_before_its_trailers(made: tuple[Path, Truth]) -> None:
    home, truth = made
    (name,) = {key.split("|")[1] for key in keys_of(truth, "CONTROL_TOTAL")}
    text = (home / "inbound" / "3pl-east" / name).read_text()
    assert text.startswith("ISA*")
    assert not re.search(r"^(SE|GE|IEA)\*", text, re.MULTILINE)


# --- found out -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "days"), [(3, 8), (11, 9), (12, 14), (13, 10)][: int(os.environ.get("SEEDS", "1"))])
def test_the_gateway_finds_exactly_what_was_planted(home: Path, seed: int, days: int) -> None:
    truth = synthetic.generate(home, seed=seed, days=days, orders_per_day=6, skus=40)
    with open_home(home, now=truth.now) as gateway:
        done = run_once(gateway)
        con = gateway.lake.con
        found = con.execute("select code, business_key from exception where status = 'OPEN'").fetchall()
        sums = con.execute("select currency, sum(debit) - sum(credit) from journal_line group by all").fetchall()
        assert verify.verify(gateway.lake) == []
    planted = {(p.code, p.business_key) for p in truth.planted if p.code != "NONE"}
    assert sorted(found) == sorted(planted)
    assert {code for code, _ in planted} == CODES
    assert dict(sums) == {"USD": 0, "EUR": 0}
    assert {file.state for file in done.files} == {"ACCEPTED", "DUPLICATE", "HELD"}
    assert all(f.received == f.accepted + f.rejected + f.duplicate + f.ignored for f in done.files)
