"""docs/first-day.md, run from top to bottom: every file as it is shown, every command with the lines that it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.command import Runner

PAGE = Path(__file__).parents[1] / "docs" / "first-day.md"
BLOCK = re.compile(
    r"^```(?:toml|text) (file|replace)=(\S+?)(?: line=(\w+))?\n(.*?)^```|^```console\n(.*?)^```", re.M | re.S
)


def bare(line: str) -> str:
    return " ".join(line.split())


def test_the_first_day_goes_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    run = Runner(home, monkeypatch, capsys)
    commands = 0
    for kind, name, word, text, console in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        path = home / name
        if kind == "file":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif kind == "replace":
            lines = path.read_text(encoding="utf-8").splitlines()
            (at,) = (number for number, line in enumerate(lines) if re.match(rf"(# TODO )?{word}\b", line))
            path.write_text("\n".join([*lines[:at], text.rstrip(), *lines[at + 1 :], ""]), encoding="utf-8")
        for command in re.split(r"^\$ gateway ", console, flags=re.M)[1:]:
            asked, *shown = command.splitlines()
            done = run(*shlex.split(asked))
            # The page's reader stands in the home.
            seen = (done.out + done.err).replace(f"{home}/", "").replace(f" -C {home}", "")
            printed = [bare(line) for line in seen.splitlines()]
            assert [line for line in shown if not any(bare(line) in one for one in printed)] == [], (asked, seen)
            commands += 1
    assert commands == 13
