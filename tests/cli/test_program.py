"""The program as a whole: homes that are not sound, help, pipes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import cli
from tests.cli.command import NOW, ROOT, Runner, process


@pytest.mark.parametrize(
    "command",
    [
        ["once"],
        ["status"],
        ["check"],
        ["query", "select 1"],
        ["verify"],
        ["replay", "abc"],
        ["release", "abc"],
        ["generate"],
        ["try", "acme/stock", __file__],
    ],
    ids=lambda command: command[0],
)
def test_without_a_home_a_command_says_so_in_one_line(run: Runner, tmp_path: Path, command: list[str]) -> None:
    done = run(*command, home=tmp_path / "nowhere")
    assert done.code == cli.USAGE
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert "nowhere" in done.err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("command", [["status"], ["query", "select 1"], ["verify"]], ids=lambda command: command[0])
def test_a_home_without_a_ledger_shows_how_to_get_one(run: Runner, tmp_path: Path, command: list[str]) -> None:
    run("init", home=tmp_path)
    done = run(*command, home=tmp_path)
    assert (done.code, done.out) == (cli.USAGE, "")
    assert "gateway once" in done.err


def test_every_fault_of_the_configuration_is_reported_at_once(mine: Runner) -> None:
    with (mine.home / "config.toml").open("a") as file:
        file.write('\n[entities.XX]\ncurrency = "dollars"\n\n[limits]\nrows_per_file = 3\n')
    done = mine("once")
    assert done.code == cli.USAGE
    assert "entities.XX.currency" in done.err
    assert "limits.rows_per_file" in done.err


def test_help_names_every_command() -> None:
    done = process("--help")
    named = {
        "init",
        "once",
        "run",
        "status",
        "check",
        "try",
        "query",
        "verify",
        "backup",
        "replay",
        "release",
        "notify",
        "generate",
        "demo",
    }
    assert done.returncode == 0
    assert named <= set(re.findall(r"\w+", done.stdout))


def printed(code: str, *arguments: str) -> str:
    """What a new process prints that runs this code."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout


def test_a_command_does_not_wait_for_the_rooms_of_others_to_load() -> None:
    rooms = ["cli.mappings", "ledger.lake", "books.feeds", "mapping.library.load", "reports.files"]
    imported = ", ".join(f"gateway.{room}" for room in rooms)
    script = f"import sys, {imported}; print(*(name for name in sys.argv[1:] if name in sys.modules))"
    slow = [
        "gateway.home",
        "gateway.formats",
        "gateway.mapping.lint",
        "gateway.notifications",
        "sqlglot",
        "xlsxwriter",
        "lxml",
        "pyarrow",
        "structlog",
    ]
    assert printed(script, *slow).split() == []


def test_the_program_in_a_pipe_keeps_answers_and_errors_apart(settled: Path, tmp_path: Path) -> None:
    answer = process("-C", str(settled), "query", "select sku from item", "--format", "csv")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, 'sku\n"MUG-BLUE"\n', "")
    refused = process("status", cwd=tmp_path)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (cli.USAGE, "", 1)


ENGINE = ["gateway.home", "gateway.formats", "gateway.readers", "gateway.mapping.lint.lint", "gateway.books.rules"]
"""What reads files and posts; each brings SQL grammars, formats or rules with it."""
WRITERS = ["gateway.workbooks.write", "gateway.notifications.notifier", "gateway.suggest", "xlsxwriter", "structlog"]


@pytest.mark.parametrize(
    ("commands", "unwanted"),
    [
        ([["--help"], ["tables"], ["fields", "item"], ["notify"]], ["duckdb", "pyarrow", "numpy"]),
        (
            [
                ["query", "select now()"],
                ["trace", "x"],
                ["stock"],
                ["status"],
                ["show", "x"],
                ["verify"],
                ["maintain"],
            ],
            ["pyarrow", "numpy"],
        ),
    ],
    ids=["without the ledger", "with the ledger"],
)
def test_a_command_loads_only_what_it_needs(mine: Runner, commands: list[list[str]], unwanted: list[str]) -> None:
    unwanted = [*unwanted, *ENGINE, *WRITERS, "sqlglot", "lxml", "openpyxl", "python_calamine", "rapidfuzz"]
    code = f"""import sys
from gateway.cli import main
for arguments in {commands!r}:
    sys.argv = ["gateway", "-C", {str(mine.home)!r}, *arguments]
    try: main()
    except SystemExit: pass
    print("LOADED", arguments[0], [name for name in {unwanted!r} if name in sys.modules])"""
    loaded = [line for line in printed(code).splitlines() if line.startswith("LOADED")]
    assert loaded == [f"LOADED {arguments[0]} []" for arguments in commands]


OTHERS = ["gateway.formats.bank", "gateway.formats.workbook", "gateway.formats.tree", "lxml", "xlsxwriter", "xlrd"]
"""What reads and draws files of kinds that no mapping of this home names, and that are not to be written."""
IDLE = f"""import sys
from gateway import readers
from gateway.cli import main
sys.argv = ["gateway", "-C", *sys.argv[1:]]
try: main()
except SystemExit: pass
print(readers._elsewhere.process.is_there, [name for name in {OTHERS} if name in sys.modules])"""


def test_a_pass_with_nothing_to_take_starts_no_reader_and_loads_no_other_format(mine: Runner) -> None:
    assert printed(IDLE, str(mine.home), "once", "--now", NOW).splitlines()[-1] == "False []"
