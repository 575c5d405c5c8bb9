"""deploy/alerts.yml: promtool runs its rules over the series that a gateway shows, quiet and in trouble."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.daemon import Daemon
from gateway.home import Home
from gateway.intake.take import Intake
from gateway.monitor import Monitor
from gateway.transports import build
from gateway.transports.transport import Drop
from tests.conftest import NOW, require_or_skip, taken
from tests.test_books import GOOD, ITEMS

RULES = Path(__file__).parents[1] / "deploy" / "alerts.yml"
TOOL = shutil.which("promtool")
MINUTES = 26 * 60
PARTNER, FEED = "amazon-us", "amazon-us.settlement"
ROWS = f'gateway_rows_total{{feed="{FEED}",outcome="%s",partner="{PARTNER}"}}'
LAG = f'gateway_lag_seconds_bucket{{feed="{FEED}",le="%s",partner="{PARTNER}"}}'
FILES = f'gateway_files_total{{feed="%s",partner="{PARTNER}",state="%s"}}'
TAKEN = FILES % (FEED, "ACCEPTED")
UP = 'up{job="gateway",instance="a:1"}'

Case = tuple[int, dict[str, str | None], dict[str, str]]
CASES: dict[str, Case] = {
    "GatewayDown": (10, {UP: "1 1 0x30"}, {"job": "gateway", "instance": "a:1"}),
    "GatewayFiguresHidden": (11, {"gateway_transport_up": None}, {"job": "gateway", "instance": "a:1"}),
    "GatewayTransportDown": (
        31,
        {'gateway_transport_up{transport="folder"}': "1 0x60"},
        {"transport": "folder", "job": "gateway", "instance": "a:1"},
    ),
    "GatewayConfigurationRefused": (
        11,
        {"gateway_configuration_faults": "0 2x60"},
        {"job": "gateway", "instance": "a:1"},
    ),
    # One file at minute 5 that waited more than 15 minutes and less than an hour.
    "GatewayFilesLate": (25, {LAG % "3600.0": "0x4 1x60", LAG % "+Inf": "0x4 1x60"}, {"partner": PARTNER}),
    "GatewayNothingTaken": (MINUTES - 1, {TAKEN: f"3x{MINUTES}"}, {}),
    "GatewayFilesSetAside": (7, {FILES % ("", "FAILED"): "0x5 1x60"}, {"partner": PARTNER}),
    # 6 of 100 rows.
    "GatewayRowsRejected": (
        7,
        {ROWS % "accepted": "0x5 94x60", ROWS % "rejected": "0x5 6x60"},
        {"partner": PARTNER, "feed": FEED},
    ),
    "GatewayExceptionsOpen": (62, {'gateway_open_exceptions{owner="IC",severity="1"}': "0 1x90"}, {"owner": "IC"}),
    "GatewayStepFailing": (
        12,
        {'gateway_step_failing{step="books"}': "0 1x60"},
        {"step": "books", "job": "gateway", "instance": "a:1"},
    ),
    # Two turns of 700 s within a quarter of an hour.
    "GatewayStepSlow": (
        18,
        {
            'gateway_step_seconds_sum{step="books"}': "0 700x5 1400x60",
            'gateway_step_seconds_count{step="books"}': "0 1x5 2x60",
        },
        {"step": "books"},
    ),
}
AT_START: Case = (20, {FILES % ("", "FAILED"): "1x60"}, {"partner": PARTNER})
"""A file that failed before Prometheus looked for the first time."""
QUIET: dict[str, dict[str, str | None]] = {
    "nothing but a file each hour": {},
    "a scrape that was missed": {UP: "1x5 0 1x90"},
    "a server that is away for 20 minutes": {'gateway_transport_up{transport="folder"}': "1 0x20 1x90"},
    "one row in a hundred": {ROWS % "accepted": "0x5 99x90", ROWS % "rejected": "0x5 1x90"},
    "a file that waited ten minutes": {
        LAG % "900.0": "0x4 1x90",
        LAG % "3600.0": "0x4 1x90",
        LAG % "+Inf": "0x4 1x90",
    },
    "set up an hour ago": {TAKEN: "0x90"},
    "exceptions of the second severity": {'gateway_open_exceptions{owner="IC",severity="2"}': "0 9x90"},
}


def series(monitor: Monitor) -> dict[str, float]:
    """What the metrics page prints: sample with its labels → value."""
    families = text_string_to_metric_families(monitor.metrics().decode())
    samples = [one for family in families for one in family.samples if not one.name.endswith("_created")]
    return {_named(one.name, one.labels): one.value for one in samples}


def _named(name: str, labels: dict[str, str]) -> str:
    shown = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{shown}}}" if shown else name


@pytest.fixture
def daemon(gateway: Home) -> Daemon:
    """A gateway that is about to begin."""
    return Daemon(Intake(gateway), build(gateway.folder, gateway.settings, gateway.lake.folder))


def test_every_series_is_there_from_the_start_as_zero(gateway: Home, daemon: Daemon) -> None:
    begun = series(daemon.monitor)
    assert {name for name, value in begun.items() if value} == {'gateway_transport_up{transport="folder"}'}
    spoilt = GOOD.replace("S1", "S2").replace("Order\t", "Odrer\t").replace("20.00", "2O.00")
    contents = {"items.csv": ("master-data", ITEMS), "settlement-1.txt": (PARTNER, GOOD), "x.bin": (PARTNER, "\0\1")}
    drops = []
    for name, (partner, text) in (contents | {"settlement-2.txt": (PARTNER, spoilt)}).items():
        path = gateway.folder / name
        path.write_text(text)
        drops.append(Drop(partner, name, path, NOW, "folder"))
    daemon.monitor.took(taken(gateway, drops), datetime.now(UTC))
    daemon.monitor.booked([{"severity": 1, "owner": "IC", "count": 3}])
    now = series(daemon.monitor)
    assert now.keys() == begun.keys()
    assert (now[TAKEN], now[FILES % ("", "QUARANTINED")]) == (1, 1)
    assert now['gateway_open_exceptions{owner="IC",severity="1"}'] == 3
    daemon.monitor.booked([])
    assert series(daemon.monitor)['gateway_open_exceptions{owner="IC",severity="1"}'] == 0


def test_a_partner_that_is_added_while_it_runs_has_its_series_and_its_folder(gateway: Home, daemon: Daemon) -> None:
    mapping = gateway.folder / "mappings" / "master-data" / "items.toml"
    added = gateway.folder / "mappings" / "feinkost" / "items.toml"
    added.parent.mkdir()
    added.write_text(mapping.read_text().replace("master-data", "feinkost"))
    daemon._watched.ask()
    daemon._reload()
    name = 'gateway_files_total{feed="feinkost.items",partner="feinkost",state="HELD"}'
    assert series(daemon.monitor)[name] == 0
    assert (gateway.folder / "inbound" / "feinkost").is_dir()


def test_a_server_that_is_configured_no_longer_is_no_longer_shown(daemon: Daemon) -> None:
    assert 'gateway_transport_up{transport="folder"}' in series(daemon.monitor)
    daemon.monitor.lanes = []
    assert not [name for name in series(daemon.monitor) if name.startswith("gateway_transport_up")]


def _values(name: str, replaced: dict[str, str | None], minutes: int) -> str | None:
    """Of a series that is not replaced: a file is taken each hour, and servers can be reached."""
    found = next((value for key, value in replaced.items() if name == key or name.split("{", 1)[0] == key), "")
    if found != "":
        return found
    if name == TAKEN:
        return " ".join(str(minute // 60) for minute in range(minutes + 1))
    return f"1x{minutes}" if name.startswith("gateway_transport_up") else f"0x{minutes}"


def _input(page: dict[str, float], replaced: dict[str, str | None], minutes: int) -> list[dict[str, str]]:
    """The series as Prometheus stores them."""
    unknown = [name for name in replaced if name != UP and not any(name in (one, one.split("{")[0]) for one in page)]
    assert not unknown, f"the gateway shows no {unknown}"
    made = [{"series": UP, "values": replaced.get(UP) or f"1x{minutes}"}]
    for name in page:
        if values := _values(name, replaced, minutes):
            bare, _, labels = name.rstrip("}").partition("{")
            where = ",".join(filter(None, (labels, 'job="gateway",instance="a:1"')))
            made.append({"series": f"{bare}{{{where}}}", "values": values})
    return made


def _rules() -> dict[str, tuple[str, str]]:
    """Alert → severity and summary."""
    found = re.findall(r'- alert: (\w+)$.*?severity: (\w+)}.*?summary: "(.*?)"}$', RULES.read_text(), re.M | re.S)
    return {name: (severity, summary) for name, severity, summary in found}


def _expected(alert: str, labels: dict[str, str]) -> list[dict[str, object]]:
    severity, summary = _rules()[alert]
    for key, value in labels.items():
        summary = summary.replace("{{ $labels." + key + " }}", value)
    return [{"exp_labels": {**labels, "severity": severity}, "exp_annotations": {"summary": summary}}]


def _test(page: dict[str, float], name: str, case: Case | None, quiet: dict[str, str | None]) -> dict[str, object]:
    minute, replaced, labels = case or (85 if quiet else MINUTES - 1, quiet, {})
    if minute > 100:  # More than a day of all series takes promtool many seconds.
        page = {name: value for name, value in page.items() if name == TAKEN or name.startswith("gateway_transport_up")}
    looks = [
        {
            "eval_time": f"{minute}m",
            "alertname": alert,
            "exp_alerts": _expected(alert, labels) if case and alert == name else [],
        }
        for alert in _rules()
    ]
    return {"name": name, "interval": "1m", "input_series": _input(page, replaced, minute), "alert_rule_test": looks}


def test_each_alert_fires_in_its_case_alone(daemon: Daemon, tmp_path: Path) -> None:
    require_or_skip(TOOL, "promtool (Debian's package prometheus)")
    assert _rules().keys() == CASES.keys()
    relevant = {
        name: value for name, value in series(daemon.monitor).items() if PARTNER in name or "partner=" not in name
    }
    tests = [_test(relevant, name, case, {}) for name, case in CASES.items()]
    tests.append(_test(relevant, "GatewayFilesSetAside", AT_START, {}))
    tests += [_test(relevant, name, None, replaced) for name, replaced in QUIET.items()]
    whole = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "tests.yml").write_text(json.dumps(whole))
    for arguments in (["check", "rules", RULES], ["test", "rules", tmp_path / "tests.yml"]):
        done = subprocess.run([str(TOOL), *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
