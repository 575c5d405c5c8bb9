"""While returns surge, what is found in them may wait longer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import HouseError
from gateway.home import open_home
from gateway.once import run_once
from tests.conftest import NOW
from tests.test_books import GOOD

pytestmark = pytest.mark.usefixtures("without_workbooks", "hardly_reconciled")

RETURNS = (
    "return-date\torder-id\tsku\tasin\tfnsku\tproduct-name\tquantity\tfulfillment-center-id\tdetailed-disposition\t"
    "reason\tstatus\tlicense-plate-number\tcustomer-comments\n"
    "2026-11-07T10:00:00+00:00\t114-1\tNOBODY\tB0\tX0\tMug\t1\tPHX7\tSELLABLE\tUNWANTED_ITEM\tUnit returned\tLPN1\t\n"
)


def due(home: Path, surge: str) -> dict[str, timedelta]:
    """How long after their opening the exceptions about unknown SKUs are due, by their file."""
    with (home / "config.toml").open("a") as config:
        config.write(surge)
    (home / "inbound" / "amazon-us").mkdir(parents=True, exist_ok=True)
    (home / "inbound" / "amazon-us" / "returns-1.txt").write_text(RETURNS)
    (home / "inbound" / "amazon-us" / "settlement-1.txt").write_text(GOOD.replace("SKU-1", "SOMEBODY"))
    with open_home(home, now=NOW) as gateway:
        run_once(gateway)
        return dict(
            gateway.lake.con.execute(
                """select f.name, max(e.due_at - e.opened_at) from exception e join lake.file f using (file_id)
                where e.code = 'SKU_UNKNOWN' group by all"""
            ).fetchall()
        )


@pytest.mark.parametrize(
    ("since", "until", "longer"), [("2026-11-20", "2026-11-20", 9), ("2026-11-01", "2026-11-19", 0)]
)
def test_only_what_opens_in_files_with_returns_during_the_surge_is_due_later(
    home: Path, since: str, until: str, longer: int
) -> None:
    surge = f'\n[[surge]]\npartner = "amazon-us"\nsince = {since}\nuntil = {until}\ndays = 9\n'
    found = due(home, surge)
    assert found["returns-1.txt"] == timedelta(days=1 + longer)
    assert found["settlement-1.txt"] == timedelta(days=1)


def test_a_surge_that_ends_before_it_begins_is_refused(home: Path) -> None:
    with pytest.raises(HouseError, match=r"surge.*until is before since"):
        due(home, '\n[[surge]]\npartner = "amazon-us"\nsince = 2026-11-20\nuntil = 2026-11-01\n')
