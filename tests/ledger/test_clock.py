"""A clock that is wrong: a little is put up with and logged, a lot is refused, and nothing waits for it for ever."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import HouseError
from gateway.ledger import verify
from gateway.ledger.clock import Clock
from gateway.ledger.lake import Lake, open_lake
from gateway.ledger.maintenance import maintain
from gateway.settings import Audit, Config
from tests.ledger.conftest import catalog, post

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> type[datetime]:
    """`set_clock.off` is how far the clock of commits and maintenance is off."""

    class Off(datetime):
        off = timedelta()

        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + cls.off

    monkeypatch.setattr("gateway.ledger.commit.datetime", Off)
    monkeypatch.setattr("gateway.ledger.maintenance.datetime", Off)
    return Off


@pytest.mark.parametrize(
    ("off", "key"), [(timedelta(hours=-2), "clock_back_s_max"), (timedelta(days=3_650), "clock_ahead_s_max")]
)
def test_a_clock_far_off_is_refused_until_it_is_right(opened: Lake, set_clock: type, off: timedelta, key: str) -> None:
    post(opened, 1, 1)
    set_clock.off = off  # type: ignore[attr-defined]
    with pytest.raises(HouseError, match="the clock says") as refused:
        post(opened, 2, 2)
    assert "Set the clock of this machine" in refused.value.hint and f"audit.{key}" in refused.value.hint
    with pytest.raises(HouseError, match="the clock says"):
        maintain(opened)
    set_clock.off = timedelta()  # type: ignore[attr-defined]
    post(opened, 2, 2)
    assert verify.verify(opened) == []


def test_with_a_higher_bound_times_go_on_from_the_newest_and_the_clock_is_recorded(
    home: Path, config: Config, set_clock: type
) -> None:
    """As after commits of a clock that was ahead."""
    patient = config.model_copy(update={"audit": Audit(clock_back_s_max=20_000)})
    with open_lake(home, patient) as ledger:
        post(ledger, 1, 1)
        set_clock.off = -timedelta(hours=5)  # type: ignore[attr-defined]
        for number in (2, 3, 4, 5):
            post(ledger, number, number)
        rows = ledger.con.execute('select "at", detail from lake.audit_log order by seq').to_arrow_table().to_pylist()
    times = [row["at"] for row in rows]
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [timedelta(microseconds=1)] * 4
    said = [json.loads(row["detail"]).get("clock") for row in rows]
    assert said[0] is None and all(times[0] - datetime.fromisoformat(each) > timedelta(hours=4) for each in said[1:])


def test_verify_does_not_depend_on_the_clock_of_the_catalogs_server(opened: Lake, home: Path, config: Config) -> None:
    for number in range(1, 5):
        post(opened, number, number)
    opened.close()
    with catalog(home) as raw:
        rows = raw.execute("select snapshot_id, snapshot_time from ducklake_snapshot").fetchall()
        for snapshot, moment in rows:
            shifted = datetime.fromisoformat(moment) + timedelta(hours=7)
            raw.execute(
                "update ducklake_snapshot set snapshot_time = ? where snapshot_id = ?", [str(shifted), snapshot]
            )
    with open_lake(home, config, read_only=True) as ledger:
        assert verify.verify(ledger) == []


def test_what_the_clock_does_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = [0.0]
    monkeypatch.setattr("gateway.ledger.clock.time.monotonic", lambda: passed[0])
    clock = Clock()

    def events(now: datetime, newest: datetime) -> list[str]:
        with capture_logs() as logged:
            clock.check(now, newest)
        return [entry["event"] for entry in logged]

    assert events(NOON, NOON - timedelta(seconds=5)) == []
    passed[0] = 10
    assert events(NOON + timedelta(seconds=10), NOON) == [], "a clock that is right says nothing"
    assert events(NOON + timedelta(days=2), NOON) == ["clock.changed"]
    assert events(NOON - timedelta(minutes=30), NOON) == ["clock.changed", "clock.behind"]
    assert events(NOON - timedelta(minutes=30), NOON) == []


@pytest.mark.parametrize(("back", "refused"), [(3_600, False), (3_601, True)])
def test_the_bound_is_that_of_the_settings(back: int, refused: bool) -> None:
    late = NOON - timedelta(seconds=back)
    if refused:
        with pytest.raises(HouseError, match="1:00:01 before the newest commit"):
            Clock().check(late, NOON)
    else:
        Clock().check(late, NOON)
    Clock(Audit(clock_back_s_max=4_000)).check(late, NOON)
