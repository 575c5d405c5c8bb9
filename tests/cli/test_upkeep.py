"""Upkeep of the ledger: `verify`."""

from __future__ import annotations

from gateway import cli
from gateway import settings as config
from gateway.ledger import lake
from tests.cli.command import Runner


def test_verify_ends_with_zero_until_something_was_touched(mine: Runner) -> None:
    assert mine("verify").code == cli.DONE
    with lake.open_lake(mine.home, config.load(mine.home)) as ledger:
        ledger.con.execute("update lake.settlement_line set amount = amount + 1 where amount = 250")
    done = mine("verify")
    assert done.code == cli.PERSON
    assert "settlement_line" in done.out
