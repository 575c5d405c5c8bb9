"""A home after one pass, and commands run at it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway import cli
from gateway.mapping.library import load
from tests.cli.command import GOOD, HELD, ITEMS, NOW, SAMPLES, Runner, process


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one pass: items, a settlement that posted, one that is held."""
    home = tmp_path_factory.mktemp("settled") / "home"
    assert process("-C", str(home), "init", "--with-examples").returncode == 0
    for mapping in (home / "mappings").glob("*/*.toml"):
        if mapping.parent.name not in load.PASSIVE and mapping.stem not in ("settlement", "orders", "items"):
            mapping.unlink()
    shutil.rmtree(home / "mappings" / "amazon-de")
    (home / "inbound" / "master-data" / "items.csv").write_text(ITEMS)
    for name in (GOOD, HELD):
        shutil.copyfile(SAMPLES / name, home / "inbound" / "amazon-us" / name)
    done = process("-C", str(home), "once", "--now", NOW)
    (home / "printed.txt").write_text(done.stdout)
    assert (done.returncode, done.stderr) == (cli.PERSON, "")
    return home


@pytest.fixture
def run(settled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    """Runs commands at the settled home, which they must not change."""
    return Runner(settled, monkeypatch, capsys)


@pytest.fixture
def mine(run: Runner, settled: Path, tmp_path: Path) -> Runner:
    """Runs commands at a copy of the settled home, which they may change."""
    shutil.copytree(settled, tmp_path / "home")
    return Runner(tmp_path / "home", run.monkeypatch, run.capsys)
