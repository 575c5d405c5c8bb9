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
