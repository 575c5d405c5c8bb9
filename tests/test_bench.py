"""What the benchmark reads is right: its files have no faults, and every row of them is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import bench_readers
from tests.bench import shipments

FILES = {
    "swift/mt940": bench_readers.mt940,
    "bai/bai2": bench_readers.bai2,
    "ofx/ofx": bench_readers.ofx,
    "x12/945": shipments,
    "edifact/INVRPT": bench_readers.inventory,
    "iso20022/camt.053": bench_readers.camt,
}


@pytest.mark.parametrize(("pack", "write"), FILES.items(), ids=FILES)
def test_a_file_of_the_benchmark_is_verified_and_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pack: str, write: Callable[[Path, int], None]
) -> None:
    write(tmp_path / "file", 200)
    bench_readers.ours(pack, tmp_path / "file")
    assert json.loads(capsys.readouterr().out)["rows"] == 200
