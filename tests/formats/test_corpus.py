"""Every public sample is read, or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Limits
from gateway.errors import FileError
from gateway.formats import delimited, x12, xml
from gateway.formats.contract import Reading, ReadRequest
from tests.conftest import CORPUS, corpus

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public samples are not beside the checkout")


def rows_of(reading: Reading) -> list[dict[str, Any]]:
    return [row for batch in reading for row in batch.to_pylist()]


def request(path: Path, **more: Any) -> ReadRequest:
    return ReadRequest(path, path.name, Limits(), **more)


@pytest.mark.parametrize("path", corpus("x12", "*.txt", "*.edi", "*.x12"), ids=lambda p: p.name)
def test_x12_is_read_or_refused(path: Path) -> None:
    try:
        envelope = x12.units(request(path))
        reading = x12.read(request(path, each="ST", columns=("ST/01", "ISA/13", "SE/01")))
        rows = rows_of(reading)
    except FileError as error:
        assert error.hint
        return
    assert len(rows) == len(envelope.units) == reading.received
    assert [row["ST/01"] for row in rows] == [unit.kind for unit in envelope.units]


@pytest.mark.parametrize("path", corpus("bank-camt", "genkgo__*.xml"), ids=lambda p: p.name)
def test_camt_amounts_agree_with_the_expected(path: Path) -> None:
    expected_file = path.with_suffix(".json")
    if not expected_file.exists():
        pytest.skip("no expected values beside the sample")
    text = expected_file.read_text()
    rows = rows_of(xml.read(request(path, each="//Ntry", columns=("Amt", "Amt/@Ccy", "CdtDbtInd"))))
    for row in rows:
        cents = row["Amt"].replace(".", "")
        assert cents.lstrip("0") in text.replace(".", "") or row["Amt"] == "0"
        assert row["Amt/@Ccy"] in text
    assert json.loads(text)


@pytest.mark.parametrize("path", corpus("csv", "*.csv") + corpus("bank-csv", "*.csv"), ids=lambda p: p.name)
def test_csv_is_read_or_refused(path: Path) -> None:
    try:
        reading = delimited.read(request(path, options={"encoding": "auto", "delimiter": "auto"}))
        rows = rows_of(reading)
    except FileError as error:
        assert error.hint
        return
    assert reading.received == len(rows) + sum(fault.code == "ROW_REJECT" for fault in reading.faults)
    lines = [int(row["_position"].removeprefix("line ")) for row in rows]
    assert lines == sorted(set(lines))


@pytest.mark.parametrize("name", ["location_coordinates"])
def test_csv_spectrum(name: str) -> None:
    path = CORPUS / "csv" / f"csv-spectrum__{name}.csv"
    [row] = rows_of(delimited.read(request(path)))
    expected = json.loads(path.with_suffix(".json").read_text())
    # The sample and its expectation name different telephone numbers: what is in the file counts.
    assert row.pop("Contact Phone Number") == "2095257564"
    assert {k: v for k, v in row.items() if not k.startswith("_")} == {
        k: v for k, v in expected.items() if k != "Contact Phone Number"
    }
