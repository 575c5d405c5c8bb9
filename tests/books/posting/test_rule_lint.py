"""Mistakes in posting rules: each is found by `check`, refused at start and at a reload, with its file and line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from gateway.books.posting.rule_lint import FILE, faults
from gateway.books.posting.rules import Posting
from gateway.books.rules import load
from gateway.cli import main
from gateway.daemon import Daemon
from gateway.errors import HouseError
from gateway.home import Home, open_home
from gateway.intake.take import Intake
from gateway.toml_faults import Shape
from gateway.toml_lines import Lines

Edit = Callable[[str, str], int]

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "mappings" / "posting.toml").read_text(encoding="utf-8")
CHART = tomllib.loads((ROOT / "mappings" / "chart.toml").read_text(encoding="utf-8"))["accounts"]
PAYMENT = '"is_payment"'
PAYOUT = "\"status = 'BOOK' and amount > 0 and not is_charge and coalesce(subfamily, '') <> 'INTR'\""

MISTAKES = [
    # columns and tables
    ('on          = "settlement"', 'on          = "settlements"', 'no table or derivation "settlements"; did you mean'),
    ('on          = "settlement"', 'on          = "inventory_movement"', "inventory_movement has no currency"),
    ('amount      = "total"', 'amount      = "totals"', "totals is not a field"),
    ('class       = "canonical_class"', 'class       = "canonical_clas"', 'did you mean "canonical_class"?'),
    ('amount = "list_amount"', 'amount = "pg_read_file(order_id)"', "pg_read_file"),
    # kinds of values
    ('date        = "deposit_date"', 'date        = "currency"', "date needs a date"),
    ('amount      = "total"', 'amount      = "settlement_id"', "gives a text, amount needs a number"),
    ("when        = \"status = 'BOOK' and is_charge\"", 'when        = "amount"', "when needs true or false"),
    # roles, classes, statuses
    ('credit      = "payables"', 'credit      = "payable"', 'the role "payable" has no account'),
    ('credit      = "payables"', 'credit      = "none"', 'the role "none" has no account'),
    ('credit      = "payables"', 'credit      = "bank"', "debits and credits bank, so that it posts nothing"),
    ('debit = "promotions"', 'debit = "promotion"', 'did you mean "promotions"?'),
    ('storage           = "storage"', 'storage           = "stores"', 'the role "stores" has no account'),
    ('storage           = "storage"', 'storrage          = "storage"', 'is never "storrage"; did you mean "storage"?'),
    ('DAMAGED                   = "stock_sellable"', 'DAMAGED = "stock_sold"', 'the role "stock_sold" has no account'),
    ('other  = "VENDOR_RETURN"', 'other  = "VENDORS"', 'no status "VENDORS"; did you mean "VENDOR_RETURN"?'),
    ('status = "SUPPLIER"', 'status = "AVAILABLE"', 'no status outside of our stock "AVAILABLE"'),
    ('type   = "OPENING"', 'type   = "OPENNING"', 'no kind of movement "OPENNING"; did you mean "OPENING"?'),
    ('reason = ["SAMPLE"]\n', "", "names no movement that it is for"),
    ('reason = ["DONATION"]', 'reason = ["SAMPLE"]', "never counts, since rule 3 asks for the same"),
    ('role   = "donations"', 'role   = "donation"', 'the role "donation" has no account'),
    ('written_off = ["SCRAP"]', 'written_off = ["SCRAPPED"]', 'no status on hand "SCRAPPED"; did you mean "SCRAP"?'),
    ('written_off = ["SCRAP"]', 'written_off = ["DAMAGED"]', "its role stock_sellable holds the value of RECEIVING"),
    # conditions
    ("when        = \"status = 'BOOK' and is_charge\"", 'when        = "is_charges"', "is_charges"),
    ("may_be_payout =", 'amount = "true"\nmay_be_payout =', "has a column amount"),
    ("is_charge     =", "early = \"status = 'BOOK' and is_charge\"\nis_charge     =", "is_charge does not stand above"),
    (PAYOUT, '"is_charge and not is_charge"', "no record of bank_line can meet may_be_payout"),
    # rules that never post
    (PAYMENT, "\"status = 'BOKED' and amount < 0\"", "status is never 'BOKED'; did you mean \"BOOK\"?"),
    (PAYMENT, '"amount < 0 and may_be_payout"', "no record of bank_line can meet this, so that the rule never posts"),
    (PAYMENT, '"amount < 0 and amount >= 0.01"', "the rule never posts"),
    (PAYMENT, "\"subfamily is null and subfamily = 'CHRG'\"", "the rule never posts"),
    ("\"revenue = 'shipment'\"", "\"revenue = 'shipments'\"", "revenue is never 'shipments'"),
    # keys that do nothing
    ('granularity = "document-class-day"', 'granularity = "document-day"', "an entry for each class"),
    ('debit       = "bank"\ncredit      = "bank_fees"', 'debit       = "bank"\ncredit      = "bank"', "posts nothing"),
]


def found(text: str) -> list[tuple[int, str]]:
    """(line, message) of every fault of the rules of a text."""
    try:
        posting = Posting.model_validate(tomllib.loads(text))
    except ValidationError as error:
        lines = Lines(text)
        shaped = Shape(Posting, FILE).faults(error, tomllib.loads(text), lambda *path: (FILE, lines.of(*path)))
        return [(fault.line, fault.message) for fault in shaped]
    return [(fault.line, fault.message) for fault in faults(posting, text, CHART)]


def added(name: str, when: str) -> str:
    """The shipped rules and one more that posts payments."""
    return TEXT + (
        f'\n[[rule]]\nname = "{name}"\non = "bank_line"\nwhen = "{when}"\ndocument = "account"\n'
        'date = "booking_date"\ngranularity = "record"\namount = "amount"\ndebit = "bank"\ncredit = "payables"\n'
    )


@pytest.fixture
def edit(home: Path) -> Edit:
    """Replaces the first occurrence in posting.toml; returns its line."""

    def replace(old: str, new: str) -> int:
        path = home / "mappings" / "posting.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return text[: text.index(old)].count("\n") + 1

    return replace


def checked(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Exit code of `gateway check`, and what it printed."""
    monkeypatch.setattr("sys.argv", ["gateway", "-C", str(home), "check", "amazon-us/orders"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out + printed.err


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES)
def test_a_mistake_is_reported_with_its_line(old: str, new: str, said: str) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    changed = next(
        n for n, pair in enumerate(zip(TEXT.split("\n"), text.split("\n"), strict=False), 1) if pair[0] != pair[1]
    )
    [(line, message)] = found(text)
    assert line == changed and said in message


def test_rules_of_one_name_follow_one_another_without_a_gap() -> None:
    text = TEXT.replace('name        = "payout"', 'name        = "bank-fee"')
    first, second = (n for n, line in enumerate(text.split("\n"), 1) if line == 'name        = "bank-fee"')
    assert found(text) == [(second, "two rules on settlement and bank_line have the name bank-fee")]
    assert first < second
    fee = TEXT[TEXT.index('[[rule]]\nname        = "bank-fee"') : TEXT.index('[[rule]]\nname        = "bank-payment"')]
    ended, later = fee.strip() + "\nvalid_to = 2026-12-31\n\n", fee.strip() + "\nvalid_from = 2027-01-01\n\n"

    def said(*versions: str) -> list[str]:
        return [message for _, message in found(TEXT.replace(fee, "".join(versions)))]

    assert said(ended, later) == said(later, ended) == []
    assert said(fee, later) == ["two rules have the name bank-fee and hold on the same days"]
    [gap] = said(ended, later.replace("2027-01-01", "2027-01-03"))
    assert gap == "no rule bank-fee holds between 2026-12-31 and 2027-01-03, so that nothing posts then"
    [ends] = said(later.replace("2027-01-01", "2027-01-01\nvalid_to = 2026-01-01"))
    assert ends.endswith(".valid_to`: the rule ends before it begins")


def test_a_condition_that_a_reconciliation_asks_for_is_missing() -> None:
    text = TEXT.replace("may_be_payout =", "may_be_payouts =")
    [(line, message)] = found(text)
    assert "has no may_be_payout" in message and text.split("\n")[line - 1] == "[conditions.bank_line]"


@pytest.mark.parametrize(
    ("when", "twice"),
    [
        ("status = 'BOOK' and amount < 0 and not is_charge", True),
        ("not is_charge and amount <= -5 and status in ('BOOK')", True),  # a part of the same payments
        ("status = 'BOOK' and amount < 0 and not is_charge and remittance like '%RENT%'", True),
        ("status = 'BOOK' and amount < 0 and is_charge", False),
        ("status = 'PDNG' and amount < 0", False),
        ("remittance like '%RENT%'", False),  # may be of other records: not certain
    ],
)
def test_a_rule_that_posts_the_same_again(when: str, twice: bool) -> None:
    text = added("again", when)
    line = text.split("\n").index('name = "again"') + 1
    assert [place for place, _ in found(text)] == [line] * twice
    assert all('the same again as the rule "bank-payment"' in message for _, message in found(text))


def test_the_same_condition_for_other_accounts_is_no_double() -> None:
    text = added("again", "status = 'BOOK' and amount < 0 and not is_charge")
    at = text.rindex('credit = "payables"')
    assert found(text[:at] + 'credit = "suspense"\n') == []


def test_every_mistake_is_reported_at_once(home: Path, edit: Edit) -> None:
    first = edit('date        = "deposit_date"', 'date        = "currency"')
    second = edit('amount = "tax_amount"', 'amount = "taxes"')
    with pytest.raises(HouseError) as refused:
        load(home)
    assert {f"posting.toml:{line}:" in str(refused.value) for line in (first, second)} == {True}


def test_check_reports_it_and_ends_with_two(
    home: Path, edit: Edit, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = edit('date        = "deposit_date"', 'date        = "currency"')
    code, printed = checked(home, capsys, monkeypatch)
    assert code == 2
    assert f"mappings/posting.toml:{line}: " in printed


def test_nothing_starts_with_a_broken_rule(home: Path, edit: Edit) -> None:
    edit('on          = "bank_line"', 'on          = "bank_lines"')
    with pytest.raises(HouseError, match="bank_lines"), open_home(home):
        pass


def test_a_reload_keeps_the_rules_of_before(gateway: Home, edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon(Intake(gateway), [])
    edit('on          = "bank_line"', 'on          = "bank_lines"')
    monkeypatch.setattr(daemon._watched, "changed", lambda: True)
    with capture_logs() as logs:
        daemon._reload()
    assert daemon.home is gateway
    [refused] = [log for log in logs if log["event"] == "reload.refused"]
    assert "bank_lines" in refused["error"] and "stay in force" in refused["consequence"]


def test_the_shipped_rules_have_no_fault(home: Path) -> None:
    assert load(home).posting.condition("bank_line", "is_charge")
