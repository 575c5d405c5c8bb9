"""A mistake in one mapping holds the files of its feed, with the reason, and stops no other partner's file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import cli
from gateway.errors import FeedError, HouseError
from gateway.home import Home, open_home
from gateway.intake.again import again
from gateway.intake.attempt import attempt
from gateway.intake.result import FileResult, pending
from gateway.intake.take import Intake
from gateway.ledger import verify
from gateway.mapping.library import load
from gateway.once import run_books, run_once
from gateway.sql import rows_of
from tests.conftest import NOW
from tests.intake.test_together import shipment
from tests.test_books import GOOD

Put = Callable[[str, str, bytes | str], Path]
MAPPING = """feed    = "acme.stock"
partner = "acme"

[file]
{file}

[[record]]
type = "inventory_snapshot"
key  = ["location", "sku"]
{each}
[record.fields]
location = {{ constant = "MAIN" }}
as_of    = {{ constant = "2026-11-01T00:00:00Z" }}
scope    = {{ constant = "FULL" }}
status   = {{ constant = "AVAILABLE" }}
sku      = {sku}
qty      = {qty}
"""
TABLE = {"file": 'format = "delimited"', "each": "", "sku": '"sku"', "qty": '"qty"'}
JSON = {"file": 'format = "json"', "each": 'each = "rows"', "sku": '"sku"', "qty": '"qty"'}
XML = {"file": 'format = "xml"', "each": 'each = "//row"', "sku": '"sku"', "qty": '"qty"'}
EDI = {
    "file": 'format = "x12"\ntransaction = "945"',
    "each": 'each = "LX/W12"',
    "sku": '"W12/08"',
    "qty": '{ from = "W12/03", type = "decimal" }',
}
CONTENTS: dict[str, bytes] = {
    "delimited": b"sku,qty\nSKU-1,5\n",
    "json": b'{"rows": [{"sku": "SKU-1", "qty": "5"}]}',
    "xml": b"<stock><row><sku>SKU-1</sku><qty>5</qty></row></stock>",
    "x12": shipment(1, "SKU-1"),
}

MISTAKES: dict[str, tuple[dict[str, str], dict[str, str], str, str]] = {
    "an option": (TABLE, {"file": 'format = "delimited"\ncolour = "red"'}, "format =", "colour"),
    "an encoding": (TABLE, {"file": 'format = "delimited"\nencoding = "klingon"'}, "format =", "klingon"),
    "a lookup that is gone": (TABLE, {"sku": '{ lookup = "skus", on = ["sku"] }'}, "lookup =", "find lookup skus"),
    "a function": (TABLE, {"qty": '{ expr = "no_such(1)" }'}, "no_such", "there is no function no_such()"),
    "a field": (TABLE, {"qty": '{ expr = "skuu" }'}, "skuu", "compile expression skuu"),
    "types that do not go together": (
        TABLE,
        {"qty": '{ expr = "sku - location" }'},
        "",
        "run its expressions: Binder Error",
    ),
    "a circle": (
        TABLE,
        {"qty": '"qty"\n_a = { expr = "_b" }\n_b = { expr = "_a" }'},
        "feed ",
        "fields need one another",
    ),
    "an element path": (EDI, {"sku": '"W12/X8"'}, "X8", "read element path W12/X8"),
    "an element path of a helper": (EDI, {"qty": '"W12/03"\n_x = "W12["'}, "_x", "read element path W12["),
    "what a row is in an interchange": (EDI, {"each": 'each = "lx w12"'}, "lx w12", "read each lx w12"),
    "a path in a document": (XML, {"sku": '"row[1"'}, "row[1", "read path row[1"),
    "what a row is in a document": (XML, {"each": 'each = "//"'}, "each =", "read each //"),
    "a key in JSON": (JSON, {"each": 'each = "rows//x"'}, "each =", "read each rows//x"),
}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with a mapping is found only where it is used, as a mistake is that the check does not know."""
    monkeypatch.setattr(load.lint, "check", lambda *_, **__: [])


def place_of(path: Path, marked: str) -> str:
    """Where the mapping's mistake is, as a fault says it."""
    lines = [number for number, line in enumerate(path.read_text().splitlines(), start=1) if marked and marked in line]
    return f"mappings/acme/{path.name}" + "".join(f":{number}" for number in lines[:1])


def write(folder: Path, parts: dict[str, str]) -> Path:
    path = folder / "mappings" / "acme" / "stock.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(MAPPING.format(**parts))
    return path


def taken(home: Home) -> dict[str, FileResult]:
    """A pass, by the names of the files; without workbooks, which take as long as all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])
        return {file.name: file for file in run_once(home).files}


def faults(home: Home) -> list[dict[str, Any]]:
    return list(
        rows_of(home.lake.con, "select code, message, hint, feed, partner from fault where code = 'FILE_REJECT'")
    )


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_holds_its_feeds_files_alone_until_it_is_corrected(
    home: Path, drop: Put, mistake: str, unchecked: None
) -> None:
    good, wrong, marked, said = MISTAKES[mistake]
    place = place_of(write(home, good | wrong), marked)
    kind = str(good["file"].split('"')[1])
    drop("acme", "stock-1", CONTENTS[kind])
    drop("acme", "stock-2", CONTENTS[kind].replace(b"SKU-1", b"SKU-2"))
    drop("amazon-us", "settlement-1.txt", GOOD)
    with open_home(home, now=NOW) as opened:
        files = taken(opened)
        assert {name: file.state for name, file in files.items()} == {
            "stock-1": "HELD", "stock-2": "HELD", "settlement-1.txt": "ACCEPTED",
        }  # fmt: skip
        assert {file.name for file in pending(list(files.values()))} == {"stock-1", "stock-2"}
        for fault in faults(opened):
            assert (fault["code"], fault["feed"], fault["partner"]) == ("FILE_REJECT", "acme.stock", "acme")
            assert fault["message"].startswith(f"{place}: ") and said in fault["message"]
            assert "gateway replay" in fault["hint"] and fault["hint"].count(".") > 1
        assert len(faults(opened)) == 2
        held = [files["stock-1"], files["stock-2"]]
        assert all(faults(opened)[0]["message"] in file.reason or said in file.reason for file in held)
        assert [again(opened, held[0].file_id, force=force)[0].state for force in (False, True)] == ["HELD"] * 2
        write(home, good)
        corrected = opened.reloaded(opened.settings)
        [replayed] = again(corrected, held[0].file_id, force=False)
        [released] = again(corrected, held[1].file_id, force=True)
        assert (replayed.state, replayed.accepted) == (released.state, released.accepted) == ("ACCEPTED", 1)
        run_books(corrected)
        assert (
            list(rows_of(opened.lake.con, "select 1 from exception where code = 'FILE_REJECT' and status = 'OPEN'"))
            == []
        )
        assert verify.verify(opened.lake) == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_trying_a_file_says_what_taking_it_says(home: Path, drop: Put, mistake: str, unchecked: None) -> None:
    good, wrong, *_ = MISTAKES[mistake]
    path = write(home, good | wrong)
    file = drop("acme", "stock-1", CONTENTS[str(good["file"].split('"')[1])])
    with open_home(home, now=NOW) as opened:
        loaded = opened.library.at(path)
        assert loaded is not None
        tried = attempt(opened, loaded, file)
        stored = taken(opened)["stock-1"]
        assert tried["held"] and stored.state == "HELD"
        assert tried["counts"] == {name: getattr(stored, name) for name in tried["counts"]}
        assert [(f["message"], f["hint"]) for f in tried["faults"]] == [
            (f["message"], f["hint"]) for f in faults(opened)
        ]


def test_a_lookup_that_vanishes_while_the_gateway_runs(home: Path, drop: Put) -> None:
    lookup = home / "mappings" / "lookups" / "skus.csv"
    lookup.write_text("code,sku\nC-1,SKU-1\n")
    write(home, TABLE | {"sku": '{ lookup = "skus", on = ["sku"] }'})
    drop("acme", "stock-1", "sku,qty\nC-1,5\n")
    drop("amazon-us", "settlement-1.txt", GOOD)
    with open_home(home, now=NOW) as opened:
        lookup.unlink()
        reloaded = opened.reloaded(opened.settings)
        assert [fault.file for fault in reloaded.library.faults] == ["mappings/acme/stock.toml"]
        states = {name: file.state for name, file in taken(reloaded).items()}
        assert states == {"stock-1": "HELD", "settlement-1.txt": "ACCEPTED"}


def test_where_one_feed_of_an_interchange_is_wrong_the_other_takes_its_sets(
    home: Path, drop: Put, unchecked: None
) -> None:
    mapping = home / "mappings" / "3pl-east" / "846.toml"
    mapping.write_text(mapping.read_text() + '\n[[record]]\ntype = "inventory_snapshot"\neach = "no loop"\n')
    both = shipment(1, "SKU-1") + shipment(2, "SKU-1").replace(b"ST*945", b"ST*846")
    drop("3pl-east", "both.edi", both)
    with open_home(home, now=NOW) as opened:
        results = run_once(opened).files
    assert sorted((file.feed, file.state) for file in results) == [
        ("3pl-east.846", "HELD"),
        ("3pl-east.945", "ACCEPTED"),
    ]


def test_a_file_that_cannot_be_read_beside_one_that_is_held_is_still_set_aside(
    home: Path, drop: Put, unchecked: None
) -> None:
    write(home, TABLE | {"qty": '{ expr = "no_such(1)" }'})
    drop("acme", "stock-1", "sku,qty\nSKU-1,5\n")
    drop("amazon-us", "settlement-1.txt", GOOD)
    drop("amazon-us", "settlement-2.txt", b"settlement-id\n\xff\xfe\x00" + b"\x00" * 99)
    with open_home(home, now=NOW) as opened:
        states = {name: file.state for name, file in taken(opened).items()}
        assert states == {"stock-1": "HELD", "settlement-1.txt": "ACCEPTED", "settlement-2.txt": "QUARANTINED"}
        assert len([fault for fault in faults(opened) if fault["feed"] == "acme.stock"]) == 1


def test_the_partner_is_not_told_of_a_mistake_that_is_ours(home: Path, drop: Put, unchecked: None) -> None:
    (home / "config.toml").write_text(
        (home / "config.toml").read_text()
        + '\n[partners.acme]\nentity = "US"\nacknowledge = { x12 = "997", application = "824", feedback = "csv" }\n'
    )
    write(home, EDI | {"sku": '"W12/X8"'})
    drop("acme", "stock-1", CONTENTS["x12"])
    with open_home(home, now=NOW) as opened:
        assert taken(opened)["stock-1"].state == "HELD"
        told = list(rows_of(opened.lake.con, "select kind, verdict from acknowledgement_sent where state = 'COMPOSED'"))
    assert told == [{"kind": "997", "verdict": "ACCEPTED"}]


def test_the_command_prints_the_held_file_and_ends_with_1(
    home: Path, drop: Put, unchecked: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = place_of(write(home, EDI | {"sku": '"W12/X8"'}), "X8")
    file = drop("acme", "stock-1", CONTENTS["x12"])
    for command in (["try", "acme/stock", str(file), "--json"], ["once", "--json"]):
        monkeypatch.setattr("sys.argv", ["gateway", "-C", str(home), *command])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 1
        out = json.loads(capsys.readouterr().out)
        assert f"{place}: read element path W12/X8" in json.dumps(out)


def test_an_error_of_the_house_is_still_no_error_of_a_feed(
    home: Path, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("amazon-us", "settlement-1.txt", GOOD)
    with open_home(home, now=NOW) as opened:
        error = HouseError("commit to", "the ledger", "Wait for it.", "it is locked")
        monkeypatch.setattr(Home, "commit", lambda *_: (_ for _ in ()).throw(error))
        with pytest.raises(HouseError, match="commit to the ledger") as raised:
            list(Intake(opened).take(Intake(opened).in_order([])))
            taken(opened)
        assert not isinstance(raised.value, FeedError)
