"""The examples of docs/posting.md are rules that the linter accepts."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from gateway.books.posting.entries import Entries
from gateway.books.posting.rule_lint import faults
from gateway.books.posting.rules import Posting, Rule
from gateway.books.posting.sources import DERIVED
from tests.books.memory import RULES, books

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "posting.md").read_text(encoding="utf-8")


CHART = tomllib.loads((ROOT / "mappings" / "chart.toml").read_text(encoding="utf-8"))["accounts"]


def example(kind: str) -> str:
    [found] = re.findall(rf"```toml {kind}\n(.*?)```", PAGE, re.DOTALL)
    return found


def test_the_examples_have_no_fault() -> None:
    shipped = tomllib.loads((ROOT / "mappings" / "posting.toml").read_text(encoding="utf-8"))
    text = example("conditions") + example("rule")
    posting = Posting.model_validate(tomllib.loads(text) | {"stock": shipped["stock"]})
    assert faults(posting, text, CHART) == []
    sold = example("gift-cards")
    assert faults(Posting.model_validate(shipped | {"rule": tomllib.loads(sold)["rule"]}), sold, CHART) == []
    versions = example("conditions") + example("versions")
    posting = Posting.model_validate(tomllib.loads(versions) | {"stock": shipped["stock"]})
    assert faults(posting, versions, CHART) == []
    shown = tomllib.loads(example("stock"))["stock"]["rule"]
    assert [rule for rule in shipped["stock"]["rule"] if rule in shown] == shown[::-1]


def test_the_rule_posts_what_the_page_says() -> None:
    """12.50 of interest: bank 12.50 to other income. A charge, a pending line and a payment post nothing by this
    rule."""
    text = example("conditions") + example("rule")
    posting = Posting.model_validate(tomllib.loads(text) | {"stock": RULES.posting.stock.model_dump()})
    with books(replace(RULES, posting=posting)) as ledger:
        ledger.con.execute(
            """create temp table statement as
            select *, 1 as sign, 'US' as entity, null::varchar as channel, 'f' as file_id, 'f' as salt,
                'USD' as currency,
                   'S1' as statement_id, date '2026-11-06' as booking_date, null::varchar as family
            from (values ('f.1', 'BOOK', 'INTR', 12.50), ('f.2', 'BOOK', 'CHRG', -3), ('f.3', 'PDNG', 'INTR', 7),
                         ('f.4', 'BOOK', null, -80)) lines(record_id, status, subfamily, amount)"""
        )
        entries = Entries(ledger.con, ledger.rules, "_page")
        entries.post(
            "bank_line", "statement", ("status", "subfamily", "family", "amount", "statement_id", "booking_date")
        )
        commit = ledger.commit()
        entries.write(commit)
        lines = ledger.rows(
            "select rule, event_record_id, document, role, debit, credit, memo from journal_line order by line_no"
        )
        assert lines == [
            ("bank-interest", "f.1", "S1", "bank", Decimal("12.5"), 0, "Interest"),
            ("bank-interest", "f.1", "S1", "other_income", 0, Decimal("12.5"), "Interest"),
        ]
        assert ledger.rows("select record_id from journal_source order by line_no") == [("f.1",), ("f.1",)]
        assert ledger.faults() == []


def test_every_key_of_a_rule_is_described() -> None:
    keys = {field.alias or name for name, field in Rule.model_fields.items()}
    described = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert keys <= described
    assert all(f"`{name}`" in PAGE for name in DERIVED)
