"""A later version of a document that has fewer lines: they are taken back, or reported by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gateway.home import Home
from gateway.intake.attempt import attempt
from gateway.once import run_books
from gateway.transports.transport import Drop
from tests.conftest import NOW, reconcile_only, taken
from tests.mapping_texts import delimited

NOTES = delimited(
    "shed.notes",
    "inventory_movement",
    ["document_no", "document_line"],
    {
        "occurred_at": "day",
        "type": "=RECEIPT",
        "sku": "sku",
        "qty": "qty",
        "document_type": "=NOTE",
        "document_no": "note",
        "document_line": "line",
        "from_location": "=SUPPLIER",
        "from_status": "=SUPPLIER",
        "to_location": "=SHED",
        "to_status": "=AVAILABLE",
    },
)
DOCUMENT = """
[record.document]
number   = ["document_type", "document_no"]
replaces = "\\"kind\\" = 'whole'"
adds     = "\\"kind\\" = 'part'"
"""
HEAD = "kind,note,line,day,sku,qty\n"
CUP, POT, JAR = "N1,1,2026-11-02,CUP,5", "N1,2,2026-11-02,POT,2", "N1,3,2026-11-02,JAR,1"


def version(kind: str, *lines: str) -> str:
    return HEAD + "".join(f"{kind},{line}\n" for line in lines)


FIRST = version("", CUP, POT, JAR)


@pytest.fixture
def gateway(gateway: Home) -> Home:
    """A home with a partner whose notes say of themselves whether they are whole."""
    reconcile_only(gateway.folder, "i")
    path = gateway.folder / "mappings" / "shed" / "feed.toml"
    path.parent.mkdir()
    path.write_text(NOTES + DOCUMENT)
    reloaded = gateway.reloaded(gateway.settings)
    assert [fault for fault in reloaded.library.faults if "feed.toml" in fault.file] == []
    return reloaded


def drop(gateway: Home, name: str, text: str) -> Drop:
    path = gateway.folder / name
    path.write_text(text)
    return Drop("shed", name, path, NOW + timedelta(minutes=int(name[6])), "folder")


def take(gateway: Home, name: str, text: str) -> Mapping[str, int]:
    [receipt] = taken(gateway, [drop(gateway, name, text)])
    [file] = receipt.files
    return {name: n for name in ("accepted", "rejected", "duplicate", "ignored") if (n := getattr(file, name))}


def asked(gateway: Home, sql: str) -> list[tuple[Any, ...]]:
    return gateway.lake.con.execute(sql).fetchall()


def stock(gateway: Home) -> dict[str, int]:
    rows = asked(gateway, "select sku, qty from stock where status = 'AVAILABLE' and qty <> 0")
    return {sku: int(qty) for sku, qty in rows}


def missing(gateway: Home) -> list[str]:
    run_books(gateway)
    sql = "select message from exception where code = 'LINE_MISSING' and status = 'OPEN'"
    return [message for (message,) in asked(gateway, sql)]


def test_a_version_that_replaces_takes_the_other_lines_back(gateway: Home) -> None:
    assert take(gateway, "notes-1.csv", FIRST + version("", CUP.replace("N1", "N2")).removeprefix(HEAD)) == {
        "accepted": 4
    }
    later = version("whole", CUP.replace("-02", "-03"), POT)
    path = gateway.folder / "notes-2.csv"
    path.write_text(later)
    changes = attempt(gateway, gateway.library.mappings["shed.notes"], path)["changes"]["inventory_movement"]
    assert [row["position"] for row in changes["taken_back"]] == ["line 3"]
    assert take(gateway, "notes-2.csv", later) == {"accepted": 2}
    # The other note has its cups; this one has no jar any more.
    assert stock(gateway) == {"CUP": 10, "POT": 2}
    assert missing(gateway) == []
    # It is there again if a later version has it again.
    assert take(gateway, "notes-3.csv", version("whole", CUP, JAR)) == {"accepted": 2}
    assert stock(gateway) == {"CUP": 10, "JAR": 1}


def test_versions_in_one_commit_and_long_after(gateway: Home) -> None:
    other = "N1,9,2027-05-01,JUG,7"
    receipts = taken(
        gateway,
        [drop(gateway, "notes-1.csv", FIRST), drop(gateway, "notes-2.csv", version("whole", other))],
    )
    assert [file.state for receipt in receipts for file in receipt.files] == ["ACCEPTED", "ACCEPTED"]
    assert stock(gateway) == {"JUG": 7}


def test_nobody_knows_what_a_version_that_says_nothing_means_for_other_lines(gateway: Home) -> None:
    take(gateway, "notes-1.csv", FIRST)
    assert take(gateway, "notes-2.csv", version("", CUP.replace(",5", ",6"), POT)) == {"accepted": 1, "duplicate": 1}
    assert stock(gateway) == {"CUP": 6, "POT": 2, "JAR": 1}
    assert missing(gateway) == [
        "NOTE N1, document_line 3, sku JAR, qty 1.0000: it came with notes-1.csv (line 4), and this version of the "
        "document does not have it; it still counts"
    ]
    # A further part of the note has lines of its own, and what says that it is a part is none.
    take(gateway, "notes-3.csv", version("", "N1,4,2026-11-03,JUG,1"))
    take(gateway, "notes-4.csv", version("part", CUP.replace(",5", ",7")))
    assert len(missing(gateway)) == 1
    # The next version takes it back: nothing is open any more.
    take(gateway, "notes-5.csv", version("whole", CUP, POT))
    assert (stock(gateway), missing(gateway)) == ({"CUP": 5, "POT": 2}, [])


def test_a_later_version_that_states_the_line_again_closes_the_exception(gateway: Home) -> None:
    take(gateway, "notes-1.csv", FIRST)
    take(gateway, "notes-2.csv", version("", CUP))
    assert len(missing(gateway)) == 1
    take(gateway, "notes-3.csv", version("", POT, JAR.replace(",1", ",2")))
    [left] = missing(gateway)
    assert left.startswith("NOTE N1, document_line 1,")


def test_a_rejected_row_is_still_in_its_version(gateway: Home) -> None:
    take(gateway, "notes-1.csv", FIRST)
    assert take(gateway, "notes-2.csv", version("whole", CUP, POT.replace(",2", ",two"))) == {
        "rejected": 1,
        "duplicate": 1,
    }
    assert stock(gateway) == {"CUP": 5, "POT": 2, "JAR": 1}
    [left] = missing(gateway)
    assert left.count("it still counts, because rows of this version are rejected") == 2
    take(gateway, "notes-3.csv", version("whole", CUP, POT))
    assert (stock(gateway), missing(gateway)) == ({"CUP": 5, "POT": 2}, [])


def test_a_number_of_one_document_reports_a_version_whose_lines_all_have_another_key(gateway: Home) -> None:
    path = gateway.folder / "mappings" / "shed" / "feed.toml"
    by_day = NOTES.replace("'document_line']", "'document_line', 'occurred_at']")
    assert by_day != NOTES
    path.write_text(by_day + DOCUMENT + "once = true\n")
    gateway = gateway.reloaded(gateway.settings)
    take(gateway, "notes-1.csv", version("", CUP))
    assert take(gateway, "notes-2.csv", version("", CUP.replace("-02", "-03"))) == {"accepted": 1}
    assert stock(gateway) == {"CUP": 10}
    [said] = missing(gateway)
    assert said.startswith("NOTE N1, document_line 1, sku CUP, qty 5.0000: it came with notes-1.csv")
    # The report that replaces it says which day is right.
    take(gateway, "notes-3.csv", version("whole", CUP.replace("-02", "-04")))
    assert (stock(gateway), missing(gateway)) == ({"CUP": 5}, [])
