"""What a person decides closes an exception, whatever comes in whichever order, until what it is about changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.books.exceptions.decisions import Decision, decide
from gateway.errors import HouseError
from tests.books.memory import RULES, Books, Row, books


@pytest.fixture
def ledger() -> Iterator[Books]:
    with books() as made:
        yield made


def counted(number: int, qty: str) -> Row:
    """The count of a warehouse, which replaces the one before it; the book has no unit."""
    row = {"record_id": f"c.{number}", "sku": "CUP", "qty": qty, "status": "AVAILABLE", "scope": "FULL"}
    row |= {"as_of": "2026-11-02T00:00:00Z"}
    return row | ({"supersedes": f"c.{number - 1}"} if number > 1 else {})


def of_count(ledger: Books, what: str = "exception_id") -> str:
    [(found,)] = ledger.rows(f"select {what} from exception where code = 'QTY_OVER'")
    return str(found)


def say(ledger: Books, resolution: str, comment: str = "seen", target: str = "") -> None:
    decision = Decision(of_count(ledger), resolution, comment, "Ann", target)
    decide(ledger.commit(), ledger.con, RULES.registry.resolutions_of, decision)
    ledger.run_all()


def life(ledger: Books) -> list[tuple[str, str | None]]:
    return ledger.rows("select event, note from exception_event where code = 'QTY_OVER' order by version")


def test_it_closes_by_who_and_why_and_opens_only_when_its_content_changes(ledger: Books) -> None:
    ledger.put("inventory_snapshot", [counted(1, "90")])
    ledger.run_all()
    say(ledger, "KEEP_BOOK")
    ledger.run_all()
    assert life(ledger) == [("OPENED", None), ("CLOSED", "Ann: seen")]
    ledger.put("inventory_snapshot", [counted(2, "95")])
    ledger.run_all()
    ledger.put("inventory_snapshot", [counted(3, "90")])
    ledger.run_all()
    assert life(ledger)[2:] == [("REOPENED", None), ("CLOSED", "Ann: seen")]
    assert of_count(ledger, "resolution") == "KEEP_BOOK"
    # A later answer that settles nothing takes it back.
    say(ledger, "recount", "not sure after all")
    assert life(ledger)[4:] == [("REOPENED", None)]


def test_a_decision_that_the_ledger_has_before_its_exception_holds_as_well(ledger: Books) -> None:
    """As where everything that came is taken again, in another order and in other passes."""
    ledger.put("inventory_snapshot", [counted(1, "90")])
    ledger.run_all()
    say(ledger, "KEEP_BOOK")
    kept = ledger.con.execute("select * exclude (row_hash, commit_seq) from decision").to_arrow_table()
    with books() as again:
        again.con.register("_kept", kept)
        commit = again.commit()
        commit.insert("decision", "select * from _kept")
        commit.audit("Ann", "exception.decided", "one")
        again.put("inventory_snapshot", [counted(1, "90")])
        again.run_all()
        assert life(again) == []
        again.put("inventory_snapshot", [counted(2, "91")])
        again.run_all()
        assert life(again) == [("OPENED", None)]


@pytest.mark.parametrize(
    ("resolution", "comment", "message"),
    [
        (
            "KEEP_BOK",
            "x",
            'QTY_OVER cannot be given "KEEP_BOK"; did you mean "KEEP_BOOK"? Fix: Use one of ACCEPT_EXTERNAL, KE',
        ),
        ("IGNORE", "x", 'cannot be given "IGNORE"'),
        ("KEEP_BOOK", " ", "--comment must not be empty. Fix: Add --comment"),
        ("TIMING", "x", "--target must not be empty. Fix: Add --target. TIMING: A document in flight"),
    ],
)
def test_an_answer_that_is_none_is_refused(ledger: Books, resolution: str, comment: str, message: str) -> None:
    ledger.put("inventory_snapshot", [counted(1, "90")])
    ledger.run_all()
    with pytest.raises(HouseError) as refused:
        say(ledger, resolution, comment)
    assert message in str(refused.value)
    assert ledger.rows("select * from decision") == []


def test_what_is_closed_by_itself_is_not_decided(ledger: Books) -> None:
    ledger.put("inventory_snapshot", [counted(1, "90")])
    ledger.run_all()
    ledger.put("inventory_snapshot", [counted(2, "0")])
    ledger.run_all()
    with pytest.raises(HouseError, match="it is closed"):
        say(ledger, "KEEP_BOOK")


def test_a_row_is_ignored_in_its_file_and_not_in_the_next_one_of_the_name(ledger: Books) -> None:
    """As where a partner sends stock.csv every day."""

    def comes(file_id: str, hour: int) -> str:
        at = f"2026-11-02T{hour:02}:00:00Z"
        file = {"file_id": file_id, "sha256": file_id, "name": "stock.csv", "state": "ACCEPTED", "arrived_at": at}
        fault = {"fault_id": file_id, "code": "ROW_REJECT", "business_key": "web|stock.csv|qty", "message": 'qty: "x"'}
        ledger.put_all({"file": [file], "fault": [fault | {"file_id": file_id, "column_name": "qty", "value": "x"}]})
        ledger.run_all()
        [(status,)] = ledger.rows("select status from exception where code = 'ROW_REJECT'")
        return str(status)

    assert comes("monday", 8) == "OPEN"
    [(one,)] = ledger.rows("select exception_id from exception where code = 'ROW_REJECT'")
    decide(ledger.commit(), ledger.con, RULES.registry.resolutions_of, Decision(one, "IGNORE", "seen", "Ann"))
    ledger.run_all()
    assert ledger.rows("select status from exception where code = 'ROW_REJECT'") == [("CLOSED",)]
    assert comes("tuesday", 9) == "OPEN"
