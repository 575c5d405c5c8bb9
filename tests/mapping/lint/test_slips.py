"""Slips in mappings: what `check` lets pass must not fail when a file is read. `MUTATIONS` says how many are tried."""

from __future__ import annotations

import os
import random
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import init as homes
from gateway.errors import FileError
from gateway.home import Home, open_samples
from gateway.intake.attempt import attempt
from gateway.mapping.library import load, samples
from gateway.mapping.lint import lint

SLIPS = int(os.environ.get("MUTATIONS", "40"))
_TOKEN = re.compile(r"[A-Za-z_]+|\d+|[^\sA-Za-z_0-9]")
_INSERTED = (
    "sum",
    "upper",
    "date",
    "true",
    "0",
    "-1",
    "1e400",
    "''",
    "null",
    "and",
    "not",
    "=",
    "(",
    ")",
    "/",
    "||",
    '\\"X\\"',
    "sku",
    "[",
    "]",
    ".",
    "..",
    ",",
    "'",
    "@",
    "#",
    "%",
    " ",
    "{",
    "é",
    "case when 1 then 2 end",
    "9/0",
)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("slips") / "home"
    homes.lay_down(folder, examples=True)
    with open_samples(folder) as home:
        yield home


def slip(random_: random.Random, text: str) -> str:
    """The text of a mapping with a token of one value left out, put in or taken from elsewhere; still TOML."""
    lines = text.split("\n")
    numbers = [n for n, line in enumerate(lines) if re.search(r"=.*[\"']", line) and not line.lstrip().startswith("#")]
    while True:
        number = random_.choice(numbers)
        key, _, value = lines[number].partition("=")
        tokens = [found.span() for found in _TOKEN.finditer(value)]
        (begin, end), (other, behind) = random_.choice(tokens), random_.choice(tokens)
        put = random_.choice(("", random_.choice(_INSERTED), value[other:behind]))
        kept = random_.choice((begin, end))
        changed = f"{key}={value[:kept]}{put}{value[end:]}"
        whole = "\n".join([*lines[:number], changed, *lines[number + 1 :]])
        try:
            tomllib.loads(whole)
        except tomllib.TOMLDecodeError:
            continue
        if whole != text:
            return whole


def test_what_check_lets_pass_reads_the_sample(opened: Home) -> None:
    root = opened.folder / "mappings"
    packs = [path for path in sorted(root.glob("standard/*/*.toml")) if samples.samples(path)]
    random_, passed = random.Random(SLIPS), 0
    for _ in range(SLIPS):
        path = random_.choice(packs)
        before, sample = path.read_text(), samples.samples(path)[0]
        changed = slip(random_, before)
        path.write_text(changed)
        loaded, faults = load.load_file(path, root)
        if loaded is not None and not faults and not lint.check(loaded, opened.library.lookups):
            passed += 1
            reads(opened, loaded, sample, changed)
        path.write_text(before)
    assert passed >= SLIPS // 8


def test_an_unreadable_expression_is_a_fault_beside_a_key_that_is_no_field(opened: Home) -> None:
    path = opened.folder / "mappings" / "standard" / "amazon" / "orders.toml"
    before = path.read_text()
    path.write_text(before.replace('expr = "lower(', 'expr = ",('))
    try:
        loaded, _ = load.load_file(path, opened.folder / "mappings")
        assert loaded is not None
        faults = lint.check(loaded, opened.library.lookups)
    finally:
        path.write_text(before)
    assert any('cannot be read as an expression at ","' in fault.message for fault in faults)


def reads(home: Home, loaded: load.Loaded, sample: Path, text: str) -> None:
    """The sample is read; rows and the file may be faulty by such a mapping, the mapping itself must not be."""
    try:
        outcome = attempt(home, loaded, sample)
    except FileError:
        return
    ours = [fault for fault in outcome["faults"] if fault["message"].startswith("mappings/")]
    assert not ours, f"{loaded.name}: {ours}\n{text}"


@pytest.mark.parametrize("seed", range(20))
def test_a_slip_is_one_change_that_is_still_toml(seed: int) -> None:
    text = 'a = "x(y)"\nb = { expr = "upper(z)" }\n'
    changed = slip(random.Random(seed), text)
    assert changed != text
    assert len(changed.split("\n")) == 3
