"""Another program opens the workbooks and works every formula out again: the figures must be the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest

from tests.conftest import require_or_skip

NAMES = ("exceptions", "reconciliation", "empty_exceptions", "paged", "long")


@pytest.fixture(scope="module")
def recalculated(books: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbooks with all cached values taken out, opened and saved by LibreOffice."""
    office = shutil.which("soffice")
    require_or_skip(office, "LibreOffice (soffice)")
    work = tmp_path_factory.mktemp("office")
    bare = [_without_cached_values(books / f"{name}.xlsx", work / f"{name}.xlsx") for name in NAMES]
    result = subprocess.run(
        [
            str(office),
            "--headless",
            f"-env:UserInstallation=file://{work}/profile",
            "--convert-to",
            "xlsx",
            "--outdir",
            str(work / "out"),
            *map(str, bare),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return work / "out"


@pytest.mark.parametrize("name", NAMES)
def test_libreoffice_finds_the_same_values(books: Path, recalculated: Path, name: str) -> None:
    ours = openpyxl.load_workbook(books / f"{name}.xlsx", data_only=True)
    theirs = openpyxl.load_workbook(recalculated / f"{name}.xlsx", data_only=True)
    assert theirs.sheetnames == ours.sheetnames
    for page in ours:
        for row in page.iter_rows():
            for cell in row:
                other = theirs[page.title].cell(cell.row, cell.column).value
                assert _plain(other) == _plain(cell.value), f"{page.title}!{cell.coordinate}"


def _plain(value: object) -> object:
    if value in (None, ""):
        return None
    if isinstance(value, (int, float)):
        return float(f"{value:.12g}")
    # The escape of an underscore is undone by some readers and kept by others.
    return value.replace("_x005F_", "_") if isinstance(value, str) else value


def _without_cached_values(source: Path, target: Path) -> Path:
    with zipfile.ZipFile(source) as package, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bare:
        for name in package.namelist():
            content = package.read(name)
            if "worksheets/sheet" in name:
                content = re.sub(rb"(<f>[^<]*</f>)<v>[^<]*</v>", rb"\1", content)
            bare.writestr(name, content)
    return target
