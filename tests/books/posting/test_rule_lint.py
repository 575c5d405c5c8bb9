"""Mistakes in posting rules: each is found by `check`, refused at start and at a reload, with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.books.rules import load
from gateway.cli import main
from gateway.daemon import Daemon
from gateway.errors import HouseError
from gateway.home import Home, open_home
from gateway.intake.take import Intake

Edit = Callable[[str, str], int]

MISTAKES = [
    ('on          = "settlement"', 'on          = "settlements"', 'no table or derivation "settlements"; did you mean'),
    ('amount      = "total"', 'amount      = "totals"', "totals is not a field"),
    ('date        = "deposit_date"', 'date        = "currency"', "date needs a date"),
    ('amount      = "total"', 'amount      = "settlement_id"', "gives a text, amount needs a number"),
    ("when        = \"status = 'BOOK' and is_charge\"", 'when        = "amount"', "when needs true or false"),
    ("when        = \"status = 'BOOK' and is_charge\"", 'when        = "is_charges"', "is_charges"),
    ('class       = "canonical_class"', 'class       = "canonical_clas"', "did you mean canonical_class?"),
    ('name        = "payout"', 'name        = "bank-fee"', "2 rules have the name bank-fee"),
    ("may_be_payout =", "may_be_payouts =", "has no may_be_payout"),
    ('amount = "list_amount"', 'amount = "pg_read_file(order_id)"', "pg_read_file"),
]


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
def test_a_mistake_in_a_rule_is_refused_with_its_line(home: Path, edit: Edit, old: str, new: str, said: str) -> None:
    line = edit(old, new)
    with pytest.raises(HouseError) as refused:
        load(home)
    message = str(refused.value)
    assert said in message and "Fix:" in message
    found = {int(part.split(":")[0]) for part in message.split("mappings/posting.toml:")[1:]}
    # A missing name stands at its table, a name that two rules have at both.
    assert line in found or min(abs(one - line) for one in found) <= 60


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
