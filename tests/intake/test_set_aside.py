"""Files that no feed reads, as their partners sent them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gateway.home import Home
from gateway.intake import take, translate
from gateway.ledger import verify
from gateway.transports.folder import Folder
from tests.bench_bad_path import drop_unreadable
from tests.conftest import taken
from tests.test_books import one

Put = Callable[[str, str, bytes | str], Path]


def opening(day: int) -> bytes:
    """Opening stock of one item on one day after the first of September."""
    on = date(2026, 9, 1) + timedelta(days=day)
    return f"date,location,sku,status,quantity,unit-cost\n{on},MAIN,SKU-1,AVAILABLE,5,2.00\n".encode()


@pytest.mark.parametrize("content", [b"", b"\x00unknown"], ids=["empty", "unknown"])
def test_the_same_bytes_of_two_partners_that_nobody_reads_are_two_files(
    gateway: Home, drop: Put, content: bytes
) -> None:
    drop("amazon-us", "a.bin", content)
    drop("3pl-east", "a.bin", content)
    receipts = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    assert [file.state for receipt in receipts for file in receipt.files] == ["QUARANTINED"] * 2
    found = gateway.lake.con.execute("select partner, state from file order by partner").fetchall()
    assert found == [("3pl-east", "QUARANTINED"), ("amazon-us", "QUARANTINED")]
    assert one(gateway, "select count(distinct file_id) from file") == 2


def test_files_that_nobody_can_read_share_a_commit_and_an_audit_row(gateway: Home, drop: Put) -> None:
    drop_unreadable(gateway.folder / "inbound" / "3pl-east", 24)
    drop("own-warehouse", "opening-cut.csv", opening(1) + b'2026-10-01,"MAIN\n')
    before = gateway.lake.version()
    receipts = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    assert all(receipt.committed for receipt in receipts) and len(receipts) == 25
    assert gateway.lake.version() == before + 1
    assert one(gateway, "select count(*) from audit_log where action = 'file.quarantined'") == 1
    # An empty file is the same bytes each time: one file, four states of it.
    assert gateway.lake.con.execute(
        "select version, name from lake.file where bytes = 0 order by version"
    ).fetchall() == [(1, "11.csv"), (2, "17.csv"), (3, "23.csv"), (4, "5.csv")]
    unread = "select name, state from file where state <> 'QUARANTINED' or reason = ''"
    assert gateway.lake.con.execute(unread).fetchall() == []
    assert one(gateway, "select count(distinct file_id) from fault") == 22
    assert verify.verify(gateway.lake) == []


@pytest.mark.parametrize("where", ["translate", "commit"])
def test_a_file_that_the_database_has_no_memory_for_is_set_aside_alone(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """It does not stay in its drop to be tried for ever; what is committed of it is that it was set aside."""
    module, name = {"translate": (translate, "translate"), "commit": (take, "write")}[where]
    work = getattr(module, name)

    def greedy(*given: Any) -> Any:
        files = given[2] if where == "translate" else given[3].files
        if any(file.drop.name == "opening-2.csv" for file in files):
            raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data of size 9.0 GiB")
        return work(*given)

    monkeypatch.setattr(module, name, greedy)
    for number in (1, 2, 3):
        drop("own-warehouse", f"opening-{number}.csv", opening(number))
    receipts = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    assert all(receipt.committed for receipt in receipts)
    assert {file.name: file.state for receipt in receipts for file in receipt.files} == {
        "opening-1.csv": "ACCEPTED",
        "opening-2.csv": "QUARANTINED",
        "opening-3.csv": "ACCEPTED",
    }
    reason = one(gateway, "select reason from file where state = 'QUARANTINED'")
    assert "the database ran out of memory over its rows (limits.memory_mb_max is 1000 MB)" in str(reason)
    assert one(gateway, "select count(*) from inventory_movement_current") == 2


def test_a_broken_file_costs_the_others_of_its_feed_nothing(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mapping is applied once more after a failure, not once for each broken file; repeated bytes are duplicates."""
    for number in range(12):
        drop("own-warehouse", f"opening-{number:02d}.csv", opening(number))
        drop("own-warehouse", f"opening-{number:02d}-cut.csv", opening(50 + number) + b'2026-10-01,"MAIN\n')
    drop("own-warehouse", "opening-99.csv", opening(3))
    applied, apply = [], translate.translate
    monkeypatch.setattr(translate, "translate", lambda *given: applied.append(1) or apply(*given))
    taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    states = dict(gateway.lake.con.execute("select state, count(*) from lake.file group by 1").fetchall())
    assert states == {"ACCEPTED": 12, "QUARANTINED": 12, "DUPLICATE": 1}
    assert one(gateway, "select count(*) from inventory_movement_current") == 12
    assert len(applied) == 2
