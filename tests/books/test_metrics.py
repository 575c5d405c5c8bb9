"""A metric is one block of metrics.toml: its faults have file and line, and the workbook shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from gateway.books.metrics import LINES, checked_metrics
from gateway.errors import HouseError
from gateway.home import open_home
from gateway.model.reconciling import DETAIL
from gateway.once import run_once
from tests.conftest import NOW
from tests.workbooks.reading import rows_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
Put = Callable[[str, str, bytes | str], Path]

BLOCK = """
[[metric]]
name        = "items-by-lot"
title       = "Items tracked by lot"
numerator   = "select count(*) from item_current where tracking = 'LOT'"
denominator = "with every as (select * from item_current) select count(*) from every"
unit        = "ratio"
direction   = "up"
owner       = "MD"
target      = 0.9
"""
ITEMS = "sku,name,uom,tracking\nSKU-1,Mug,EA,LOT\nSKU-2,Cup,EA,NONE\n"


def metrics_of(text: str) -> list[str]:
    return [str(fault) for fault in checked_metrics(text.encode())[1]]


def test_a_metric_is_added_in_one_file(home: Path, drop: Put) -> None:
    shipped = (home / "mappings" / "metrics.toml").read_text()
    (home / "mappings" / "metrics.toml").write_text(shipped + BLOCK)
    drop("master-data", "items.csv", ITEMS)
    with open_home(home, now=NOW) as opened:
        done = run_once(opened)
    book = next(path for path in done.workbooks if path.name.startswith("exceptions"))
    rows = {row["metric"]: row for row in rows_of(book, "KPI", "metric")}
    assert list(rows)[:2] == ["Open exceptions", "Oldest open exception"] and len(rows) == 7
    row = rows["Items tracked by lot"]
    assert (row["numerator"], row["denominator"], row["value"]) == (1, 2, 0.5)
    assert (row["unit"], row["target"], row["direction"], row["owner"]) == ("ratio", 0.9, "up", "MD")
    assert row["source"] == "item_current"
    assert row["definition"].startswith("(select count(*) from item_current where tracking = 'LOT') / (with every")
    assert rows["Open exceptions"]["value"] == rows["Open exceptions"]["numerator"]
    assert rows["Payouts banked"]["value"] is None and rows["Payouts banked"]["denominator"] == 0


def test_a_figure_that_the_data_spoil_is_empty_and_the_readme_says_why(home: Path, drop: Put) -> None:
    block = BLOCK.replace("select count(*) from item_current where tracking = 'LOT'", "select max(name::int) from item")
    with (home / "mappings" / "metrics.toml").open("a") as file:
        file.write(block)
    drop("master-data", "items.csv", ITEMS)
    with open_home(home, now=NOW) as opened:
        done = run_once(opened)
    book = next(path for path in done.workbooks if path.name.startswith("exceptions"))
    rows = {row["metric"]: row for row in rows_of(book, "KPI", "metric")}
    assert rows["Items tracked by lot"]["value"] is None and rows["Open exceptions"]["value"] is not None
    notes = [row[1] for row in openpyxl.load_workbook(book)["README"].iter_rows(values_only=True) if row[0] == "Note"]
    assert len(notes) == 1 and re.match("Items tracked by lot could not be worked out: .*(Mug|Cup)", notes[0])


def test_what_is_shipped_and_what_the_page_shows_has_no_fault() -> None:
    shipped = (ROOT / "mappings" / "metrics.toml").read_text(encoding="utf-8")
    [example] = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert metrics_of(shipped + "\n" + example) == []
    assert all(f"`{column.name}`" in PAGE for column in DETAIL.columns) and f"`{LINES}`" in PAGE


FAULTS = [
    ("name        =", "nmae        =", 3, "unknown key `metric[1].nmae`; did you mean `name`?"),
    ('"items-by-lot"', '"Items"', 3, '`metric[1].name` cannot be "Items"'),
    ('unit        = "ratio"', 'unit        = "percent"', 7, '`metric[1].unit` cannot be "percent"'),
    ('"up"', '"upwards"', 8, '`metric[1].direction` cannot be "upwards"'),
    ('"MD"', '"master data"', 9, "`metric[1].owner` cannot be"),
    ("0.9", '"much"', 10, "`metric[1].target` must be a number"),
    (
        "from item_current where",
        "from itme_current where",
        5,
        'there is no table or view "itme_current"; did you mean "item_current"?',
    ),
    ("tracking =", "trakking =", 5, 'there is no column "trakking"; did you mean "tracking"?'),
    ("select count(*) from item_current", "select count(*), 1 from item_current", 5, "gives 2 columns"),
    ("select count(*) from item_current", "select 1 from item_current", 5, "gives no row where the tables are empty"),
    (
        "select count(*) from item_current",
        "select max(sku) from item_current",
        5,
        "gives VARCHAR, which is not a number",
    ),
    ("select count(*) from every", "select count(*) from read_csv('/etc/passwd')", 6, "read_csv is not allowed"),
    ("select count(*) from every", "selct 1", 6, "syntax error"),
    ("select count(*) from every", "select count(*) from every where sku = $since", 6, "since"),
    ("[[metric]]", "[metric]", 2, "write [[metric]] with two brackets"),
]


@pytest.mark.parametrize(("was", "now", "line", "said"), FAULTS, ids=[said[-40:] for *_, said in FAULTS])
def test_a_fault_has_its_line_and_a_fix(was: str, now: str, line: int, said: str) -> None:
    assert BLOCK.count(was) >= 1
    *rest, fault = metrics_of(BLOCK.replace(was, now, 1))
    assert not rest or was.startswith("name")
    assert fault.startswith(f"mappings/metrics.toml:{line}: ") and said in fault and " Fix: " in fault


def test_a_ratio_needs_a_denominator_and_a_name_is_given_once() -> None:
    alone = re.sub("denominator .*\n", "", BLOCK)
    [fault] = metrics_of(alone)
    assert fault.startswith("mappings/metrics.toml:6: ") and "a ratio has no denominator" in fault
    [fault] = metrics_of(BLOCK + BLOCK)
    assert "2 metrics have the name items-by-lot" in fault
    assert metrics_of("") == [] and checked_metrics(b"")[0] == ()
    assert "is not valid TOML" in metrics_of("[[metric]\n")[0]


def test_a_home_with_a_fault_or_without_the_file_is_refused_with_one_clear_line(home: Path) -> None:
    path = home / "mappings" / "metrics.toml"
    path.write_text(BLOCK.replace('"up"', '"left"'))
    with pytest.raises(HouseError, match=r"mappings/metrics\.toml:8: .*direction"), open_home(home):
        pass
    path.unlink()
    with (
        pytest.raises(HouseError, match=r"read .*metrics\.toml: missing\. Fix: Run `gateway init` to create it"),
        open_home(home),
    ):
        pass
