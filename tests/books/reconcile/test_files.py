"""Files and their partners, as the reconciliation of files sees them."""

from __future__ import annotations

from tests.books.memory import Row, books

FILE: Row = {
    "version": 1,
    "sha256": "0",
    "bytes": 1,
    "name": "stock.csv",
    "drop": "folder",
    "test_flag": "false",
    "received": 3,
    "accepted": 3,
    "rejected": 0,
    "duplicate": 0,
    "ignored": 0,
    "restated": 0,
    "arrived_at": "2026-11-02T00:00:00Z",
    "state": "ACCEPTED",
}
"""An accepted file of the partner `web`, which the settings of these tests do not name; they have three entities."""


def test_rows_of_a_partner_that_the_settings_do_not_name_are_an_exception() -> None:
    with books() as ledger:
        ledger.put("file", [FILE])
        ledger.run_all()
        assert ledger.rows("select code, severity, entity, partner, qty::bigint, message from exception") == [
            (
                "PARTNER_UNKNOWN",
                1,
                "US",
                "web",
                3,
                '3 rows of "web" stand in the books of US, the first of several entities, since config.toml does not '
                "name the partner. Fix: add [partners.web] with its entity; if that is another, have the files sent "
                "again as corrections",
            )
        ]
