"""A stock count as a warehouse sends it: some lines above the header, a total below."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, time

import xlsxwriter


def count_sheet(rows: Sequence[tuple[str, date, str, int]], day: date) -> bytes:
    """(location, day, sku, units) as a workbook; the same rows give the same bytes."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    book.set_properties({"created": datetime.combine(day, time(18), UTC)})
    stamp = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("Count")
    sheet.write_string(0, 0, "Stock count")
    sheet.write_string(1, 0, "Counted by the night shift")
    for column, name in enumerate(("Location", "Count date", "SKU", "Status", "Counted")):
        sheet.write_string(4, column, name)
    for number, (location, counted, sku, units) in enumerate(rows, start=5):
        sheet.write_string(number, 0, location)
        sheet.write_datetime(number, 1, datetime.combine(counted, time(23, 30)), stamp)
        sheet.write_string(number, 2, sku)
        sheet.write_string(number, 3, "OK")
        sheet.write_number(number, 4, units)
    sheet.write_string(len(rows) + 5, 2, "Total")
    sheet.write_number(len(rows) + 5, 4, sum(row[3] for row in rows))
    book.close()
    return target.getvalue()
