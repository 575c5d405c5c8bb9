"""Corrections close what they correct: rows by their key, refused bytes where they are taken, unknown names in use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.intake.again import again
from gateway.once import run_books
from gateway.transports.folder import Folder
from gateway.transports.transport import Drop
from tests.conftest import NOW, taken

pytestmark = pytest.mark.usefixtures("hardly_reconciled")

Put = Callable[[str, str, bytes | str], Path]
HEAD = "sku,name,standard-cost\n"


def arrive(home: Home, *paths: Path, minutes: int = 0) -> None:
    """The files come so many minutes later, and the books run."""
    drops = [one for one in Folder(home.folder, home.settings).poll() if one.path in paths]
    taken(home, [Drop(d.partner, d.name, d.path, NOW + timedelta(minutes=minutes), d.via) for d in drops])
    run_books(home)


def open_keys(home: Home, code: str) -> list[str]:
    sql = "select business_key from exception where status = 'OPEN' and code = ? order by 1"
    return [key for (key,) in home.lake.con.execute(sql, [code]).fetchall()]


def test_a_rejected_row_is_corrected_by_a_later_file_with_its_key_alone(gateway: Home, drop: Put) -> None:
    arrive(gateway, drop("master-data", "items-1.csv", HEAD + "CUP,Cup,four\nPOT,Pot,x\n"))
    assert open_keys(gateway, "ROW_REJECT") == ["master-data|items-1.csv|standard-cost"]
    arrive(gateway, drop("master-data", "items-2.csv", HEAD + "CUP,Cup,4.00\nJAR,Jar,1.00\n"), minutes=1)
    (message,) = gateway.lake.con.execute("select message from exception where code = 'ROW_REJECT'").fetchall()[0]
    assert '"x"' in message and '"four"' not in message
    arrive(gateway, drop("master-data", "items-3.csv", HEAD + "POT,Pot,2.00\n"), minutes=2)
    assert open_keys(gateway, "ROW_REJECT") == []


@pytest.mark.parametrize("together", [True, False])
def test_the_order_of_arrival_decides_and_not_that_of_commits(gateway: Home, drop: Put, together: bool) -> None:
    """A row that was right is sent again with a mistake: the mistake is open, in one commit or in two."""
    right = drop("master-data", "items-1.csv", HEAD + "CUP,Cup,4.00\n")
    wrong = drop("master-data", "items-2.csv", HEAD + "CUP,Cup,four\n")
    if together:
        drops = {one.path: one for one in Folder(gateway.folder, gateway.settings).poll()}
        both = [(right, NOW), (wrong, NOW + timedelta(minutes=1))]
        taken(gateway, [Drop("master-data", path.name, path, at, drops[path].via) for path, at in both])
        run_books(gateway)
    else:
        arrive(gateway, right)
        arrive(gateway, wrong, minutes=1)
    assert open_keys(gateway, "ROW_REJECT") == ["master-data|items-2.csv|standard-cost"]


def test_a_row_whose_key_is_wrong_is_corrected_by_no_other(gateway: Home, drop: Put) -> None:
    arrive(gateway, drop("master-data", "items-1.csv", HEAD + ",Cup,4.00\n"))
    arrive(gateway, drop("master-data", "items-2.csv", HEAD + "CUP,Cup,4.00\n"), minutes=1)
    assert open_keys(gateway, "ROW_REJECT") == ["master-data|items-1.csv|sku"]


def test_a_file_in_the_wrong_folder_is_corrected_where_its_bytes_are_taken(gateway: Home, drop: Put) -> None:
    arrive(gateway, drop("3pl-east", "items.csv", HEAD + "CUP,Cup,4.00\n"))
    assert open_keys(gateway, "FILE_REJECT") == ["3pl-east|items.csv"]
    arrive(gateway, drop("master-data", "items-9.csv", HEAD + "CUP,Cup,5.00\n"), minutes=1)
    assert open_keys(gateway, "FILE_REJECT") == ["3pl-east|items.csv"]
    arrive(gateway, drop("master-data", "items.csv", HEAD + "CUP,Cup,4.00\n"), minutes=2)
    assert open_keys(gateway, "FILE_REJECT") == []


def test_an_unknown_name_is_open_while_units_are_counted_under_it(gateway: Home, drop: Put) -> None:
    head = "date,location,sku,status,quantity,unit-cost\n"
    arrive(gateway, drop("own-warehouse", "opening-1.csv", head + "2026-09-01,MAIN,CUP,AVAILABLE,5,2.00\n"))
    (key,) = open_keys(gateway, "SKU_UNKNOWN")
    arrive(gateway, drop("master-data", "items.csv", HEAD + "CUP,Cup,4.00\n"), minutes=1)
    assert open_keys(gateway, "SKU_UNKNOWN") == [key]
    message, file_id = gateway.lake.con.execute(
        "select message, file_id from exception where code = 'SKU_UNKNOWN'"
    ).fetchall()[0]
    assert message.endswith(f"It is known now. Fix: `gateway replay {file_id}`")
    again(gateway, file_id, force=False)
    run_books(gateway)
    assert open_keys(gateway, "SKU_UNKNOWN") == []
    assert gateway.lake.con.execute("select sku, qty from stock").fetchall()[0][0] == "CUP"
