"""Small files of a feed share one reading and one commit: only the speed may differ."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.home import Home, open_home
from gateway.intake import write
from gateway.intake.taken import Load
from gateway.ledger import verify
from gateway.model import TABLES
from gateway.once import run_books
from gateway.sql import rows_of
from gateway.synthetic.edi import interchange
from gateway.transports.transport import Drop
from tests.conftest import NOW, taken

ITEMS = "sku,description,uom,standard_cost,cost_currency\n" + "".join(
    f"SKU-{n},Item {n},EA,{n}.50,USD\n" for n in range(1, 9)
)
CLOCK = ("recorded_at", "at", "hash", "previous_hash", "row_hash", "commit_seq", "seq", "opened_at", "due_at")


def shipment(number: int, *skus: str, day: str = "20261105", cut: bool = False) -> bytes:
    """A 945 of one order, three units of each SKU."""
    body = [f"W06*F*114-{number:07d}-0000001*{day}*S{number:08d}", "N1*SF*3PL East*92*3PL-E"]
    for place, sku in enumerate(skus, start=1):
        body += [f"LX*{place}", f"W12*CC*3*3*0*EA**VN*{sku}"]
    made = interchange("945", "SW", NOW.date(), number + 1, [[*body, f"W03*{3 * len(skus)}*1*LB"]])
    return made[: made.rfind(b"SE*")] if cut else made


FILES: dict[str, tuple[str, bytes]] = {
    **{f"945-{n}.edi": ("3pl-east", shipment(n, "SKU-1", f"SKU-{2 + n % 6}")) for n in range(6)},
    "945-90-unknown.edi": ("3pl-east", shipment(90, "SKU-1", "NOBODY")),
    "945-91-cut.edi": ("3pl-east", shipment(91, "SKU-2", cut=True)),
    "945-92-bad-date.edi": ("3pl-east", shipment(92, "SKU-2", "SKU-3", day="20261345")),
    "945-93-repeats-1.edi": ("3pl-east", shipment(1, "SKU-1", "SKU-4")),
    "945-94-not-edi.edi": ("3pl-east", b"good morning"),
}


@contextmanager
def one_by_one(laid_down: Path, path: Path) -> Iterator[Home]:
    """A home of its own that takes a file at once, where others take as many as there are here."""
    shutil.copytree(laid_down, path)
    with (path / "config.toml").open("a") as settings:
        settings.write("\n[limits]\nfiles_per_commit_max = 1\n")
    with open_home(path, now=NOW) as gateway:
        yield gateway


def drops(folder: Path) -> list[Drop]:
    """All files, as if they had arrived a second apart."""
    arrived = datetime(2026, 11, 6, 12, tzinfo=UTC)
    found = []
    for number, (name, (partner, content)) in enumerate(
        {"items.csv": ("master-data", ITEMS.encode()), **FILES}.items()
    ):
        path = folder / name
        path.write_bytes(content)
        found.append(Drop(partner, name, path, arrived + timedelta(seconds=number), "folder"))
    return found


def content(gateway: Home) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the ledger that does not come from the clock or the order of commits."""
    found = {}
    for table in TABLES:
        if table == "audit_log":
            continue
        rows = rows_of(gateway.lake.con, f'select * from lake."{table}"')
        found[table] = sorted(tuple(sorted((k, str(v)) for k, v in row.items() if k not in CLOCK)) for row in rows)
    return found


def temporary(gateway: Home) -> set[tuple[str]]:
    con = gateway.lake.con
    tables = con.execute("select table_name from duckdb_tables() where database_name = 'temp'").fetchall()
    return {*tables, *con.execute("select view_name from duckdb_views() where database_name = 'temp'").fetchall()}


def commits(gateway: Home) -> list[tuple[str]]:
    return gateway.lake.con.execute("select detail from audit_log where action = 'file.committed'").fetchall()


def test_files_taken_together_make_the_same_ledger_as_one_by_one_and_leave_nothing_temporary(
    gateway: Home, laid_down: Path, tmp_path: Path
) -> None:
    ledgers, results = [], []
    with one_by_one(laid_down, tmp_path / "one-by-one") as alone:
        for made in (alone, gateway):
            made.master.relations()  # the first file that is read makes them, and they stay
            before = temporary(made)
            receipts = taken(made, drops(tmp_path))
            assert temporary(made) == before
            run_books(made)
            assert verify.verify(made.lake) == []
            ledgers.append(content(made))
            results.append([receipt.files for receipt in receipts])
    for table, rows in ledgers[0].items():
        assert rows == ledgers[1][table], table
    assert results[0] == results[1]
    states = {file.name: file.state for files in results[0] for file in files}
    assert states["945-91-cut.edi"] == "HELD" and states["945-94-not-edi.edi"] == "QUARANTINED"
    assert states["945-90-unknown.edi"] == states["945-93-repeats-1.edi"] == "ACCEPTED"


def test_one_commit_covers_many_files(gateway: Home, tmp_path: Path) -> None:
    before = gateway.lake.version()
    taken(gateway, [drop for drop in drops(tmp_path) if drop.name.startswith("945-") and drop.name[4:6] < "6"])
    assert gateway.lake.version() == before + 1
    assert commits(gateway)[0][0].count('"file_id"') > 2


def test_a_commit_that_fails_leaves_only_the_culprit_behind(
    gateway: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write.write_files

    def files(con: Any, commit: Any, load: Load, *rest: Any) -> Any:
        if any(file.drop.name == "945-3.edi" for file in load.files):
            raise OSError("disk is full")
        return good(con, commit, load, *rest)

    monkeypatch.setattr(write, "write_files", files)
    receipts = taken(
        gateway, [drop for drop in drops(tmp_path) if drop.name in ("945-2.edi", "945-3.edi", "945-4.edi")]
    )
    assert [(receipt.drop.name, receipt.committed) for receipt in receipts] == [
        ("945-2.edi", True),
        ("945-3.edi", False),
        ("945-4.edi", True),
    ]
    assert verify.verify(gateway.lake) == []


def test_master_data_among_other_files_holds_for_those_behind_it(gateway: Home, tmp_path: Path) -> None:
    arrived = datetime(2026, 11, 6, 12, tzinfo=UTC)
    files = {
        "945-1.edi": ("3pl-east", shipment(1, "SKU-NEW")),
        "items.csv": ("master-data", ITEMS.replace("SKU-1", "SKU-NEW").encode()),
        "945-2.edi": ("3pl-east", shipment(2, "SKU-NEW")),
        "945-3.edi": ("3pl-east", shipment(3, "SKU-NEW")),
    }
    waiting = []
    for name, (partner, content) in files.items():
        (tmp_path / name).write_bytes(content)
        waiting.append(Drop(partner, name, tmp_path / name, arrived, "folder"))
    receipts = taken(gateway, waiting)
    assert [(receipt.drop.name, receipt.committed) for receipt in receipts] == [(name, True) for name in files]
    skus = dict(
        gateway.lake.con.execute(
            "select f.name, l.sku from shipment_line l join lake.file f using (file_id) order by 1"
        ).fetchall()
    )
    assert skus == {"945-1.edi": "?SKU-NEW", "945-2.edi": "SKU-NEW", "945-3.edi": "SKU-NEW"}
    assert len(commits(gateway)) == 3, "before it, it, and all behind it"
