"""A mistake in one mapping holds the files of its feed, with the reason, and stops no other partner's file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
from gateway.mapping.lint import lint
from gateway.once import run_books, run_once
from gateway.sql import rows_of
from tests.conftest import NOW
from tests.intake.test_together import shipment
from tests.test_books import GOOD

pytestmark = pytest.mark.usefixtures("hardly_reconciled")

Put = Callable[[str, str, bytes | str], Path]
MAPPING = """feed    = "{partner}.stock"
partner = "{partner}"

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
        "run its expressions: one computes with types that do not go together",
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


PARTNERS = {mistake: mistake.replace(" ", "-").lower() for mistake in MISTAKES}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with a mapping is found only where it is used, as a mistake is that the check does not know."""
    monkeypatch.setattr(lint, "check", lambda *_, **__: [])


def place_of(path: Path, marked: str) -> str:
    """Where the mapping's mistake is, as a fault says it."""
    lines = [number for number, line in enumerate(path.read_text().splitlines(), start=1) if marked and marked in line]
    return f"mappings/{path.parent.name}/{path.name}" + "".join(f":{number}" for number in lines[:1])


def write(folder: Path, parts: dict[str, str], partner: str = "acme") -> Path:
    path = folder / "mappings" / partner / "stock.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(MAPPING.format(**parts, partner=partner))
    return path


def taken(home: Home) -> dict[str, FileResult]:
    """A pass, by the partners and names of the files; without workbooks, which take as long as all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])
        return {f"{file.partner}/{file.name}": file for file in run_once(home).files}


def faults(home: Home) -> list[dict[str, Any]]:
    return list(
        rows_of(
            home.lake.con,
            "select code, message, hint, feed, partner from fault where code = 'FILE_REJECT' order by recorded_at",
        )
    )


@dataclass
class Corrected:
    """A pass over two files of each feed with a mistake and one of another partner; then all mappings are corrected.

    tried     feed → what trying its first file said
    taken     the pass
    faults    feed → its faults after the pass
    again     feed → states of the first file, replayed and released before the correction, replayed after it, and of
              the second, released after it
    """

    tried: dict[str, dict[str, Any]]
    places: dict[str, str]
    taken: dict[str, FileResult]
    faults: dict[str, list[dict[str, Any]]]
    again: dict[str, list[tuple[str, int]]]
    open: int
    verified: list[Any]


def corrected(folder: Path) -> Corrected:
    places = {}
    for mistake, (good, wrong, marked, _) in MISTAKES.items():
        partner = PARTNERS[mistake]
        places[partner] = place_of(write(folder, good | wrong, partner), marked)
        inbound = folder / "inbound" / partner
        inbound.mkdir(parents=True)
        content = CONTENTS[str(good["file"].split('"')[1])]
        (inbound / "stock-1").write_bytes(content)
        (inbound / "stock-2").write_bytes(content.replace(b"SKU-1", b"SKU-2"))
    (folder / "inbound" / "amazon-us").mkdir(parents=True, exist_ok=True)
    (folder / "inbound" / "amazon-us" / "settlement-1.txt").write_text(GOOD)
    with pytest.MonkeyPatch.context() as patch, open_without_check(folder, patch) as opened:
        tried = {}
        for partner in PARTNERS.values():
            loaded = opened.library.mappings[f"{partner}.stock"]
            tried[partner] = attempt(opened, loaded, folder / "inbound" / partner / "stock-1")
        results = taken(opened)
        found = {partner: [one for one in faults(opened) if one["partner"] == partner] for partner in PARTNERS.values()}
        ids = {p: [results[f"{p}/stock-{n}"].file_id for n in (1, 2)] for p in PARTNERS.values()}
        states = {p: [of(again(opened, ids[p][0], force=force)) for force in (False, True)] for p in PARTNERS.values()}
        for mistake, partner in PARTNERS.items():
            write(folder, MISTAKES[mistake][0], partner)
        right = opened.reloaded(opened.settings)
        for partner in PARTNERS.values():
            states[partner] += [
                of(again(right, ids[partner][0], force=False)),
                of(again(right, ids[partner][1], force=True)),
            ]
        run_books(right)
        still = opened.lake.con.execute(
            "select count(*) from exception where code = 'FILE_REJECT' and status = 'OPEN'"
        ).fetchone()
        assert still is not None
        return Corrected(tried, places, results, found, states, still[0], verify.verify(opened.lake))


@contextmanager
def open_without_check(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Home]:
    patch.setattr(lint, "check", lambda *_, **__: [])
    with open_home(folder, now=NOW) as opened:
        yield opened


def of(results: list[FileResult]) -> tuple[str, int]:
    [result] = results
    return result.state, result.accepted


def test_a_mistake_holds_its_feeds_files_alone_until_it_is_corrected(home: Path) -> None:
    done = corrected(home)
    for mistake in MISTAKES:
        _held_alone(done, mistake)
        _tried_as_taken(done, mistake)
    assert done.taken["amazon-us/settlement-1.txt"].state == "ACCEPTED"
    assert len(done.taken) == 2 * len(MISTAKES) + 1
    assert done.open == 0, "once they are corrected, nothing of them is left"
    assert done.verified == []


def _held_alone(corrected: Corrected, mistake: str) -> None:
    partner, said = PARTNERS[mistake], MISTAKES[mistake][3]
    held = [corrected.taken[f"{partner}/stock-{number}"] for number in (1, 2)]
    assert [file.state for file in held] == ["HELD", "HELD"]
    assert list(pending(held)) == held
    assert len(corrected.faults[partner]) == 2
    for fault, file in zip(corrected.faults[partner], held, strict=True):
        assert (fault["code"], fault["feed"]) == ("FILE_REJECT", f"{partner}.stock")
        assert fault["message"].startswith(f"{corrected.places[partner]}: ") and said in fault["message"]
        assert fault["message"] == file.reason
        assert "gateway replay" in fault["hint"] and fault["hint"].count(".") > 1
    assert corrected.again[partner] == [("HELD", 0), ("HELD", 0), ("ACCEPTED", 1), ("ACCEPTED", 1)]


def _tried_as_taken(corrected: Corrected, mistake: str) -> None:
    """Trying a file says what taking it says."""
    partner = PARTNERS[mistake]
    tried, stored = corrected.tried[partner], corrected.taken[f"{partner}/stock-1"]
    assert tried["held"] and stored.state == "HELD"
    assert tried["counts"] == {name: getattr(stored, name) for name in tried["counts"]}
    first = corrected.faults[partner][0]
    assert [(f["message"], f["hint"]) for f in tried["faults"]] == [(first["message"], first["hint"])]


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
        assert states == {"acme/stock-1": "HELD", "amazon-us/settlement-1.txt": "ACCEPTED"}


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
    drop("amazon-us", "settlement-2.txt", GOOD + "x" * (5 << 20))
    with open_home(home, now=NOW) as opened:
        states = {name: file.state for name, file in taken(opened).items()}
        assert states == {
            "acme/stock-1": "HELD",
            "amazon-us/settlement-1.txt": "ACCEPTED",
            "amazon-us/settlement-2.txt": "QUARANTINED",
        }
        assert len([fault for fault in faults(opened) if fault["feed"] == "acme.stock"]) == 1


def test_no_answer_names_a_mistake_that_is_ours(home: Path, drop: Put, unchecked: None) -> None:
    (home / "config.toml").write_text(
        (home / "config.toml").read_text()
        + '\n[partners.acme]\nentity = "US"\nacknowledge = { x12 = "997", application = "824", feedback = "csv" }\n'
    )
    write(home, EDI | {"sku": '"W12/X8"'})
    drop("acme", "stock-1", CONTENTS["x12"])
    with open_home(home, now=NOW) as opened:
        assert taken(opened)["acme/stock-1"].state == "HELD"
        reported = list(
            rows_of(opened.lake.con, "select kind, verdict from acknowledgement_sent where state = 'COMPOSED'")
        )
    assert reported == [{"kind": "997", "verdict": "ACCEPTED"}]


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
