"""Every command that the pages show is one that the program takes, with its options and arguments."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.exceptions import TyperException
from typer.main import get_command

from gateway.cli import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"(?:^\s*|/)gateway ((?:-C \S+ )?[a-z]+(?=\s|$).*)")
PROGRAM: Any = get_command(app)


def shown(page: str) -> list[str]:
    """What stands behind `gateway` in the blocks and in the quoted words of a page."""
    quoted = re.findall(r"`(gateway [a-z-][^`\n]*)`", BLOCK.sub("", page))
    lines = [line for block in BLOCK.findall(page) for line in block.splitlines() if "podman" not in line]
    return [found[1].strip() for text in (*quoted, *lines) if (found := SHOWN.search(text))]


def refused(command: str) -> str:
    """Why the program does not take the command; "" if it does. Nothing is run."""
    words = shlex.split(command.replace("…", ""), comments=True)
    try:
        with PROGRAM.make_context("gateway", words, resilient_parsing=True) as context:
            context.resilient_parsing = False  # What is unknown is refused from here on.
            _, known, rest = PROGRAM.resolve_command(context, [*context._protected_args, *context.args])
            _, left, _ = known.make_parser(known.context_class(known)).parse_args(rest)
            return f"{left} is too much" if left else ""
    except TyperException as error:
        return str(error)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_program_takes_what_the_page_shows(page: Path) -> None:
    assert [
        (command, wrong) for command in shown(page.read_text(encoding="utf-8")) if (wrong := refused(command))
    ] == []


def test_make_has_every_target_that_a_page_shows() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named >= {"demo", "test"} and named - targets == set()


def test_the_first_page_shows_the_commands_of_every_day() -> None:
    names = {re.sub(r"^-C \S+ ", "", command).split()[0] for command in shown(PAGES[0].read_text(encoding="utf-8"))}
    assert names >= {"init", "run", "once", "status", "try", "check", "query", "verify", "backup", "replay", "release"}


@pytest.mark.parametrize("command", ["nonsense", "try --nonsense FILE", "verify ONE TWO THREE"])
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    assert refused(command)
