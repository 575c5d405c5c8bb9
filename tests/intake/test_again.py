"""Held files that are read once more: a release posts what is read, and is refused where nothing can be."""

from __future__ import annotations

import pytest

from gateway.home import Home
from gateway.intake.again import ReleaseError, again
from gateway.transports.transport import Drop
from tests.conftest import NOW, taken
from tests.intake.test_surplus import STOCK

FILES = {
    "decimals": ('ref,day,sku,qty\nR1,2026-11-02,CUP,"1,5"\nR2,2026-11-02,POT,"2,5"\n', "have a decimal comma"),
    "dates": ("ref,day,sku,qty\nR1,22.11.2026,CUP,1\nR2,23.11.2026,POT,2\n", "have the form"),
    "missing": ("ref,day,sku,pieces\nR1,2026-11-02,CUP,1\n", 'the column "qty" is missing'),
    "new": ("ref,day,sku,qty,note\nR1,2026-11-02,CUP,1,x\n", 'the column "note" is new'),
}


def test_a_file_whose_columns_are_not_read_is_never_released(gateway: Home) -> None:
    path = gateway.folder / "mappings" / "shed" / "feed.toml"
    path.parent.mkdir()
    path.write_text(STOCK.replace("[file]", '[file]\ndrift = "hold"'))
    gateway = gateway.reloaded(gateway.settings)
    for name, (text, message) in FILES.items():
        file = gateway.folder / f"moves-{name}.csv"
        file.write_text(text)
        [receipt] = taken(gateway, [Drop("shed", file.name, file, NOW, "folder")])
        [held] = receipt.files
        assert held.state == "HELD"
        with pytest.raises(ReleaseError, match=message) as refused:
            again(gateway, held.file_id, force=True)
        assert "Fix: " in str(refused.value) and "`gateway replay` reads it then" in str(refused.value)
    counts = "select count(*), count(*) filter (state = 'HELD') from file"
    assert gateway.lake.con.execute(counts).fetchall() == [(len(FILES), len(FILES))]
