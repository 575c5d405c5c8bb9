"""What a running gateway knows of itself: metrics for Prometheus, health, and its state for `gateway top`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from gateway.home import Home
from gateway.intake.result import Receipt
from gateway.model.files import FILE_STATES
from gateway.transports.lane import Lane

RECENT = 50
STUCK_S = 900.0
"""A step that takes longer than this is taken for stuck: the health check fails."""

STEPS = ("take", "answer", "record", "books")
"""What the loop does."""
STATES = (*FILE_STATES, "FAILED")
OUTCOMES = ("accepted", "rejected", "duplicate", "ignored")
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LAG = (1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400)


class Monitor:
    """Figures of one process since its start. The thread that commits writes; others read at any time."""

    def __init__(self) -> None:
        self.registry, self.public = CollectorRegistry(), CollectorRegistry()
        self.started = datetime.now(UTC)
        self.recent: deque[dict[str, Any]] = deque(maxlen=RECENT)
        self.lanes: list[Lane] = []
        self.faults: list[str] = []
        self.failed: dict[str, str] = {}
        self.open: list[dict[str, Any]] = []
        self._step, self._since, self._ended = "starting", time.monotonic(), False
        self._feeds: dict[str, dict[str, Any]] = {}
        self._owners: set[tuple[str, str]] = set()
        self._transports: set[str] = set()
        partner = ["partner", "feed"]
        self._files = Counter("gateway_files", "Files taken", [*partner, "state"], registry=self.registry)
        self._rows = Counter("gateway_rows", "Rows of those files", [*partner, "outcome"], registry=self.registry)
        self._lag = Histogram(
            "gateway_lag_seconds", "From a file's arrival to its commit", partner, buckets=_LAG, registry=self.registry
        )
        self._seconds = Histogram(
            "gateway_step_seconds",
            "Time of a step: take (read, map and commit files), books, workbooks",
            ["step"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._failing = Gauge(
            "gateway_step_failing", "1 if a step failed when it was last tried", ["step"], registry=self.registry
        )
        self._exceptions = Gauge(
            "gateway_open_exceptions", "Exceptions that are open", ["severity", "owner"], registry=self.registry
        )
        self._up = Gauge("gateway_transport_up", "1 if the last visit worked", ["transport"], registry=self.registry)
        self._broken = Gauge(
            "gateway_configuration_faults", "Faults of mappings and settings as they lie there", registry=self.registry
        )
        for one in (self._seconds, self._failing, self._exceptions, self._broken):
            self.public.register(one)
        for step in STEPS:
            self._seconds.labels(step)
            self._failing.labels(step)

    # --- written by the loop --------------------------------------------------------------------------

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Notes what the loop does, how long it takes, and why it failed. What is raised goes on."""
        self._step, self._since = name, time.monotonic()
        try:
            yield
        except Exception as error:
            self.failed[name] = str(error) or type(error).__name__
            self._failing.labels(name).set(1)
            raise
        else:
            self.failed.pop(name, None)
            self._failing.labels(name).set(0)
        finally:
            self._seconds.labels(name).observe(time.monotonic() - self._since)
            self._step, self._since = "waiting", time.monotonic()

    def expect(self, home: Home) -> None:
        """Every series that this home's partners, feeds and exceptions can have exists from now on, at first as zero.

        Prometheus sees no increase in a series that begins with 1.
        """
        for partner, feed in _feeds_of(home):
            for state in STATES:
                self._files.labels(partner, feed, state)
            for outcome in OUTCOMES:
                self._rows.labels(partner, feed, outcome)
            self._lag.labels(partner, feed)
        codes = home.rules.codes.values()
        self._owners = {(str(a.severity), b.owner) for a in codes for b in codes}
        for labels in self._owners:
            self._exceptions.labels(*labels)

    def took(self, receipts: Iterable[Receipt], now: datetime) -> None:
        """Files were committed, or could not be."""
        for receipt in receipts:
            for file in receipt.files:
                self._files.labels(file.partner, file.feed, file.state).inc()
                for outcome in OUTCOMES:
                    self._rows.labels(file.partner, file.feed, outcome).inc(getattr(file, outcome))
                lag = max(0.0, (now - receipt.drop.arrived_at).total_seconds())
                if receipt.committed:
                    self._lag.labels(file.partner, file.feed).observe(lag)
                feed = self._feeds.setdefault(
                    f"{file.partner} {file.feed}".strip(), {"files": 0, "rows": 0, "rejected": 0}
                )
                feed["files"] += 1
                feed["rows"] += file.received
                feed["rejected"] += file.rejected
                feed["last"], feed["lag_s"] = now.isoformat(timespec="seconds"), round(lag, 1)
                self.recent.appendleft(
                    {
                        "at": now.isoformat(timespec="seconds"),
                        "partner": file.partner,
                        "name": file.name,
                        "feed": file.feed,
                        "state": file.state,
                        "received": file.received,
                        "rejected": file.rejected,
                        "reason": file.reason[:200],
                        "file_id": file.file_id,
                    }
                )

    def booked(self, exceptions: list[dict[str, Any]]) -> None:
        """The books are up to date; `exceptions` are the open ones: severity, owner, count."""
        self.open = exceptions
        found = {(str(row["severity"]), row["owner"] or ""): row["count"] for row in exceptions}
        self._owners |= found.keys()
        for labels in self._owners:
            self._exceptions.labels(*labels).set(found.get(labels, 0))

    def configured(self, faults: Iterable[str]) -> None:
        """Note the faults of the settings and mappings as they are on disk."""
        self.faults = list(faults)
        self._broken.set(len(self.faults))

    def ended(self) -> None:
        """Note that the loop has ended: `/health` fails from now on."""
        self._ended = True

    # --- read by others -------------------------------------------------------------------------------

    def metrics(self, *, public: bool = False) -> bytes:
        """In the text format of Prometheus; `public` are those that name no partner, feed or server."""
        up = {lane.name: 0 if lane.error else 1 for lane in list(self.lanes)}
        for gone in self._transports - up.keys():
            self._up.remove(gone)
        self._transports = set(up)
        for name, value in up.items():
            self._up.labels(name).set(value)
        return generate_latest(self.public if public else self.registry)

    def health(self) -> list[str]:
        """Why the process should be restarted; nothing if it is well."""
        busy = time.monotonic() - self._since
        if self._ended:
            return ["the loop has ended"]
        return [f"{self._step} for {busy:.0f} s"] if self._step != "waiting" and busy > STUCK_S else []

    def unready(self, *, public: bool = False) -> list[str]:
        """Why files are not taken as they should be; `public` without the errors, which name partners and files."""
        starting = ["starting"] if self._step == "starting" else []
        failed = [
            f"{step} failed; the log says why" if public else f"{step}: {error}" for step, error in self.failed.items()
        ]
        return self.health() + starting + failed

    def state(self) -> dict[str, Any]:
        """Everything, for `gateway top`."""
        now = time.monotonic()
        return {
            "started": self.started.isoformat(timespec="seconds"),
            "step": self._step,
            "step_s": round(now - self._since, 1),
            "problems": self.unready(),
            "configuration": self.faults,
            "transports": [
                {
                    "name": lane.name,
                    "error": lane.error,
                    "visited_s_ago": None if lane.visited is None else round(now - lane.visited, 1),
                }
                for lane in list(self.lanes)
            ],
            "feeds": {name: dict(feed) for name, feed in sorted(self._feeds.items())},
            "exceptions": self.open,
            "recent": list(self.recent),
        }


def _feeds_of(home: Home) -> set[tuple[str, str]]:
    """(partner, feed) of all that is configured; the feed is "" for files that none claims."""
    settings = home.settings
    servers = (*settings.sftp, *settings.ftps, *settings.s3)
    feeds = {(loaded.mapping.partner, loaded.mapping.feed) for loaded in home.library.mappings.values()}
    partners = home.partners | {folder.partner for folder in settings.folder}
    partners |= {server.partner for server in servers}
    return feeds | {(partner, "") for partner in partners}
