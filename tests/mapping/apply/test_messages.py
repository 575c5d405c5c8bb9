"""What messages about values name."""

from __future__ import annotations

from pathlib import Path

from gateway.home import Home
from tests.test_reported_tables import ORDERS, read

FILLED = f"""{ORDERS}
order_id    = "Order"
line_no     = "Line"
ordered_at  = {{ constant = "2026-11-01" }}
sku         = "Line"
qty         = "Line"
list_amount = "Line"
currency    = {{ fill_down = "Currency", within = "Order" }}
"""


def test_a_value_that_is_filled_down_is_named_by_its_column_and_not_by_its_group(reader: Home, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("Order,Line,Currency\n1,1,XX1\n1,2,\n2,1,\n")
    result = read(reader, tmp_path, FILLED, file)
    assert [fault["message"].split(" (")[0] for fault in result["faults"]] == [
        'Currency: "XX1" is not a currency',
        'Currency: "XX1" is not a currency',
        "Currency: is blank, but currency is required",
    ]


def test_a_day_that_is_filled_down_costs_the_rows_that_have_it(reader: Home, tmp_path: Path) -> None:
    """One date of another form, or that can mean two days, is no fault of the mapping: by hand, rows 1 and 2 have a
    day that cannot be read, rows 3 and 4 one that can."""
    mapping = FILLED.replace(
        '{ constant = "2026-11-01" }', '{ fill_down = "Day", within = "Order", formats = ["%m/%d/%Y", "%d/%m/%Y"] }'
    )
    file = tmp_path / "orders.csv"
    for day, said in (("13.11.2026", "is not a date and time"), ("08/07/2026", "can mean two days")):
        file.write_text(
            f"Order,Line,Currency,Day\n1,1,USD,{day}\n1,2,USD,\n2,3,USD,11/13/2026\n2,4,USD,\n3,5,USD,14/11/2026\n"
        )
        result = read(reader, tmp_path, mapping, file)
        assert result["counts"]["accepted"] == 3
        assert [said in fault["message"] for fault in result["faults"]] == [True, True]
