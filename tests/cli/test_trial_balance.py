"""`gateway trial-balance`."""

from __future__ import annotations

import json

from gateway import cli
from tests.cli.command import Runner


def test_the_trial_balance_is_the_journal_by_account_and_a_wrong_day_is_refused(run: Runner) -> None:
    done = run("trial-balance", "--at", "2030-12-31", "--since", "2020-01-01", "--json")
    assert done.code == cli.DONE
    found = json.loads(done.out)
    asked = "select account, currency, sum(debit - credit) as net from journal_line group by all order by all"
    journal = json.loads(run("query", asked, "--format", "json").out)
    assert journal and [[row["account"], row["currency"], row["net"]] for row in journal] == sorted(
        [row["account"], row["currency"], row["closing"]] for row in found["accounts"]
    )
    assert "Channel receivable" in run("trial-balance", "--at", "2030-12-31").out
    for wrong, fix in (
        (("--at", "31.10.2026"), "Write it as 2026-10-31."),
        (("--at", "2026-10-01", "--since", "2026-10-02"), "Name an earlier day."),
        (("--entity", "XX"), "Name one of"),
    ):
        done = run("trial-balance", *wrong)
        assert (done.code, done.out) == (cli.USAGE, "") and fix in done.err
