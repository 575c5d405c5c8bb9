"""The delivery state against what the ledger recorded."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import settings
from gateway.ledger import departures
from gateway.ledger.lake import Lake, open_lake
from gateway.transports import delivered
from gateway.transports.deliveries import Deliveries

CONFIG = settings.parse({"entities": {"US": {"currency": "USD"}}, "ledger": {"threads": 1}})


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A home whose server got one file, and its ledger says so."""
    home = tmp_path_factory.mktemp("home")
    (home / "outbound" / "acme").mkdir(parents=True)
    (home / "outbound" / "acme" / "997-1.edi").write_text("ISA")
    lake = open_lake(home, CONFIG)
    server = server_of(home)
    recorder = delivered.Recorder(lake, [server])
    for delivery in server.waiting():
        server.sent(delivery)
    recorder.record([server])
    recorder.record([server])
    return lake


def server_of(home: Path) -> Deliveries:
    state = home / "ledger" / "delivered" / "ftps" / "acme.json"
    return Deliveries(home / "outbound", ["acme"], [], state, "ftps/acme")


def test_a_delivery_is_recorded_once(ledger: Lake) -> None:
    [file] = departures.recorded(ledger, departures.DELIVERED)
    assert file.name == "ftps/acme/acme/997-1.edi" and "found" not in file.facts
    assert delivered.check(ledger, ledger.folder.parent) == ([], [])


def written(state: Path, change: Callable[[dict[str, str]], object]) -> None:
    known = json.loads(state.read_text())
    change(known)
    state.write_text(json.dumps(known))
    os.utime(state, (1, 1))


WRONG: dict[str, Callable[[dict[str, str]], object]] = {
    "the ledger does not": lambda known: known.update({"acme/997-2.edi": "0" * 64}),
    "names other bytes": lambda known: known.update({"acme/997-1.edi": "0" * 64}),
    "would be sent once more": dict.clear,
}


@pytest.mark.parametrize("message", WRONG)
def test_a_state_that_somebody_wrote_is_a_finding(ledger: Lake, message: str) -> None:
    home = ledger.folder.parent
    state = server_of(home).state
    before = state.read_bytes()
    written(state, WRONG[message])
    try:
        [finding], notes = delivered.check(ledger, home)
    finally:
        state.write_bytes(before)
    assert message in finding.message and "Fix: " in finding.message and notes == []


def test_a_file_that_the_partner_took_is_no_finding(ledger: Lake) -> None:
    home = ledger.folder.parent
    file, state = home / "outbound" / "acme" / "997-1.edi", server_of(home).state
    before = state.read_bytes()
    written(state, dict.clear)
    file.rename(file.with_suffix(".taken"))
    try:
        assert delivered.check(ledger, home) == ([], [])
    finally:
        file.with_suffix(".taken").rename(file)
        state.write_bytes(before)


def test_what_the_state_said_before_the_ledger_is_recorded_and_noted(tmp_path: Path) -> None:
    state = tmp_path / "ledger" / "delivered" / "ftps" / "acme.json"
    state.parent.mkdir(parents=True)
    state.write_text('{"acme/997-1.edi": "00"}')
    with open_lake(tmp_path, CONFIG) as lake:
        server = server_of(tmp_path)
        delivered.Recorder(lake, [server]).record([server])
        findings, [note] = delivered.check(lake, tmp_path)
    assert findings == [] and "recorded as the state said when the daemon started" in note
