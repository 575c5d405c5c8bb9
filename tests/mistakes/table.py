"""The table of mistakes: what is edited in a good home, the command that meets it, and the right message."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xlsxwriter

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake that people make.

    chapter  what kind of mistake it is
    title    what is wrong, for people
    edits    what is done to the files of a good home, one after another; paths are below it
    run      the command that meets it, without "gateway"
    message  what the command then says
    while_   what holds meanwhile, a name of CIRCUMSTANCES in `running`; "" for nothing
    """

    chapter: str
    title: str
    edits: Sequence[Mapping[str, Any]]
    run: str
    message: str
    while_: str = ""

    def make(self, home: Path) -> None:
        """Make it in a home."""
        for edit in self.edits:
            _edit(home, edit)


def read() -> list[Mistake]:
    """All mistakes of table/*.toml, in order. What `file` and `run` a mistake lacks is that of its chapter."""
    found = []
    for path in sorted((HERE / "table").glob("*.toml")):
        chapter = tomllib.loads(path.read_text(encoding="utf-8"))
        for each in chapter["mistake"]:
            file = each.get("file", chapter["file"])
            edits = [{"file": file, **edit} for edit in each["edits"]]
            run = each.get("run", chapter["run"])
            message, while_ = each.get("message", "").strip("\n"), each.get("while", "")
            found.append(Mistake(chapter["title"], each["title"], edits, run, message, while_))
    return found


def _edit(home: Path, edit: Mapping[str, Any]) -> None:
    """One edit: `remove`, `mode`, `cells` of a `sheet`, or the text that the other keys make of the file's."""
    path = home / edit["file"]
    if "remove" in edit:
        path.unlink()
    elif "mode" in edit:
        path.chmod(edit["mode"])
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        if "cells" in edit:
            _write_workbook(path, edit)
        else:
            path.write_bytes(_text(home, edit).encode(edit.get("encoding", "utf-8")))


def _text(home: Path, edit: Mapping[str, Any]) -> str:
    source = home / edit.get("from", edit["file"])
    text = str(edit["text"]) if "text" in edit else source.read_text(encoding="utf-8")
    if "old" in edit:
        assert edit["old"] in text, f"{edit['file']} lacks {edit['old']!r}"
        text = text.replace(edit["old"], edit["new"], 1)
    return f"{edit.get('prepend', '')}{text}{edit.get('append', '')}"


def _write_workbook(path: Path, edit: Mapping[str, Any]) -> None:
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        sheet = book.add_worksheet(edit.get("sheet"))
        for number, cells in enumerate(edit["cells"]):
            sheet.write_row(number, 0, cells)
