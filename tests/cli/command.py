"""Running the command `gateway` in tests: in this process, or in one of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway import cli

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "mappings" / "standard" / "amazon" / "samples"
GOOD, HELD = "settlement-v2.txt", "settlement-v2-off-by-ten.txt"
NOW = "2026-11-05T08:00:00Z"
ITEMS = "sku,name,standard-cost\nMUG-BLUE,Mug,4.00\n"


@dataclass(frozen=True, slots=True)
class Result:
    """What a command printed, and the code it ended with."""

    code: int
    out: str
    err: str


class Runner:
    """Runs `gateway -C home …` in this process, as its entry point does."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self.monkeypatch, self.capsys = home, monkeypatch, capsys

    def __call__(self, *arguments: str, home: Path | None = None) -> Result:
        self.monkeypatch.setattr(sys, "argv", ["gateway", "-C", str(home or self.home), *arguments])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
            sys.exit(0)
        printed = self.capsys.readouterr()
        code = ended.value.code
        return Result(code if isinstance(code, int) else 0, printed.out, printed.err)


def process(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, its output in pipes."""
    program = [sys.executable, "-c", "from gateway.cli import main; main()", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(program, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder with a digest of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def file_ids(run: Runner) -> dict[str, str]:
    found = json.loads(run("query", "select name, file_id from file_state", "--format", "json").out)
    return {row["name"]: row["file_id"] for row in found}
