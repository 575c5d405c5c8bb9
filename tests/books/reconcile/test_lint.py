"""Mistakes in mappings/reconciliations.toml: each is named with its line, what was expected, and the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.books.reconcile.families import FAMILIES
from gateway.books.reconcile.registry import Registry
from gateway.books.rules import load
from gateway.errors import HomeFaultsError
from gateway.model.resolutions import KINDS
from tests.books.reconcile.test_declared import BLOCK, declare

FILE = "mappings/reconciliations.toml"


def found(home: Path) -> list[tuple[int, str, str]]:
    """(line, message, fix) of every fault."""
    with pytest.raises(HomeFaultsError) as refused:
        load(home)
    assert {fault.file for fault in refused.value.faults} == {FILE}
    return [(fault.line, fault.message, fault.fix) for fault in refused.value.faults]


def line_of(home: Path, text: str) -> int:
    """The last line of the file in which the text stands."""
    lines = (home / FILE).read_text(encoding="utf-8").splitlines()
    return max(number for number, line in enumerate(lines, start=1) if text in line)


@pytest.mark.parametrize(
    ("old", "new", "said", "at"),
    [
        ('owner = "FS", days = 5', 'owner = "FX", days = 5', 'ORDER_UNPAID: there is no owner "FX"', "ORDER_UNPAID  "),
        ('"UNKNOWN_HOLD", title', '"RECOUNT", title', '"RECOUNT" does not answer PAYOUT', "MONEY_UNKNOWN  "),
        (
            'answers = "PAYOUT"',
            'answers = "PAYOUTS"',
            'no kind of resolutions "PAYOUTS"; did you mean "PAYOUT"?',
            "answers = ",
        ),
        ("days = 5, s", 'days = 5, answers = "BOTH", s', 'no kind of resolutions "BOTH"', "ORDER_UNPAID  "),
        (
            'differs = "ORDER_PAID_SHORT"',
            'differs = "MONEY_UNKNOWN"',
            "never raises ORDER_PAID_SHORT",
            "ORDER_PAID_SHORT =",
        ),
        (
            "ORDER_UNPAID     =",
            "ORDER_UNPAYED    =",
            "raises ORDER_UNPAID, which is not a code of this reconciliation; did you mean",
            "open     =",
        ),
        ('sheet   = "Z1_TRANSFERS"', 'sheet   = "FILES"', "sheet FILES is used by several", 'sheet   = "FILES"'),
        ('sheet   = "Z1_TRANSFERS"', 'sheet   = "A_STOCK_2"', "sheet A_STOCK is used by several", "A_STOCK_2"),
        ('slug    = "orders-banked"', 'slug    = "payout"', "slug payout is used by several", 'slug    = "payout"'),
        ("role = 'sales'", "role = 'sale'", 'there is no role "sale"; did you mean "sales"?', "lines = "),
        ("role = 'sales'", "rule in ('shipment', 'shipped')", 'there is no rule "shipped"', "lines = "),
        ("role = 'sales'", "role like 'stocks_%'", 'there is no role "stocks?*"', "lines = "),
        ("role = 'sales'", "role", "the expression gives VARCHAR", "lines = "),
        ('unit    = "money"', 'unit    = "units"', "units cannot make a balance", "[reconciliation.tie]"),
        ('pass     = [{ by = "key" },', 'pass     = [{ by = "key", abolute = 1 },', "abolute", "pass     ="),
        ('{ by = "group", days = 30 }', '{ by = "words" }', 'by = "words" has no text to look in', "pass     ="),
        (
            'amount = "amount", day',
            'amount = "amount", words = "remittance", day',
            "no pass looks in `words`",
            "external = {",
        ),
        ('amount = "amount", day', 'amount = "amount", words = "remitance", day', "remitance", "external = {"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_fix(home: Path, old: str, new: str, said: str, at: str) -> None:
    assert old in BLOCK
    declare(home, BLOCK.replace(old, new))
    faults = found(home)
    assert [line for line, message, _ in faults if said in message] == [line_of(home, at)], faults


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('family = "payout"', 'family = "payouts"', 'there is no family "payouts"; did you mean "payout"?'),
        ('family = "payout"', 'family = "settlement"', "family settlement is used by several"),
        (
            "PAYOUT_SHORT      =",
            "PAYOUT_SHORTER    =",
            'the family payout never raises PAYOUT_SHORTER; did you mean "PAYOUT_SHORT"?',
        ),
        ("DEPOSIT_UNKNOWN   =", "deposit_unknown   =", "the code deposit_unknown is not in capital letters"),
        ('TR = "Treasury"\n', "", 'PAYOUT_SHORT: there is no owner "TR"'),
    ],
)
def test_a_mistake_in_a_block_that_is_shipped(home: Path, old: str, new: str, said: str) -> None:
    path = home / FILE
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert any(said in message for _, message, _ in found(home))


def test_all_mistakes_are_reported_at_once_in_order(home: Path) -> None:
    declare(
        home,
        BLOCK.replace('owner = "TR"', 'owner = "XX"')
        .replace("'sales'", "'sale'")
        .replace('"Z1_TRANSFERS"', '"I_FILES"'),
    )
    path = home / FILE
    path.write_text(path.read_text(encoding="utf-8").replace('answers = "ROWS"', 'answers = "ROW"'), encoding="utf-8")
    lines = [line for line, *_ in found(home)]
    assert len(lines) > 3 and lines == sorted(lines)


def test_what_is_shipped_uses_every_family_and_only_known_kinds(home: Path) -> None:
    registry: Registry = load(home).registry
    assert {block.family for block in registry.reconciliations} == set(FAMILIES)
    assert {block.kind_of(code) for block in registry.reconciliations for code in block.codes} <= set(KINDS)
    assert {code.owner for code in registry.codes.values()} <= set(registry.owners)
