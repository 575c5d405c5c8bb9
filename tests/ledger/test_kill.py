"""kill -9 at any instant: after running again the ledger is that of an undisturbed run.

HOMES  of so many homes each is killed five times; `make nightly` takes more
"""

from __future__ import annotations

import os
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gateway import settings as configuration
from gateway.ledger import departures, verify
from gateway.ledger.lake import open_lake
from tests.ledger.conftest import BUSINESS_NOW, content, lay_down_business
from tests.processes import command, process_of

HOMES, KILLS = int(os.environ.get("HOMES", "2")), 5


def once(home: Path) -> Any:
    process = process_of(command, Path(os.devnull), "-C", str(home), "once", "--now", BUSINESS_NOW.isoformat())
    process.start()
    return process


def compared(rows: list[Any]) -> list[Any]:
    """Without what names the workbooks: their names and bytes have the number of a commit, and a kill makes more
    commits."""
    return [row for row in rows if departures.WORKBOOKS not in row]


def waiting(home: Path) -> int:
    return sum(1 for path in (home / "inbound").glob("*/*") if path.is_file())


def test_kill_at_any_instant_and_run_again(tmp_path: Path) -> None:
    original = tmp_path / "original"
    lay_down_business(original)
    files = waiting(original)
    undisturbed = Path(shutil.copytree(original, tmp_path / "undisturbed"))
    began = time.monotonic()
    whole = once(undisturbed)
    whole.join()
    seconds = time.monotonic() - began
    assert whole.exitcode == 1, "a file of the business is held"
    config = configuration.load(undisturbed)
    wanted = content(undisturbed, config)
    assert len(wanted["file"]) == files and wanted["journal_line"] and wanted["exception_event"]

    def disturbed(number: int) -> Path:
        draw = random.Random(number)
        home = Path(shutil.copytree(original, tmp_path / f"home-{number}"))
        killed = 0
        while killed < KILLS:
            # What is left to do takes about this share of a whole run; the end of it always is left.
            left = seconds * (0.4 + 0.6 * waiting(home) / files)
            process = once(home)
            process.join(draw.uniform(0, left))
            killed += process.is_alive()
            process.kill()
            process.join()
        last = once(home)
        last.join()
        assert last.exitcode in (0, 1)
        return home

    with ThreadPoolExecutor(2) as pool:
        homes = list(pool.map(disturbed, range(HOMES)))
    for home in homes:
        found = content(home, config)
        for table, rows in wanted.items():
            assert compared(found[table]) == compared(rows), table
        with open_lake(home, config, read_only=True) as ledger:
            assert verify.verify(ledger) == []
        assert waiting(home) == 0
        assert [path for path in home.rglob("*") if ".tmp" in path.name or ".part" in path.name] == []
        assert list((home / "ledger" / "tmp").iterdir()) == []
        assert sorted(path.name for path in (home / "ledger").iterdir()) == sorted(
            path.name for path in (undisturbed / "ledger").iterdir()
        )
        stored = [path.stem for path in (home / "ledger" / "files").rglob("*.zst")]
        assert sorted(stored) == sorted(path.stem for path in (undisturbed / "ledger" / "files").rglob("*.zst"))
