"""What did not come: late and missing files, gaps in numbers, unusual sizes, counts carried forward, held units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from gateway import home
from gateway import init as homes
from gateway.books import feeds
from gateway.ledger import verify
from gateway.mapping.language.spec import Expect
from gateway.once import run_books
from gateway.transports.transport import Drop
from tests.conftest import reconcile_only, taken
from tests.mapping.samples_of_mappings import STOCK, write

EXPECT = """\
[expect]
every    = "business day"
by       = "08:00"
timezone = "Europe/Berlin"
holidays = "DE"
grace    = "2h"
since    = 2026-11-16
"""
LATER = "2026-11-30T12:00+01:00"
OPENING = (
    "location,sku,status,quantity,unit-cost,date\nDC1,A,AVAILABLE,10,4.00,2026-11-01\n"
    "DC1,B,AVAILABLE,5,2.50,2026-11-01\n"
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class Home:
    """A home with one feed, opened once and looked at at chosen instants."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open = ExitStack()
        self._gateway: home.Home | None = None
        self.configure('\n[partners.acme]\nentity = "US"\n')
        self.mapping()

    def at(self, when: str) -> home.Home:
        """The open home, at an instant."""
        if self._gateway is None:
            self._gateway = self._open.enter_context(home.open_home(self.root))
        self._gateway._now = at(when)
        return self._gateway

    def close(self) -> None:
        self._gateway = None
        self._open.close()

    def mapping(self, expect: str = EXPECT) -> None:
        self.close()
        write(self.root, "acme/stock.toml", STOCK.replace("[file]", f"{expect}\n[file]", 1))

    def configure(self, text: str) -> None:
        self.close()
        config = self.root / "config.toml"
        config.write_text(config.read_text() + text)

    def come(
        self, gateway: home.Home, name: str, when: str, rows: str = "2026-11-15,A,10\n", partner: str = "acme"
    ) -> str:
        """A file comes; returns its state."""
        path = self.root / name
        path.write_text(rows if rows.startswith("location") else f"Date,SKU,On Hand\n{rows}")
        [receipt] = taken(gateway, [Drop(partner, name, path, at(when), "folder")])
        return receipt.files[0].state


@pytest.fixture
def place(bare_home: Path) -> Iterator[Home]:
    reconcile_only(bare_home, "a", "i")
    with closing(Home(bare_home)) as place:
        yield place


def found_at(place: Home, now: str) -> list[tuple[str, str]]:
    """(code, business key) of what is open when the books are run at that instant."""
    gateway = place.at(now)
    run_books(gateway)
    return gateway.lake.con.execute(
        """select code, business_key from exception where status = 'OPEN' and severity < 4
        and code not in ('SKU_UNKNOWN', 'QTY_SHORT', 'QTY_OVER') order by all"""
    ).fetchall()


def events(place: Home) -> list[tuple[str, str, str]]:
    gateway = place.at(LATER)
    return gateway.lake.con.execute(
        "select code, business_key, event from exception_event where reconciliation = 'i' order by \"at\", "
        "code, version"
    ).fetchall()


def test_a_file_is_late_after_its_patience_and_missing_after_that_of_the_next(place: Home) -> None:
    assert found_at(place, "2026-11-16T09:59+01:00") == []
    assert found_at(place, "2026-11-16T10:00+01:00") == [("FILE_LATE", "acme.stock|2026-11-16")]
    assert found_at(place, "2026-11-17T09:59+01:00") == [("FILE_LATE", "acme.stock|2026-11-16")]
    assert found_at(place, "2026-11-17T10:00+01:00") == [
        ("FILE_LATE", "acme.stock|2026-11-17"),
        ("FILE_MISSING", "acme.stock|2026-11-16"),
    ]


def test_a_late_file_closes_its_exception_and_nothing_opens_twice(place: Home) -> None:
    for _ in range(2):
        found_at(place, "2026-11-16T12:00+01:00")
    gateway = place.at("2026-11-16T13:00+01:00")
    assert place.come(gateway, "stock-16.csv", "2026-11-16T12:30+01:00") == "ACCEPTED"
    for _ in range(2):
        assert found_at(place, "2026-11-16T13:00+01:00") == []
    gateway = place.at(LATER)
    assert verify.verify(gateway.lake) == []
    key = "acme.stock|2026-11-16"
    assert events(place) == [("FILE_LATE", key, "OPENED"), ("FILE_LATE", key, "CLOSED")]


def test_a_file_that_comes_days_late_finds_its_day(place: Home) -> None:
    gateway = place.at("2026-11-18T12:00+01:00")
    place.come(gateway, "stock-16.csv", "2026-11-16T07:00+01:00")
    place.come(gateway, "stock-18.csv", "2026-11-18T07:00+01:00", "2026-11-17,A,9\n")
    assert found_at(place, "2026-11-18T12:00+01:00") == [("FILE_MISSING", "acme.stock|2026-11-17")]
    gateway = place.at("2026-11-18T12:00+01:00")
    place.come(gateway, "stock-18.csv", "2026-11-18T12:30+01:00", "2026-11-17,A,8\n")
    # The same name again is a correction of that day's file, not the one that is missing.
    assert found_at(place, "2026-11-18T13:00+01:00") == [("FILE_MISSING", "acme.stock|2026-11-17")]
    gateway = place.at("2026-11-18T14:00+01:00")
    place.come(gateway, "stock-17.csv", "2026-11-18T13:30+01:00", "2026-11-16,A,8\n")
    assert found_at(place, "2026-11-18T14:00+01:00") == []


@pytest.mark.parametrize(
    ("name", "late"), [("stock.csv", [("FILE_LATE", "acme.stock|2026-11-17")]), ("stock-17.csv", [])]
)
def test_the_same_bytes_are_a_file_under_a_new_name_only(place: Home, name: str, late: list[tuple[str, str]]) -> None:
    gateway = place.at("2026-11-17T12:00+01:00")
    place.come(gateway, "stock.csv", "2026-11-16T07:00+01:00")
    assert place.come(gateway, name, "2026-11-17T07:00+01:00") == "DUPLICATE"
    assert found_at(place, "2026-11-17T12:00+01:00") == late


def test_nothing_is_expected_on_a_weekend_or_before_the_first_file_of_a_feed_without_a_day(place: Home) -> None:
    place.mapping(EXPECT.replace("since    = 2026-11-16\n", ""))
    assert found_at(place, "2026-11-20T12:00+01:00") == []
    gateway = place.at("2026-11-20T12:00+01:00")
    place.come(gateway, "stock-20.csv", "2026-11-20T09:30+01:00")
    assert found_at(place, "2026-11-22T23:00+01:00") == []
    assert found_at(place, "2026-11-23T10:00+01:00") == [("FILE_LATE", "acme.stock|2026-11-23")]


def test_a_feed_is_not_expected_after_its_mapping_ends(place: Home) -> None:
    text = STOCK.replace("[file]", f"valid_to = 2026-11-17\n{EXPECT}\n[file]", 1)
    write(place.root, "acme/stock.toml", text)
    assert found_at(place, "2026-11-25T12:00+01:00") == [
        ("FILE_MISSING", "acme.stock|2026-11-16"),
        ("FILE_MISSING", "acme.stock|2026-11-17"),
    ]


def test_numbers_in_names_have_no_gap(place: Home) -> None:
    place.mapping(
        EXPECT.replace("business day", "hour")
        .replace("08:00", "00:30")
        .replace("since", "sequence = 'stock-([0-9]+)'\nsince")
    )
    gateway = place.at("2026-11-16T03:20+01:00")
    for hour, number in enumerate((7, 8, 11)):
        place.come(gateway, f"stock-{number}.csv", f"2026-11-16T0{hour}:10+01:00", f"2026-11-15,A,{number}\n")
    assert found_at(place, "2026-11-16T03:20+01:00") == [("SEQ_GAP", "acme.stock|0|11")]
    gateway = place.at("2026-11-16T03:20+01:00")
    message = gateway.lake.con.execute("select message from exception where code = 'SEQ_GAP'").fetchone()
    assert message == ("acme.stock: 9 to 10 (2) did not arrive, but 11 did",)
    place.come(gateway, "stock-9.csv", "2026-11-16T03:00+01:00", "2026-11-15,A,9\n")
    place.come(gateway, "stock-10.csv", "2026-11-16T03:01+01:00", "2026-11-15,A,12\n")
    assert found_at(place, "2026-11-16T03:20+01:00") == []


def test_a_number_of_thousands_of_digits_is_named_and_not_counted() -> None:
    """Python refuses to read more than 4,300 digits: 8 is missing between the others."""
    expect = Expect.model_validate({"every": "day", "by": "08:00", "timezone": "UTC", "sequence": "stock-([0-9]+)"})
    feed = feeds.Feed("acme.stock", "acme", "US", expect, (None, None))
    day = at("2026-11-16T07:00+00:00")
    came = [feeds.Arrival(n, f"stock-{n}.csv", day, 1, "ACCEPTED") for n in ("7", "9" * 5000, "9")]
    with duckdb.connect() as con:
        assert [gap[1:] for gap in feeds.number_gaps(con, feed, came)] == [(8, 8)]
        assert feeds.overlong(con, feed, came) == [(came[1], 5000)]


def test_a_file_with_far_fewer_rows_than_usual_is_reported_until_one_is_usual_again(place: Home) -> None:
    place.mapping(EXPECT.replace("business day", "day").replace("since    = 2026-11-16\n", 'rows = "usual"\n'))

    def rows(day: int, count: int) -> str:
        return "".join(f"2026-11-{day:02},S{n},{day}\n" for n in range(count))

    gateway = place.at("2026-11-11T00:00+01:00")
    for day in range(1, 10):
        place.come(gateway, f"stock-{day}.csv", f"2026-11-{day:02}T07:00+01:00", rows(day, 20 + day % 3))
    place.come(gateway, "stock-10.csv", "2026-11-10T07:00+01:00", rows(10, 4))
    [(code, _)] = found_at(place, "2026-11-10T12:00+01:00")
    assert code == "FILE_SIZE"
    gateway = place.at("2026-11-11T09:00+01:00")
    message = gateway.lake.con.execute("select message from exception where code = 'FILE_SIZE'").fetchone()
    assert message == ("stock-10.csv has 4 rows; the 9 files before it had 21 in the middle, 14 to 28 would be usual",)
    place.come(gateway, "stock-11.csv", "2026-11-11T07:00+01:00", rows(11, 21))
    assert found_at(place, "2026-11-11T09:00+01:00") == []


def _stocked(place: Home) -> None:
    """A book of 10 A and 5 B at DC1, and a count of the 16th that finds 9 A."""
    place.close()
    homes.lay_down(place.root, examples=True)
    gateway = place.at("2026-11-16T09:00+01:00")
    items = place.root / "items.csv"
    items.write_text(
        "sku,gtin,name,uom,category,abc,tracking,standard-cost\nA,,A,EA,home,A,NONE,4.00\nB,,B,EA,home,A,NONE,2.50\n"
    )
    taken(gateway, [Drop("master-data", "items.csv", items, at("2026-11-02T07:00+01:00"), "folder")])
    assert place.come(gateway, "opening-stock.csv", "2026-11-02T07:00+01:00", OPENING, "own-warehouse") == "ACCEPTED"
    place.come(gateway, "stock-16.csv", "2026-11-16T07:00+01:00", "2026-11-15,A,9\n2026-11-15,B,5\n")


def test_a_count_that_does_not_come_leaves_the_last_one_in_use_and_says_so(place: Home) -> None:
    place.mapping(EXPECT + '[expect.fallback]\nsnapshot = "carry forward"\n')
    _stocked(place)
    assert found_at(place, "2026-11-16T12:00+01:00") == []
    assert found_at(place, "2026-11-17T12:00+01:00") == [
        ("FILE_LATE", "acme.stock|2026-11-17"),
        ("SNAPSHOT_MISSING", "acme.stock|DC1|2026-11-17"),
    ]
    gateway = place.at("2026-11-19T12:00+01:00")
    run_books(gateway)
    found = dict(
        gateway.lake.con.execute(
            "select code, message from exception where status = 'OPEN' and reconciliation = 'a'"
        ).fetchall()
    )
    assert found["QTY_SHORT"].endswith("at the cut-off; the count is carried forward, no newer one came")
    assert "the count of 2026-11-15 00:00 UTC at DC1 stays in use" in found["SNAPSHOT_MISSING"]
    references = gateway.lake.con.execute("select distinct book_reference from recon_detail where reconciliation = 'a'")
    assert references.fetchall() == [
        ("book at 2026-11-15 00:00 UTC; count carried forward, that of 2026-11-17 did not come",)
    ]
    place.come(gateway, "stock-19.csv", "2026-11-19T12:30+01:00", "2026-11-18,A,9\n2026-11-18,B,5\n")
    # Two days never came and stay so; the count is fresh again.
    assert found_at(place, "2026-11-19T13:00+01:00") == [
        ("FILE_MISSING", "acme.stock|2026-11-17"),
        ("FILE_MISSING", "acme.stock|2026-11-18"),
    ]
    assert events(place)[0] == ("FILE_LATE", "acme.stock|2026-11-17", "OPENED")


def test_held_units_are_not_available_and_are_named_while_the_hold_lasts(place: Home) -> None:
    place.configure('\n[[hold]]\nsku = "A"\nsince = 2026-11-16\nuntil = 2999-12-31\nreason = "Recall R-1"\n')
    _stocked(place)
    assert found_at(place, "2026-11-15T12:00+01:00") == []
    assert found_at(place, "2026-11-16T12:00+01:00") == [("UNITS_HELD", "DC1|A|2026-11-16|Recall R-1")]
    gateway = place.at("2026-11-16T12:00+01:00")
    con = gateway.lake.con
    message, qty = con.execute("select message, qty from exception where code = 'UNITS_HELD'").fetchone() or ("", 0)
    assert message == "Recall R-1, held at DC1 from 2026-11-16 to 2999-12-31: 10 A AVAILABLE"
    assert qty == 10
    con.execute("update hold_config set since = date '2000-01-01'")
    assert con.execute(
        "select sku, qty, held, available from stock where location = 'DC1' order by sku"
    ).fetchall() == [("A", 10, "Recall R-1", 0), ("B", 5, None, 5)]


def test_a_hold_that_has_ended_closes_by_itself(place: Home) -> None:
    place.configure('\n[[hold]]\nlocation = "DC1"\nsince = 2026-11-16\nuntil = 2026-11-16\nreason = "Flood"\n')
    _stocked(place)
    assert found_at(place, "2026-11-16T12:00+01:00") == [("UNITS_HELD", "DC1|*|2026-11-16|Flood")]
    assert found_at(place, "2026-11-17T09:00+01:00") == []


def test_the_books_turn_when_a_file_becomes_late(place: Home) -> None:
    gateway = place.at(LATER)
    turns = feeds.Turns([f for f in gateway.feeds if f.name == "acme.stock"])
    now, seen = at("2026-11-16T00:00+00:00"), []
    while now < at("2026-11-18T00:00+00:00"):
        if turns.last(now) not in seen:
            seen.append(turns.last(now))
        now += timedelta(minutes=1)
    assert [f"{moment:%d %H:%M}" for moment in seen] == ["16 00:00", "16 09:00", "17 00:00", "17 09:00"]


def test_a_clock_that_was_years_ahead_does_not_silence_what_becomes_late() -> None:
    turns = feeds.Turns([], hourly=True)
    assert turns.last(at("2036-01-01T00:30+00:00")) == at("2036-01-01T00:00+00:00")
    assert turns.last(at("2026-11-16T10:59+00:00")) == at("2026-11-16T10:00+00:00")
    assert turns.last(at("2026-11-16T11:00+00:00")) == at("2026-11-16T11:00+00:00")


def test_the_books_turn_every_hour_where_acknowledgements_are_awaited() -> None:
    turns = feeds.Turns([], hourly=True)
    assert turns.last(at("2026-11-16T10:59+00:00")) == at("2026-11-16T10:00+00:00")
    assert turns.last(at("2026-11-16T11:00+00:00")) == at("2026-11-16T11:00+00:00")
    assert turns.last(at("2026-11-17T00:10+00:00")) == at("2026-11-17T00:00+00:00")


def test_today_is_what_is_due_and_what_is_late(place: Home) -> None:
    gateway = place.at("2026-11-17T07:00+01:00")
    [feed] = [one for one in gateway.feeds if one.name == "acme.stock"]
    came = feeds.arrivals(gateway.lake.con, [feed])[feed.name]
    now = gateway.now
    rows = [(s.period.key, s.state(now)) for s in feeds.of_today(feeds.standings(feed, came, now), now)]
    assert rows == [("2026-11-16", "late"), ("2026-11-17", "waiting")]
