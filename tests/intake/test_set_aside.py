"""Files that no feed reads, as their partners sent them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.transports.folder import Folder
from tests.conftest import taken
from tests.test_books import one

Put = Callable[[str, str, bytes | str], Path]


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
