"""`try`: the sets of an interchange that a pass would leave to others are not read, and named."""

from __future__ import annotations

from pathlib import Path

from gateway.home import Home
from gateway.intake.attempt import attempt
from tests.intake.test_together import shipment


def tried(home: Home, path: Path, content: bytes) -> tuple[int, list[str]]:
    """(rows received, messages of the faults but that of the item, which no master data knows)."""
    path.write_bytes(content)
    outcome = attempt(home, home.library.mappings["3pl-east.945"], path)
    return outcome["counts"]["received"], [one["message"] for one in outcome["faults"] if one["code"] != "SKU_UNKNOWN"]


def test_sets_of_another_sender_are_not_read(gateway: Home, tmp_path: Path) -> None:
    known = shipment(1, "SKU-1")
    rows, faults = tried(gateway, tmp_path / "known.edi", known)
    assert (rows, faults) == (1, [])
    rows, faults = tried(gateway, tmp_path / "foreign.edi", known.replace(b"3PLEAST ", b"3PLWEST "))
    assert rows == 1, "one set, rejected as a pass rejects it"
    [fault] = faults
    assert 'partner 3pl-east does not send as "ZZ/3PLWEST"' in fault


def test_sets_of_another_mapping_are_passed_over(gateway: Home, tmp_path: Path) -> None:
    both = shipment(1, "SKU-1") + shipment(2, "SKU-1").replace(b"ST*945", b"ST*846")
    assert tried(gateway, tmp_path / "both.edi", both) == (1, [])
