"""Values that cannot be posted: the row is rejected or the file set aside, never left in its drop folder for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.home import Home, open_home
from gateway.intake import again, write
from gateway.intake.attempt import attempt
from gateway.intake.result import FileResult
from gateway.ledger import verify
from gateway.once import run_books
from tests.conftest import NOW
from tests.test_faults import take as receipts

pytestmark = pytest.mark.usefixtures("hardly_reconciled")

Put = Callable[[str, str, bytes | str], Path]

MAPPING = """feed    = "amazon-us.lines"
partner = "amazon-us"
[file]
match     = ["lines*.csv"]
format    = "delimited"
delimiter = "comma"
[[record]]
type = "settlement_line"
key  = ["settlement_id", "_line"]
[record.fields]
_line           = "line"
settlement_id   = "settlement"
channel         = { constant = "amazon-us" }
canonical_class = { constant = "commission" }
amount          = { from = "amount", type = "decimal" }
currency        = { constant = "USD" }
posted_at       = { from = "day", type = "datetime", formats = ["%Y-%m-%d"], timezone = "UTC" }
"""
LARGE, LARGER = "50000000000000", "60000000000000"
"""Together they have more digits than a column of money."""
TEXT = f"line,settlement,amount,day\n1,S1,{LARGER},2026-11-01\n2,S1,{LARGE},2026-11-01\n3,S1,-5.00,2026-11-01\n"


@pytest.fixture
def gateway(home: Path) -> Iterator[Home]:
    (home / "mappings" / "amazon-us" / "lines.toml").write_text(MAPPING)
    with open_home(home, now=NOW) as opened:
        yield opened


def take(gateway: Home) -> dict[str, FileResult]:
    return {file.name: file for receipt in receipts(gateway) for file in receipt.files}


def balance(gateway: Home) -> Decimal:
    row = gateway.lake.con.execute("select sum(debit - credit) from journal_line where role = 'commission'").fetchone()
    assert row is not None
    return -Decimal(row[0])


def test_a_row_that_makes_a_sum_too_large_is_rejected_and_the_others_post(gateway: Home, drop: Put) -> None:
    """−5 and 50,000,000,000,000 fit together; 60,000,000,000,000 more do not."""
    path = drop("amazon-us", "lines-1.csv", TEXT)
    drop("amazon-us", "lines-2.csv", "line,settlement,amount,day\n1,S2,7.00,2026-11-01\n")
    tried = attempt(gateway, gateway.library.mappings["amazon-us.lines"], path)
    results = take(gateway)
    one, two = results["lines-1.csv"], results["lines-2.csv"]
    assert (one.state, one.received, one.accepted, one.rejected, two.accepted) == ("ACCEPTED", 3, 2, 1, 1)
    assert tried["counts"] == {"received": 3, "accepted": 2, "rejected": 1, "duplicate": 0, "ignored": 0}
    assert balance(gateway) == Decimal("50000000000002.00")
    [fault] = gateway.lake.con.execute("select position, code, message from fault").fetchall()
    assert fault[:2] == ("line 2", "ROW_REJECT") and fault[2].startswith("the row cannot be posted: ")
    assert not path.exists()
    run_books(gateway)
    [(key,)] = gateway.lake.con.execute(
        "select business_key from exception where code = 'ROW_REJECT' and status = 'OPEN'"
    ).fetchall()
    assert key == "amazon-us|lines-1.csv|line 2"
    [replayed] = again.again(gateway, one.file_id, force=False)
    assert (replayed.accepted, replayed.duplicate, replayed.rejected) == (1, 2, 0), "alone it has an entry of its own"
    assert balance(gateway) == Decimal("110000000000002.00")
    assert verify.verify(gateway.lake) == []


def test_a_file_that_nothing_can_be_done_with_is_set_aside(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write.write_faults

    def fails(con: object, commit: object, load: object, versions: dict[str, int]) -> None:
        if load.files[0].drop.name == "lines-1.csv":  # type: ignore[attr-defined]
            raise ValueError("too many digits")
        whole(con, commit, load, versions)  # type: ignore[arg-type]

    monkeypatch.setattr(write, "write_faults", fails)
    path = drop("amazon-us", "lines-1.csv", TEXT)
    drop("amazon-us", "lines-2.csv", "line,settlement,amount,day\n1,S2,7.00,2026-11-01\n")
    with capture_logs() as logs:
        results = take(gateway)
    assert [one["event"] for one in logs] == ["file.failed"]
    assert results["lines-2.csv"].state == "ACCEPTED"
    one = results["lines-1.csv"]
    assert (one.state, one.reason) == ("QUARANTINED", "a value of the file cannot be worked with: too many digits")
    assert not path.exists()
