"""Questions to the ledger: `status`, `stock`, `trace`, `query`."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest

from gateway import __version__, cli
from gateway.model import TABLES
from tests.cli.command import HELD, ITEMS, NOW, Runner


def test_trace_leads_from_a_line_of_the_journal_to_the_line_of_the_file(run: Runner) -> None:
    (entry,) = json.loads(run("query", "select min(entry_id) as id from journal_line", "--format", "json").out)
    rows = json.loads(run("trace", entry["id"], "--json").out)
    assert {(row["kind"], row["partner"]) for row in rows} == {("journal line", "amazon-us")}
    assert all(re.fullmatch(r"line \d+", row["position"]) and row["file"] and row["record_id"] for row in rows)
    assert rows[0]["position"] in run("trace", rows[0]["record_id"]).out
    held = next(row for row in json.loads(run("status", "--json").out)["needs a person"])
    assert [row["file"] for row in json.loads(run("trace", held["file_id"], "--json").out)] == [HELD]
    done = run("trace", "nothing")
    assert (done.code, done.out, done.err.count("\n")) == (cli.USAGE, "", 1)


def test_stock_is_that_of_the_view(mine: Runner) -> None:
    assert json.loads(mine("stock", "--json").out) == []
    mappings = mine.home / "mappings"
    shutil.copytree(mappings / "examples" / "own-warehouse", mappings / "own-warehouse", dirs_exist_ok=True)
    sample = mappings / "standard" / "csv" / "samples" / "opening-stock.csv"
    inbound = mine.home / "inbound" / "own-warehouse"
    inbound.mkdir(exist_ok=True)
    shutil.copyfile(sample, inbound / "opening-stock.csv")
    mine("once", "--now", NOW)
    rows = json.loads(mine("stock", "--json").out)
    counted = json.loads(mine("query", "select sku, location, status, qty from stock", "--format", "json").out)
    assert rows and sorted((r["sku"], r["location"], r["status"], r["qty"]) for r in rows) == sorted(
        (r["sku"], r["location"], r["status"], r["qty"]) for r in counted
    )
    first = rows[0]
    some = json.loads(mine("stock", "--sku", first["sku"], "--location", first["location"], "--json").out)
    assert some and {(row["sku"], row["location"]) for row in some} == {(first["sku"], first["location"])}
    assert first["qty"] in mine("stock").out


def test_query_prints_a_table_csv_or_json(run: Runner) -> None:
    sql = "select canonical_class, sum(amount) as amount from settlement_line group by 1 order by 1 limit 2"
    expected = [
        {"canonical_class": "advertising", "amount": "-45.1100"},
        {"canonical_class": "commission", "amount": "-21.0000"},
    ]
    assert json.loads(run("query", sql, "--format", "json").out) == expected
    assert list(csv.DictReader(io.StringIO(run("query", sql, "--format", "csv").out))) == expected
    assert run("query", sql).out.splitlines()[1].split() == ["advertising", "-45.1100"]


def test_query_gives_identifiers_days_and_blanks_as_plain_values(run: Runner) -> None:
    sql = "select source_key, deposit_date, payout_ref from settlement"
    (row,) = json.loads(run("query", sql, "--format", "json").out)
    assert re.fullmatch(r"[0-9a-f-]{36}", row["source_key"])
    assert (row["deposit_date"], row["payout_ref"]) == ("2026-11-04", None)


def test_query_without_rows_still_has_its_header(run: Runner) -> None:
    sql = "select sku, name from item where false"
    assert run("query", sql, "--format", "csv").out == "sku,name\n"
    assert run("query", sql, "--format", "json").out == "[]\n"
    assert run("query", sql).out == "(none)\n"


def test_query_as_of_sees_the_ledger_as_it_stood(mine: Runner) -> None:
    count = "select count(*) as n from item"
    (snapshot,) = json.loads(
        mine("query", "select max(snapshot_id) as n from lake.snapshots()", "--format", "json").out
    )
    (mine.home / "inbound" / "master-data" / "items-2.csv").write_text(ITEMS.replace("BLUE", "RED"))
    assert mine("once", "--now", NOW).code == cli.DONE
    assert json.loads(mine("query", count, "--format", "json").out) == [{"n": 2}]
    assert json.loads(mine("query", count, "--as-of", str(snapshot["n"]), "--format", "json").out) == [{"n": 1}]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from item",
        "drop table item",
        "select 1; select 2",
        "attach 'x.db'",
        "copy item to 'x.csv'",
        "select * from nothing",
        "selec 1",
        "select * from read_csv('/etc/passwd')",
        "select 1 as a, 2 as a",
        "",
    ],
)
def test_query_refuses_what_is_no_question_in_one_line(run: Runner, sql: str) -> None:
    done = run("query", sql)
    assert (done.code, done.out) == (cli.USAGE, "")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "select * from stok",
            'there is no table or view "stok"; did you mean "stock"? Fix: Name one that `gateway tables` lists.',
        ),
        (
            "select available, skuu from stock",
            'there is no column "skuu"; did you mean "sku"? Fix: Name one that is there: stock has available, entity, '
            "held, last_moved_at, location, qty, sku, status.",
        ),
        ("describe itm", 'there is no table or view "itm"; did you mean "item"? Fix: Name one that'),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(run: Runner, sql: str, message: str) -> None:
    assert message in run("query", sql).err


def test_show_tables_and_describe_are_questions(run: Runner) -> None:
    shown = json.loads(run("query", "show tables", "--format", "json").out)
    assert {row["table"] for row in shown} == {*TABLES, "stock"}
    columns = json.loads(run("query", "DESCRIBE Stock;", "--format", "json").out)
    assert [row["column"] for row in columns][:4] == ["entity", "location", "sku", "status"]
    assert all(row["meaning"] for row in columns)


def test_tables_and_fields_need_no_home(run: Runner, tmp_path: Path) -> None:
    nowhere = Runner(tmp_path, run.monkeypatch, run.capsys)
    assert "shipment_line_current" in nowhere("tables").out
    printed = nowhere("fields", "shipment_line").out
    assert "Fill with it, in this mapping or another: inventory_movement, which takes the units out of stock" in printed
    assert 'did you mean "shipment_line"? Fix: Write one of' in nowhere("fields", "shipment").err
    assert nowhere("--version").out == f"gateway {__version__}\n"


@pytest.mark.parametrize("arguments", [["--format", "xml"], ["--as-of", "then"], ["--as-of", "1999-01-01"]])
def test_query_refuses_what_it_does_not_know(run: Runner, arguments: list[str]) -> None:
    done = run("query", "select 1", *arguments)
    assert (done.code, done.out) == (cli.USAGE, "")
