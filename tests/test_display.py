"""Text of strangers on terminals, in logs, in tables and in CSV."""

from __future__ import annotations

import csv
import io
import json
import sys
from decimal import Decimal

import pytest
import structlog

from gateway.cli.output import Screen
from gateway.csv_text import csv_text
from gateway.display import visible
from gateway.log import log

HOSTILE = "a\x1b[31m\u202egpj.exe\u200b\x9b\ufeff\u2028\udce9"
SEEN = r"a\x1b[31m\u202egpj.exe\u200b\x9b\ufeff\u2028\udce9"


@pytest.mark.parametrize(
    ("text", "seen"), [(HOSTILE, SEEN), ("Größe 注文 🙂 €", "Größe 注文 🙂 €"), ("a\nb\r", r"a\nb\r")]
)
def test_what_cannot_be_seen_is_escaped(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_a_terminal_gets_no_control_character_of_a_stranger() -> None:
    sink = io.StringIO()
    screen = Screen(file=sink, force_terminal=True, width=200, soft_wrap=True, highlight=False)
    screen.print(f"file {HOSTILE}\nnext")
    assert sink.getvalue() == f"file {SEEN}\nnext\n"


def test_a_log_gets_no_control_character_of_a_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = io.StringIO()
    monkeypatch.setattr(sys, "stderr", sink)
    log.to_stderr(terminal=False)
    try:
        log.warning("file.taken", name=HOSTILE, names=[HOSTILE], counts={"a": 1})
    finally:
        structlog.reset_defaults()
    event = json.loads(sink.getvalue())
    assert (event["name"], event["names"], event["counts"]) == (SEEN, [SEEN], {"a": 1})


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("a;=1+1", "a;'=1+1"),
        ("a\t@x", "a\t'@x"),
        ("a,  -x", "a,'  -x"),
        ("-1.50", "-1.50"),
        ("-1+2", "'-1+2"),
        ("a|+x", "a|'+x"),
        ("a\r=1", "a\n'=1"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a-b", "a-b"),
        ('say "x"', 'say "x"'),
    ],
)
def test_csv_holds_no_formula_behind_any_separator_and_no_lone_carriage_return(text: str, cell: str) -> None:
    written = csv_text(("name", "amount", "none"), [(text, Decimal("-1.50"), None)], "\n")
    assert list(csv.reader(io.StringIO(written, newline=""))) == [["name", "amount", "none"], [cell, "-1.50", ""]]
    assert written.splitlines()[1].startswith('"') and written.endswith(',-1.50,""\n') and "\r" not in written
