"""What is called impossible never happens, and what includes another does so for every row."""

from __future__ import annotations

import random

import duckdb
import pytest

from gateway.books.posting.conditions import compile_expression
from gateway.books.posting.truth import STATES_MAX, Domain, Truth

DOMAINS = {
    "status": Domain("text", ("BOOK", "PDNG")),
    "word": Domain("text"),
    "amount": Domain("number"),
    "flagged": Domain("flag"),
    "day": Domain("other"),
    "channel": Domain("text", always_null=True),
}
CONDITIONS = {"booked": "status = 'BOOK'", "paid": "booked and amount > 0"}


def truth() -> Truth:
    return Truth(DOMAINS, CONDITIONS)


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("status = 'BOOK' and status = 'PDNG'", True),
        ("not (status in ('BOOK', 'PDNG')) and status is not null", True),  # a third status does not exist
        ("not (word in ('BOOK', 'PDNG')) and word is not null", False),  # another word does
        ("amount > 1 and amount < 1.5", False),
        ("amount > 1 and amount < 1", True),
        ("amount between 5 and 4", True),
        ("amount = null", True),  # never true in SQL
        ("paid and amount <= 0", True),
        ("not booked and paid", True),
        ("coalesce(word, '') = '' and word = 'A'", True),
        ("coalesce(word, '') = '' and word is null", False),
        ("flagged and not flagged", True),
        ("channel = 'web'", True),
        ("word like 'A%' and not word like 'A%'", True),  # the same question twice
        ("word like 'A%' and word like 'B%'", False),  # not followed: counts as possible
        ("day > '2026-01-01' and day < '2025-01-01'", False),  # not followed
        ("amount > 1 and amount * 2 < 1", False),  # not followed
        ("false", True),
    ],
)
def test_what_can_never_be_true(text: str, never: bool) -> None:
    assert truth().never(text) is never


def test_what_includes_another() -> None:
    assert truth().includes("amount < 0", "amount < -5 and booked")
    assert not truth().includes("amount < -5", "amount < 0")
    assert not truth().includes("status <> 'BOOK'", "true"), "null is neither"


def test_a_condition_of_too_many_values_counts_as_possible() -> None:
    many = range(150)
    numbers, words = ", ".join(map(str, many)), ", ".join(f"'w{n}'" for n in many)
    assert len(many) ** 2 > STATES_MAX
    assert not truth().never(f"not amount in ({numbers}) and not word in ({words}) and amount > 1 and amount < 1")


def test_what_is_never_true_has_no_row_in_the_database() -> None:
    chance = random.Random(7)
    atoms = [
        "status = 'BOOK'",
        "status <> 'PDNG'",
        "word = 'A'",
        "word in ('A', 'B')",
        "amount > 1",
        "amount <= 1",
        "amount = 2",
        "flagged",
        "word is null",
        "coalesce(amount, 0) = 0",
        "word like 'A%'",
        "booked",
        "paid",
    ]

    def made(depth: int) -> str:
        if depth == 0:
            return chance.choice(atoms)
        left, right = made(depth - 1), made(depth - 1)
        return f"({'not ' * chance.randint(0, 1)}{left} {chance.choice(['and', 'and', 'or'])} {right})"

    impossible = 0
    with duckdb.connect() as con:
        con.execute(
            """create table t as select * from
            (values (null), ('BOOK'), ('PDNG')) a(status), (values (null), ('A'), ('B'), ('C')) b(word),
            (values (null), (-1.0), (0), (1), (1.5), (2), (3)) c(amount), (values (null), (true), (false)) d(flagged)"""
        )
        for _ in range(150):
            text = made(2)
            if truth().never(text):
                impossible += 1
                sql = compile_expression(text, ("status", "word", "amount", "flagged"), CONDITIONS)
                assert con.execute(f"select count(*) from t where {sql}").fetchone() == (0,), text
    assert impossible > 5
