"""A lane visits its transport, hands each drop over once, and reports each problem once."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.backoff import BackOff
from gateway.errors import Fault, HouseError
from gateway.transports.deliveries import Deliveries
from gateway.transports.lane import Lane, Pace
from gateway.transports.transport import Drop, UnreachableError
from tests.transports.sshd import wait_for

QUICK = Pace(usual_s=0.0, soon_s=0.0, back_off_s=0.0, back_off_s_max=0.0)
IGNORE = (".*", "README.md", "~$*")


def drop(name: str, token: str = "1") -> Drop:
    return Drop("partner", name, Path("/spool") / name, datetime(2026, 11, 1, tzinfo=UTC), "fake", token)


class Fake:
    """A transport that offers `waiting`; whatever is in `refuses` fails: names, "poll", or "all"."""

    name = "fake"

    def __init__(self, *names: str) -> None:
        self.waiting = [drop(name) for name in names]
        self.problems: list[Fault] = []
        self.soon = False
        self.refuses: set[str] = set()
        self.settled: list[str] = []
        self.delivered: list[str] = []
        self.closed = self.asked = 0

    def _check(self, what: str) -> None:
        self.asked += 1
        if "all" in self.refuses:
            raise UnreachableError("reach", "fake", "It is tried again.")
        if what in self.refuses:
            raise HouseError("do", what, "Fix it.")

    def poll(self) -> list[Drop]:
        self._check("poll")
        return list(self.waiting)

    def settle(self, drop: Drop) -> None:
        self._check(drop.name)
        self.waiting = [waiting for waiting in self.waiting if waiting != drop]
        self.settled.append(drop.name)

    def deliver(self, files: Sequence[Path], folder: str = "") -> None:
        for file in files:
            self._check(file.name)
            self.delivered.append(file.name)

    def close(self) -> None:
        self.closed += 1


class Found(list[str]):
    def __call__(self, lane: Lane, drops: list[Drop]) -> None:
        self += [drop.name for drop in drops]
        self.drops = drops


def lane_of(fake: Fake, pace: Pace = QUICK, deliveries: Deliveries | None = None) -> tuple[Lane, Found]:
    lane, found = Lane(fake, pace, deliveries), Found()
    lane._found = found
    return lane, found


# --- in -----------------------------------------------------------------------------------------------


def test_a_drop_is_handed_over_once_and_settled_after_its_commit() -> None:
    fake = Fake("a", "b")
    lane, found = lane_of(fake)
    lane.visit()
    lane.visit()
    assert found == ["a", "b"]
    lane.done(found.drops[0], committed=True)
    lane.visit()
    assert (fake.settled, found) == (["a"], ["a", "b"])


def test_a_replaced_file_is_another_drop() -> None:
    fake = Fake("a")
    lane, found = lane_of(fake)
    lane.visit()
    fake.waiting = [drop("a", token="2")]
    lane.visit()
    assert found == ["a", "a"]


def test_a_drop_that_was_not_committed_is_offered_again_after_a_growing_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr("gateway.backoff.time.monotonic", lambda: now[0])
    monkeypatch.setattr("gateway.backoff.random.random", lambda: 0.5)
    lane, found = lane_of(Fake("a"), Pace(0, 0, back_off_s=2, back_off_s_max=7))
    lane.visit()
    waits = []
    for _ in range(4):
        lane.done(found.drops[0], committed=False)
        count, start = len(found), now[0]
        lane.visit()
        assert len(found) == count, "not at once"
        while len(found) == count:
            now[0] += 1
            lane.visit()
        waits.append(now[0] - start)
    assert waits == [2, 4, 7, 7]


def test_what_cannot_be_settled_does_not_stop_the_others_and_is_tried_again() -> None:
    fake = Fake("a", "b", "c")
    lane, found = lane_of(fake)
    lane.visit()
    fake.refuses = {"b"}
    for one in found.drops:
        lane.done(one, committed=True)
    with capture_logs() as logs:
        for _ in range(3):
            lane.visit()
    assert fake.settled == ["a", "c"]
    assert [log["problem"] for log in logs] == ["do b. Fix: Fix it."], "reported once"
    assert found == ["a", "b", "c"], "not handed over again"
    fake.refuses = set()
    lane.visit()
    assert fake.settled == ["a", "c", "b"]


def test_nothing_is_forgotten_while_the_other_side_is_away() -> None:
    fake = Fake("a", "b")
    lane, found = lane_of(fake)
    lane.visit()
    fake.refuses = {"all"}
    for one in found.drops:
        lane.done(one, committed=True)
    fake.asked = 0
    for _ in range(2):
        with pytest.raises(UnreachableError):
            lane.visit()
    assert fake.asked == 2, "one question a visit: each may take as long as a connection is waited for"
    fake.refuses = set()
    lane.visit()
    assert (fake.settled, found) == (["a", "b"], ["a", "b"])


def test_a_problem_is_reported_once_and_again_when_it_comes_back() -> None:
    fake = Fake()
    lane, _ = lane_of(fake)
    link = Fault("FILE_REJECT", "x is a link", "Drop ordinary files.")
    with capture_logs() as logs:
        for problems in ([link], [link, Fault("FILE_REJECT", "y is a link")], [link], [], [link]):
            fake.problems = problems
            lane.visit()
    reported = [log["problem"] for log in logs]
    assert reported == ["x is a link. Drop ordinary files.", "y is a link", "x is a link. Drop ordinary files."]


# --- pace ---------------------------------------------------------------------------------------------


def test_the_pause_is_short_while_files_grow_and_grows_after_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.backoff.random.random", lambda: 0.5)
    fake = Fake()
    lane, _ = lane_of(fake, Pace(usual_s=30, soon_s=2, back_off_s=3, back_off_s_max=10))
    assert lane._visit_guarded() == 30
    fake.soon = True
    assert lane._visit_guarded() == 2
    fake.refuses = {"all"}
    with capture_logs() as logs:
        assert [lane._visit_guarded() for _ in range(4)] == [3, 6, 10, 10]
    assert {log["event"] for log in logs} == {"transport.failed"}
    fake.refuses = set()
    with capture_logs() as logs:
        assert [lane._visit_guarded() for _ in range(2)] == [2, 2]
    assert [(log["event"], log["log_level"]) for log in logs] == [("transport.back", "info")], "once"
    fake.refuses = {"poll"}
    assert lane._visit_guarded() == 3, "the first failure again"


def test_pauses_are_not_the_same_for_all_lanes() -> None:
    pauses = {BackOff(1, 100).failed() for _ in range(20)}
    assert len(pauses) > 1 and all(0.75 <= pause <= 1.25 for pause in pauses)


def test_a_fault_of_the_program_does_not_end_the_lane() -> None:
    fake = Fake("a")
    lane, found = lane_of(fake)
    fake.poll = lambda: 1 / 0  # type: ignore[assignment, return-value]
    with capture_logs() as logs:
        lane._visit_guarded()
    assert logs[0]["exc_info"] and fake.closed == 1
    del fake.poll
    lane._visit_guarded()
    assert found == ["a"]


def test_a_lane_works_in_its_own_thread_until_it_is_ended() -> None:
    fake, found = Fake("a"), Found()
    lane = Lane(fake, Pace(60, 60, 60, 60))
    lane.start(found)
    wait_for(lambda: found == ["a"], "the first visit")
    lane.done(found.drops[0], committed=True)
    wait_for(lambda: fake.settled == ["a"], "woken by what was done")
    fake.waiting = [drop("b")]
    lane.wake()
    wait_for(lambda: found == ["a", "b"], "woken")
    lane.end()
    lane.join(10)
    assert not lane._thread.is_alive() and fake.closed == 1


def test_looking_at_many_files_again_and_again_takes_a_share_of_the_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([0.0, 2.0, 2.0, 2.0])
    monkeypatch.setattr("gateway.transports.lane.time.thread_time", lambda: next(seconds))
    fake, waits = Fake(), list[float]()
    lane, _ = lane_of(fake)

    def wait(timeout: float) -> bool:
        waits.append(timeout)
        lane._ended.set()
        return True

    monkeypatch.setattr(lane._ended, "wait", wait)
    lane._run()
    assert waits == [pytest.approx(8.0)], "two seconds of ten"


@pytest.mark.parametrize("error", [UnreachableError("poll", "fake", "It is tried again."), AttributeError("closed")])
def test_a_visit_that_hangs_is_cut_off_at_the_end(error: Exception) -> None:
    class Hanging(Fake):
        def __init__(self) -> None:
            super().__init__()
            self.entered, self.freed = threading.Event(), threading.Event()

        def poll(self) -> list[Drop]:
            self.entered.set()
            assert self.freed.wait(20)
            raise error

        def close(self) -> None:
            self.freed.set()

    fake = Hanging()
    lane = Lane(fake, QUICK)
    with capture_logs() as logs:
        lane.start(Found())
        assert fake.entered.wait(10)
        lane.end()
        lane.join(0.0)
        lane._thread.join(10)
    assert not lane._thread.is_alive()
    assert logs == [], "that the end cut it off is no failure"


# --- out ----------------------------------------------------------------------------------------------


@pytest.fixture
def outbound(tmp_path: Path) -> Path:
    for folder in ("finance", "operations"):
        (tmp_path / "outbound" / folder).mkdir(parents=True)
    return tmp_path / "outbound"


def deliveries_of(outbound: Path, *folders: str) -> Deliveries:
    return Deliveries(outbound, folders or ("finance", "operations"), IGNORE, outbound.parent / "state" / "fake.json")


def test_each_file_is_sent_once_after_a_restart_too(outbound: Path) -> None:
    for name in ("finance/a.xlsx", "finance/b.xlsx", "operations/a.xlsx", "finance/.c.1.tmp", "finance/~$a.xlsx"):
        (outbound / name).write_text(name)
    (outbound / "finance" / "folder").mkdir()
    fake = Fake()
    for _ in range(2):
        lane, _ = lane_of(fake, deliveries=deliveries_of(outbound))
        lane.visit()
        lane.visit()
    assert fake.delivered == ["a.xlsx", "b.xlsx", "a.xlsx"]


def test_a_file_with_new_content_is_sent_again_and_one_that_was_only_touched_is_not(outbound: Path) -> None:
    book = outbound / "finance" / "a.xlsx"
    book.write_text("one")
    fake = Fake()
    lane, _ = lane_of(fake, deliveries=deliveries_of(outbound))
    lane.visit()
    book.touch()
    lane.visit()
    assert fake.delivered == ["a.xlsx"]
    book.write_text("two")
    lane.visit()
    assert fake.delivered == ["a.xlsx", "a.xlsx"]


def test_a_file_is_read_again_only_when_it_changed(outbound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (outbound / "finance" / "a.xlsx").write_text("one")
    deliveries = deliveries_of(outbound)
    for delivery in deliveries.waiting():
        deliveries.sent(delivery)
    assert list(deliveries.waiting()) == []
    monkeypatch.setattr(Path, "open", None)
    assert list(deliveries.waiting()) == []


def test_a_file_that_cannot_be_sent_does_not_stop_the_others(outbound: Path) -> None:
    for name in ("a.xlsx", "b.xlsx", "c.xlsx"):
        (outbound / "finance" / name).write_text(name)
    fake = Fake()
    fake.refuses = {"b.xlsx"}
    lane, _ = lane_of(fake, deliveries=deliveries_of(outbound))
    with capture_logs() as logs:
        lane.visit()
        lane.visit()
    assert fake.delivered == ["a.xlsx", "c.xlsx"]
    assert [log["problem"] for log in logs if "problem" in log] == ["do b.xlsx. Fix: Fix it."]
    fake.refuses = set()
    lane.visit()
    assert fake.delivered == ["a.xlsx", "c.xlsx", "b.xlsx"]


def test_files_wait_for_a_server_that_is_away(outbound: Path) -> None:
    (outbound / "finance" / "a.xlsx").write_text("a")
    fake = Fake("drop")
    fake.refuses = {"all"}
    lane, found = lane_of(fake, deliveries=deliveries_of(outbound))
    with pytest.raises(UnreachableError):
        lane.visit()
    fake.refuses = set()
    lane.visit()
    assert (fake.delivered, found) == (["a.xlsx"], ["drop"])


def test_what_was_sent_is_forgotten_when_its_file_is_gone(outbound: Path) -> None:
    deliveries = deliveries_of(outbound)
    for name in ("a.xlsx", "b.xlsx"):
        (outbound / "finance" / name).write_text(name)
        for delivery in deliveries.waiting():
            deliveries.sent(delivery)
        (outbound / "finance" / "a.xlsx").unlink(missing_ok=True)
    assert list(json.loads(deliveries.state.read_text())) == ["finance/b.xlsx"]


@pytest.mark.parametrize("content", ["", "[1]", "{", "\udcff"])
def test_a_damaged_state_is_an_operators_error(outbound: Path, content: str) -> None:
    state = outbound.parent / "state" / "fake.json"
    state.parent.mkdir()
    state.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(HouseError, match=r"fake\.json.*Remove it"):
        deliveries_of(outbound)


def test_a_folder_that_is_not_there_yet_has_nothing_to_send(outbound: Path) -> None:
    assert list(deliveries_of(outbound, "later").waiting()) == []
