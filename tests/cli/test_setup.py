"""Making homes: `init`, `generate`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway import cli, first_settings, settings
from gateway.mapping.library import load
from tests.cli.command import Runner, content


def test_init_lays_down_a_home_that_can_be_used(run: Runner, tmp_path: Path) -> None:
    done = run("init", home=tmp_path / "new")
    assert done.code == 0
    assert (tmp_path / "new" / "config.toml").is_file()
    assert {"inbound", "outbound", "ledger", "mappings"} <= {path.name for path in (tmp_path / "new").iterdir()}
    config = settings.load(tmp_path / "new")
    assert (list(config.entities), config.partners, config.channels) == (["MAIN"], {}, {})
    assert run("check", home=tmp_path / "new").code == 0
    # Without examples no partner is active.
    partners = [p.name for p in (tmp_path / "new" / "mappings").iterdir() if p.is_dir()]
    assert sorted(set(partners) - set(load.PASSIVE)) == []


def test_init_with_examples_makes_their_partners_active(run: Runner, tmp_path: Path) -> None:
    run("init", "--with-examples", home=tmp_path)
    assert (tmp_path / "mappings" / "amazon-us" / "settlement.toml").is_file()
    assert (tmp_path / "inbound" / "amazon-us").is_dir()


def test_what_the_first_settings_comment_out_can_be_used(tmp_path: Path) -> None:
    """Every line of an example is one that may be put in force: without its mark the settings are still right."""
    text = re.sub(r"^# (?=[a-z_]+ = |\[)", "", first_settings.TEXT, flags=re.MULTILINE)
    (tmp_path / "config.toml").write_text(text)
    config = settings.load(tmp_path)
    assert (list(config.partners), list(config.channels), config.sftp[0].name) == (["acme"], ["web-shop"], "acme")


def test_init_overwrites_nothing(run: Runner, tmp_path: Path) -> None:
    mapping = tmp_path / "mappings" / "standard" / "x12" / "945.toml"
    mapping.parent.mkdir(parents=True)
    mapping.write_text("mine")
    (tmp_path / "config.toml").write_text("also mine")
    (tmp_path / "notes.txt").write_text("a stranger")
    assert run("init", "--with-examples", home=tmp_path).code == 0
    assert mapping.read_text() == "mine"
    assert (tmp_path / "config.toml").read_text() == "also mine"
    assert (tmp_path / "notes.txt").read_text() == "a stranger"
    before = content(tmp_path)
    assert run("init", "--with-examples", home=tmp_path).out.startswith("0 files written")
    assert content(tmp_path) == before


def test_init_where_a_file_stands_is_reported_in_one_line(run: Runner, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    done = run("init", home=tmp_path / "home")
    assert (done.code, done.err.count("\n")) == (cli.USAGE, 1)


def test_generate_writes_drops_and_the_truth_and_names_the_next_command(mine: Runner) -> None:
    done = mine("generate", "--days", "7", "--orders-per-day", "5", "--seed", "3")
    assert done.code == cli.DONE
    assert (mine.home / "truth.csv").is_file()
    assert (mine.home / "inbound" / "master-data" / "items.csv").is_file()
    assert re.search(r"once --now \d{4}-", done.out)


@pytest.mark.parametrize("arguments", [["--days", "1"], ["--orders-per-day", "0"], ["--seed", "x"]])
def test_generate_refuses_sizes_that_make_no_business(run: Runner, arguments: list[str]) -> None:
    assert run("generate", *arguments).code == cli.USAGE
