"""Tables that people reported, each read as its reporter would: the right rows, or the fault that names what is
wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import openpyxl
import pytest

from gateway import formats
from gateway.errors import FileError
from gateway.formats.workbook import reader as workbook
from gateway.home import Home
from gateway.reading import ReadRequest
from tests.conftest import MAPPINGS, case, tried

COUNT = """
feed = "acme.count"
partner = "acme"
[file]
match = ["*count*"]
format = "workbook"
header = { contains = ["SKU", "Qty"] }
"""
STOCK = COUNT.replace('format = "workbook"', 'format = "delimited"\ndelimiter = "auto"\nencoding = "auto"')
RECORD = """
[[record]]
type = "inventory_snapshot"
key  = ["location", "sku", "as_of"]
[record.fields]
location = { constant = "DC1" }
as_of    = { from = "Date", type = "datetime", formats = ["iso", "%d.%m.%Y", "%m/%d/%Y"] }
scope    = { constant = "FULL" }
sku      = "SKU"
status   = { constant = "AVAILABLE" }
qty      = "Qty"
"""


def read(reader: Home, tmp_path: Path, mapping: str, file: Path) -> dict[str, Any]:
    """What a mapping, or a pack by its name, makes of a file."""
    mappings, path = MAPPINGS, MAPPINGS / f"standard/{mapping}.toml"
    if "\n" in mapping:
        mappings = Path(mkdtemp(dir=tmp_path))
        for shared in ("standard", "lookups"):
            (mappings / shared).symlink_to(MAPPINGS / shared)
        path = mappings / "acme" / "feed.toml"
        path.parent.mkdir()
        path.write_text(mapping)
    return tried(reader, path, file, mappings)


def rows(result: dict[str, Any], *columns: str, table: str = "inventory_snapshot") -> list[tuple[str, ...]]:
    return [tuple(str(row[column]) for column in columns) for row in result["records"][table]]


def test_table_04_failed_transfers_and_debts_are_classed_whatever_text_follows(reader: Home, tmp_path: Path) -> None:
    file = case("table-04-amazon-failed-transfer-codes") / "settlement.txt"
    result = read(reader, tmp_path, "amazon/settlement-v2", file)
    assert rows(result, "canonical_class", "amount", table="settlement_line") == [
        ("reserve", "50.0000"),
        ("transfer", "120.0000"),
        ("transfer", "30.0000"),
        ("transfer", "40.0000"),
        ("transfer", "15.0000"),
        ("transfer", "-10.0000"),
        ("reserve", "-20.0000"),
        ("reimbursement", "8.0000"),
        ("transfer", "-35.0000"),
        ("facilitator_tax", "-2.5000"),
    ]
    assert result["faults"] == []


def test_table_42_what_cannot_be_read_is_named_by_its_cells_and_never_by_an_expression(
    reader: Home, tmp_path: Path
) -> None:
    folder = case("table-42-etsy-currency-forms")
    file = tmp_path / "etsy_statement.csv"
    file.write_text((folder / "etsy_statement_eur_comma.csv").read_text().replace("80,24", "80,2401"))
    wrong = read(reader, tmp_path, "etsy/statement", file)
    messages = [fault["message"] for fault in wrong["faults"]]
    said = "(expected digits with a decimal point, e.g. 1234.50, at most 4 decimals)"
    assert f'amount: a number cannot be made from Fees & Taxes "-€80,2401" {said}' in messages
    days = read(reader, tmp_path, "etsy/statement", folder / "etsy_statement_gbp_date.csv")
    assert rows(days, "order_id", "amount", table="settlement_line") == [("3000000001", "34.5000")]
    assert [fault["message"].split(":")[0] for fault in days["faults"]] == ["Date", "lines make the Net column for GBP"]
    for fault in (*wrong["faults"], *days["faults"]):
        assert not any(word in fault["message"] for word in ("case when", "regexp", "__", "_net"))
    found = {"eur": ["1234.5000", "-80.2400", "-10.0000"], "jpy": ["12345.0000", "-0.2000"], "de": ["34.5000"]}
    for name, amounts in {**found, "eur_comma": ["1234.5000", "-80.2400"]}.items():
        lines = read(reader, tmp_path, "etsy/statement", folder / f"etsy_statement_{name}.csv")
        assert sorted(amount for (amount,) in rows(lines, "amount", table="settlement_line")) == sorted(amounts)


FRENCH = """
based_on = "standard/etsy/statement"
feed = "acme.etsy"
partner = "acme"
[file.other_names]
Date = "Jour"
Type = ["Genre", "Type de ligne"]
Net = "Montant net"
"""


def test_table_45_a_statement_with_german_headers_and_one_with_names_of_the_partner(
    reader: Home, tmp_path: Path
) -> None:
    file = case("table-45-etsy-german-headers") / "etsy_statement_2026_7.csv"
    expected = [("3700000001", "principal", "35.4500"), ("3700000002", "refund_commission", "1.7200")]
    result = read(reader, tmp_path, "etsy/statement", file)
    assert rows(result, "order_id", "canonical_class", "amount", table="settlement_line") == expected
    assert (result["held"], result["faults"]) == (False, [])
    # The pack's names stay beside the partner's; messages name the columns as the file does.
    french = tmp_path / "etsy_statement_fr.csv"
    text = file.read_text().replace("Datum,Art", "Jour,type de ligne").replace("Netto", "Montant net")
    french.write_text(text)
    result = read(reader, tmp_path, FRENCH, french)
    assert rows(result, "order_id", "canonical_class", "amount", table="settlement_line") == expected
    french.write_text(text + "hier,Fee,x,,EUR,--,€1.00,€1.00,--\n")
    result = read(reader, tmp_path, FRENCH, french)
    assert result["faults"][0]["message"].startswith('Jour: "hier" is not a date')
    # Nobody named these: the message shows the header, and what is nearest.
    french.write_text(text.replace("Jour", "Dates").replace("Währung", "Monnaie"))
    with pytest.raises(
        FileError, match=r"nearest is line 1: Dates,.*Monnaie.*; it may have Dates for Date\. .*other_names"
    ):
        read(reader, tmp_path, "etsy/statement", french)


def test_table_45_messages_call_a_column_as_the_file_does_also_beside_one_that_nobody_maps(
    reader: Home, tmp_path: Path
) -> None:
    file = tmp_path / "count.csv"
    file.write_text("Date,Artikel,Qty,Note\n2026-11-01,,2,hello\n")
    result = read(reader, tmp_path, f'{STOCK}other_names = {{ SKU = "Artikel" }}{RECORD}', file)
    messages = {fault["code"]: fault["message"] for fault in result["faults"]}
    assert set(messages) == {"ROW_REJECT", "COLUMN_UNKNOWN"}
    assert messages["ROW_REJECT"].startswith("Artikel: is blank")


def test_table_08_stray_quotes_lose_no_return(reader: Home, tmp_path: Path) -> None:
    for name in ("returns.txt", "returns-same-title.txt"):
        result = read(reader, tmp_path, "amazon/fba-returns", case("table-08-fba-return-stray-quotes") / name)
        received = [row for row in result["records"]["return_event"] if row["stage"] == "RECEIVED"]
        assert [row["lpn"] for row in received] == ["LPN1", "LPN2", "LPN3", "LPN4"]
        assert result["counts"]["rejected"] == 0


def test_table_28_errors_in_columns_that_nobody_maps_do_no_harm(reader: Home, tmp_path: Path) -> None:
    mapping = f'{COUNT}known = ["Note"]\n{RECORD}'
    result = read(reader, tmp_path, mapping, case("table-28-formula-results") / "count.xlsx")
    assert [sku for sku, _ in rows(result, "sku", "qty")] == ["LAMP-01", "LAMP-02", "LAMP-04", "LAMP-05"]
    assert [fault["message"] for fault in result["faults"]] == [
        "Qty: is blank, but qty is required",
        "Qty: the cell Sheet1!B5 is a formula without a stored result",
    ]


def test_a_row_is_not_judged_by_a_cell_without_a_value(reader: Home, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (
        ["SKU", "Date", "Qty", "State"],
        ["LAMP-01", "2026-08-01", 4, "on sale"],
        ["LAMP-02", "2026-08-01", 5, "ended"],
        ["LAMP-03", "2026-08-01", 6, '=IF(1,"ended","")'],
        ["LAMP-04", "2026-08-01", 7, "#N/A"],
        ["TOTAL", "2026-08-01", 22, '=IF(1,"ended","")'],
    ):
        sheet.append(row)
    book.save(file := tmp_path / "count.xlsx")
    rules = {
        "total": "\"SKU\" = 'TOTAL' and \"State\" <> 'open'",
        "ended": "\"State\" in ('ended', '')",
        "total row": "\"SKU\" = 'TOTAL' or \"State\" = 'x'",
        "not listed": "\"State\" = '#N/A'",
    }
    ignore = "".join(f"[[file.ignore]]\nname = '{name}'\nwhen = {json.dumps(when)}\n" for name, when in rules.items())
    result = read(reader, tmp_path, COUNT + ignore + RECORD, file)
    assert rows(result, "sku", "qty") == [("LAMP-01", "4.0000")]
    assert [(fault["position"], fault["message"], fault["hint"]) for fault in result["faults"]] == [
        (
            "Sheet!A4",
            'State: the cell Sheet!D4 is a formula without a stored result; the rule "ended" of `ignore` '
            "needs it to know whether the row is data",
            "Open the workbook in Excel and save it: that calculates it.",
        )
    ]
    assert result["counts"] == {"received": 5, "accepted": 1, "rejected": 1, "duplicate": 0, "ignored": 3}


def test_table_36_a_legend_beside_the_table_rejects_no_row(reader: Home, tmp_path: Path) -> None:
    ignore = 'ignore = [{ name = "notes", when = "\\"Qty\\" = \'\'" }]\n'
    result = read(reader, tmp_path, COUNT + ignore + RECORD, case("table-36-notes-below") / "count-notes.xlsx")
    assert rows(result, "sku", "qty") == [("MUG-BLUE", "5.0000")]
    assert result["counts"]["rejected"] == 0
    assert [(fault["code"], fault["position"]) for fault in result["faults"]] == [("COLUMN_UNKNOWN", "Sheet!E5")]


def test_table_50_digits_that_nobody_wrote_are_never_accepted(reader: Home, tmp_path: Path) -> None:
    folder = case("table-50-long-ids-in-xlsx")
    result = read(reader, tmp_path, COUNT + RECORD, folder / "count.xlsx")
    assert [sku for (sku,) in rows(result, "sku")][:4] == [
        "576460752303423489",
        "1234567890123456",
        "12345678901234567",
        "9007199254740993",
    ]
    assert [(fault["position"], fault["code"]) for fault in result["faults"]] == [
        ("Sheet1!A3", "ROW_REJECT"),
        ("Sheet1!A9", "ROW_DOUBLED"),
    ]
    shortened = read(reader, tmp_path, COUNT + RECORD, folder / "count-excel-shortened.xlsx")
    assert rows(shortened, "sku") == []
    assert all("of which a spreadsheet keeps 15" in fault["message"] for fault in shortened["faults"])


def test_table_23_shortened_identifiers_are_named(reader: Home, tmp_path: Path) -> None:
    alias = RECORD.replace('sku      = "SKU"', 'sku = { from = "SKU", alias = "GTIN" }')
    result = read(reader, tmp_path, STOCK + alias, case("table-23-scientific-ids") / "stock.csv")
    assert (result["counts"]["rejected"], result["records"]["inventory_snapshot"]) == (3, [])
    assert all("a spreadsheet shortened" in fault["message"] for fault in result["faults"])


def test_table_11_the_name_of_an_encoding_above_the_header_is_no_header(reader: Home, tmp_path: Path) -> None:
    result = read(reader, tmp_path, STOCK + RECORD, case("table-11-encoding-name-first-line") / "stock.csv")
    assert rows(result, "sku", "qty") == [("MUG-BLUE", "5.0000")]


def test_table_20_invisible_characters_are_stripped_or_named(reader: Home, tmp_path: Path) -> None:
    alias = RECORD.replace('sku      = "SKU"', 'sku = { from = "SKU", alias = "VENDOR" }')
    result = read(reader, tmp_path, STOCK + alias, case("table-20-invisible-characters") / "stock.csv")
    assert rows(result, "sku", "qty")[:2] == [("?MUG-BLUE", "5.0000"), ("?LAMP-01", "7.0000")]
    assert result["faults"][2]["message"].startswith('"MUG<U+00AD SOFT HYPHEN>BLUE" is neither')
    assert result["faults"][2]["hint"].startswith("Remove the invisible character")


SETTLEMENT = """
feed = "acme.income"
partner = "acme"
[file]
match = ["income*"]
format = "workbook"
header = { contains = ["Statement ID", "Currency"] }
[[record]]
type = "settlement_line"
key  = ["settlement_id", "order_id"]
[record.fields]
settlement_id   = "Statement ID"
channel         = { constant = "TIKTOK" }
canonical_class = { constant = "principal" }
order_id        = "Order/adjustment ID"
amount          = { from = "Total settlement amount", decimal = "auto" }
currency        = "Currency"
posted_at       = { from = "Statement date", type = "datetime", formats = ["%Y/%m/%d"] }
"""


def test_table_46_an_id_that_the_sheet_keeps_as_a_number_is_never_rounded(reader: Home, tmp_path: Path) -> None:
    result = read(reader, tmp_path, SETTLEMENT, case("table-46-tiktok-statement") / "income.xlsx")
    assert rows(result, "order_id", "amount", table="settlement_line") == [
        ("576460752303423488", "35.9100"),
        ("576460752303423489", "35.9100"),
    ]
    [fault] = [one for one in result["faults"] if one["code"] == "ROW_REJECT"]
    assert (fault["position"], fault["column_name"]) == ("Order details!A4", "Order/adjustment ID")
    assert "of which a spreadsheet keeps 15" in fault["message"]


def test_table_38_an_uncalculated_total_row_is_ignored(reader: Home, tmp_path: Path) -> None:
    result = read(
        reader, tmp_path, "spreadsheet/stock-count", case("table-38-total-row-uncalculated") / "stock-count.xlsx"
    )
    assert result["counts"] == {"received": 3, "accepted": 2, "rejected": 0, "duplicate": 0, "ignored": 1}


BANK = """
based_on = "standard/csv/bank-statement"
feed = "acme.bank"
partner = "acme"
[[record]]
type = "bank_line"
[record.fields]
account  = { constant = "DE1" }
currency = { constant = "EUR" }
"""


def test_table_24_amounts_as_banks_and_people_write_them(reader: Home, tmp_path: Path) -> None:
    file = case("table-24-number-styles") / "transactions.csv"
    result = read(reader, tmp_path, BANK, file)
    other = {
        "paren": "-1234.5",
        "trailing minus": "-1234.5",
        "unicode minus": "-1234.5",
        "en dash": "-1234.5",
        "DR": "-1234.5",
        "S": "-1234.5",
        "indian": "123456.78",
        "leading dot": "0.5",
        "trailing dot": "5",
        "comma only": "0.5",
        "space minus": "-12.5",
        "two commas": "1234567",
        "chf dash": "12",
        "leading zeros": "12.5",
        "tab": "12.5",
        "float artefact": "0.3",
    }
    amounts = dict(rows(result, "remittance", "amount", table="bank_line"))
    assert {name: Decimal(amount) for name, amount in amounts.items()} == {
        name: Decimal(other.get(name, "1234.5")) for name in amounts
    }
    assert (len(amounts), result["counts"]["rejected"]) == (32, 14)
    messages = {fault["value"]: fault["message"] for fault in result["faults"]}
    assert "says $, which is not the currency of the row" in messages["$1,234.50"]
    assert "can mean 1000 or 1.000" in messages["1.000"]
    # The same amounts in dollars are read where the account is in dollars.
    dollars = dict(
        rows(read(reader, tmp_path, BANK.replace("EUR", "USD"), file), "remittance", "amount", table="bank_line")
    )
    assert [Decimal(dollars[name]) for name in ("dollar", "minus dollar", "dollar minus", "paren dollar")] == [
        Decimal("1234.5"),
        Decimal("-1234.5"),
        Decimal("-1234.5"),
        Decimal("-1234.5"),
    ]
    assert not {"euro suffix", "iso prefix"} & set(dollars)


def test_table_54_a_price_for_a_hundred_thousand(reader: Home, tmp_path: Path) -> None:
    result = read(reader, tmp_path, "ubl/invoice", case("table-54-ubl-invoices") / "invoice-basequantity.xml")
    assert rows(result, "qty", "amount", table="supplier_invoice_line") == [("74391833.0000", "99.8300")]
    assert result["counts"]["rejected"] == 0


def test_table_30_a_column_that_shows_the_day_first_is_never_read_month_first(reader: Home, tmp_path: Path) -> None:
    folder = case("table-30-dates-mixed-in-a-column")
    result = read(reader, tmp_path, COUNT + RECORD, folder / "count.xlsx")
    assert rows(result, "sku", "as_of") == [("B", "2026-08-01T00:00:00+00:00"), ("C", "2026-08-01T00:00:00+00:00")]
    serial, other, ambiguous = [fault["message"] for fault in result["faults"]]
    assert "it stands for 2026-08-01" in serial
    assert '"13/08/2026" is not a date' in other and "DD.MM.YYYY or MM/DD/YYYY" in other
    assert '"08/07/2026" can mean two days' in ambiguous


def test_table_25_zones_are_honoured(reader: Home, tmp_path: Path) -> None:
    forms = (
        '["iso", "%b %-d, %Y %-I:%M:%S %p PST", "%b %-d, %Y %-I:%M:%S %p PDT", '
        '"%-d %b %Y %H:%M:%S UTC", "%Y/%m/%d %H:%M:%SJST", "%a, %d %b %Y"]'
    )
    record = RECORD.replace('["iso", "%d.%m.%Y", "%m/%d/%Y"]', f'{forms}, timezone = "America/Los_Angeles"')
    record = record.replace('"Date"', '"When"').replace('"SKU"', '"Note"').replace('"Qty"', "{ constant = 1 }")
    mapping = STOCK.replace('delimiter = "auto"', 'delimiter = "semicolon"').replace('"SKU", "Qty"', '"Note", "When"')
    moments = dict(
        rows(read(reader, tmp_path, mapping + record, case("table-25-date-styles") / "dates.csv"), "sku", "as_of")
    )
    wanted = {
        "n0": "2026-01-05T21:23:45",
        "n1": "2026-07-05T20:23:45",
        "n3": "2026-11-01T09:30:00",
        "n4": "2026-11-01T08:30:00",
        "n5": "2026-01-05T10:11:12",
        "n6": "2026-02-05T10:11:12",
        "n7": "2026-03-05T10:11:12",
        "n8": "2026-01-05T10:11:12",
        "n10": "2026-01-05T03:00:00",
        "n33": "2026-08-01T08:00:00",
    }
    assert {name: moments.get(name, "")[:19] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("name", "what"),
    [("html.xls", "a web page"), ("mht.xls", "a web archive"), ("2003.xls", "an XML Spreadsheet of 2003")],
)
def test_table_37_what_only_its_name_calls_a_workbook_is_named(
    reader: Home, tmp_path: Path, name: str, what: str
) -> None:
    file = case("table-37-not-really-excel") / f"count-{name}"
    assert formats.sniffed(file.read_bytes()[:4096], file.name)[0] == "workbook"
    with pytest.raises(FileError, match=what) as caught:
        workbook.read(ReadRequest(file, file.name, reader.settings.limits))
    assert "save it as .xlsx" in caught.value.hint


ORDERS = """
feed = "acme.orders"
partner = "acme"
[file]
match = ["*"]
format = "delimited"
[[record]]
type = "order_line"
key  = ["order_id", "line_no"]
[record.fields]
channel    = { constant = "WEB" }
"""
SHOP = (
    ORDERS
    + """
order_id      = "Name"
line_no       = "Lineitem sku"
ordered_at    = { from = "Created at", formats = ["%Y-%m-%d %H:%M:%S %z"] }
sku           = "Lineitem sku"
qty           = "Lineitem quantity"
list_amount   = { expr = "qty * cast(\\"Lineitem price\\" as decimal(18,4))" }
currency      = { fill_down = "Currency", within = "Name" }
_cancelled    = { fill_down = "Cancelled at", within = "Name" }
cancelled_qty = { expr = "if(_cancelled is null, 0, qty)" }
"""
)


def test_table_39_what_stands_in_the_first_row_of_an_order_holds_for_that_order_alone(
    reader: Home, tmp_path: Path
) -> None:
    result = read(reader, tmp_path, SHOP, case("table-39-shopify-orders") / "orders_export_1.csv")
    assert rows(result, "order_id", "sku", "currency", "cancelled_qty", table="order_line") == [
        ("#1001", "MUG-BLUE", "USD", "2.0000"),
        ("#1001", "LAMP-01", "USD", "1.0000"),
        ("#1002", "LAMP-01", "USD", "0.0000"),
    ]


WIDE = (
    ORDERS
    + """
order_id    = "Order Number"
line_no     = { constant = "1" }
ordered_at  = { from = "Order Date", formats = ["%Y-%m-%d %H:%M"] }
sku         = "Product Item 1 SKU"
qty         = "Product Item 1 Quantity"
list_amount = "Product Item 1 Total"
currency    = { constant = "USD" }
"""
)
SECOND = WIDE.split("[[record]]")[1].replace('"1"', '"2"').replace("Item 1", "Item 2")
SECOND = "[[record]]" + SECOND.replace("[record.fields]", 'when = "\\"Product Item 2 SKU\\" <> \'\'"\n[record.fields]')


def test_table_40_values_of_columns_that_nobody_maps_are_reported(reader: Home, tmp_path: Path) -> None:
    known = 'match = ["*"]\nknown = ["Order Status", "Order Shipping *", "order total*"]'
    mapping = WIDE.replace('match = ["*"]', known) + SECOND
    result = read(reader, tmp_path, mapping, case("table-40-woocommerce-items") / "wide-3-items.csv")
    assert rows(result, "line_no", "sku", "list_amount", table="order_line") == [
        ("1", "MUG-BLUE", "39.9800"),
        ("2", "LAMP-01", "18.9900"),
    ]
    assert [(fault["code"], fault["column_name"], fault["value"]) for fault in result["faults"]] == [
        ("COLUMN_UNKNOWN", "Product Item 3 SKU", "M-SHELF"),
        ("COLUMN_UNKNOWN", "Product Item 3 Quantity", "4"),
        ("COLUMN_UNKNOWN", "Product Item 3 Total", "99.00"),
    ]
    assert '1 row has a value in it, such as "M-SHELF"' in result["faults"][0]["message"]
    assert result["counts"]["received"] == result["counts"]["accepted"] == 1
    silent = mapping.replace('known = ["', 'drift = "ignore"\nknown = ["')
    assert read(reader, tmp_path, silent, case("table-40-woocommerce-items") / "wide-3-items.csv")["faults"] == []
    same = read(reader, tmp_path, mapping, case("table-40-woocommerce-items") / "wide.csv")
    assert (len(same["records"]["order_line"]), same["faults"]) == (3, [])


ITEMS = (
    ORDERS.replace('match = ["*"]', 'match = ["*"]\nrepeat = { columns = "Product Item {n} *" }\nknown = ["Order *"]')
    + """
order_id    = "Order Number"
line_no     = "{n}"
ordered_at  = { from = "Order Date", formats = ["%Y-%m-%d %H:%M"] }
sku         = "Product Item {n} SKU"
qty         = "Product Item {n} Quantity"
list_amount = "Product Item {n} Total"
currency    = { constant = "USD" }
"""
)
PACKED = (
    ORDERS.replace(
        'match = ["*"]',
        """match = ["*"]
[file.repeat]
cell      = "line_items"
separator = ";"
parts     = 'sku:(?P<sku>[^|]+)\\|quantity:(?P<quantity>[^|]+)\\|total:(?P<total>[^|]+)'
""",
    )
    .replace('format = "delimited"\n', "")
    .replace("[file]", '[file]\nformat = "delimited"')
    + """
order_id    = "order_id"
line_no     = "{n}"
ordered_at  = { from = "date", formats = ["%Y-%m-%d %H:%M"] }
sku         = "line_items/sku"
qty         = "line_items/quantity"
list_amount = "line_items/total"
currency    = "currency"
"""
)
LINE = ("order_id", "line_no", "sku", "qty", "list_amount")
THREE = [
    ("1", "MUG-BLUE", "2.0000", "39.9800"),
    ("2", "LAMP-01", "1.0000", "18.9900"),
    ("3", "M-SHELF", "4.0000", "99.0000"),
]


def test_table_40_each_numbered_group_of_columns_is_a_line(reader: Home, tmp_path: Path) -> None:
    folder = case("table-40-woocommerce-items")
    three = read(reader, tmp_path, ITEMS, folder / "wide-3-items.csv")
    assert rows(three, *LINE, table="order_line") == [("503", *line) for line in THREE]
    assert (three["counts"]["received"], three["counts"]["accepted"], three["faults"]) == (3, 3, [])
    wide = tmp_path / "numbers.csv"
    many = "9" * 5000
    wide.write_text(
        "\n".join(
            [
                "Order Number,Order Date,"
                + ",".join(
                    f"Product Item {n} {what}" for n in (many, "10", "2") for what in ("SKU", "Quantity", "Total")
                ),
                "504,2026-08-01 10:00,C,3,3.00,B,2,2.00,A,1,1.00",
            ]
        )
    )
    assert rows(read(reader, tmp_path, ITEMS, wide), "line_no", "sku", table="order_line") == [
        ("2", "A"),
        ("10", "B"),
        (many, "C"),
    ]
    postage = (
        ITEMS.split("[[record]]")[1]
        .replace('"{n}"', '{ constant = "POSTAGE" }')
        .replace("Product Item {n} Total", "Order Shipping Amount")
    )
    postage = postage.replace("[record.fields]", """when = "\\"{item}\\" = '1'"\n[record.fields]""")
    two = read(reader, tmp_path, f"{ITEMS}[[record]]{postage}", folder / "wide.csv")
    expected = [("501", *THREE[0]), ("501", *THREE[1]), ("502", "1", "MUG-BLUE", "1.0000", "19.9900")]
    assert [row for row in rows(two, *LINE, table="order_line") if row[1] != "POSTAGE"] == expected
    paid = [row[-1] for row in rows(two, *LINE, table="order_line") if row[1] == "POSTAGE"]
    assert paid == ["5.0000", "5.0000"]
    assert (two["counts"]["received"], two["faults"]) == (3, [])


def test_table_40_each_item_of_a_list_in_a_cell_is_a_line(reader: Home, tmp_path: Path) -> None:
    packed = case("table-40-woocommerce-items") / "packed.csv"
    result = read(reader, tmp_path, PACKED, packed)
    assert rows(result, *LINE, table="order_line") == [("601", *line) for line in THREE]
    assert (result["counts"]["received"], result["faults"]) == (3, [])


def test_table_40_items_that_cannot_be_read_are_named_by_line_and_item(reader: Home, tmp_path: Path) -> None:
    wide, head = (
        tmp_path / "wide.csv",
        "Order Number,Order Date,Product Item 1 SKU,Product Item 1 Quantity,Product Item 1 Total",
    )
    day = "2026-08-01 10:00"
    wide.write_text(
        f"{head},Product Item 12 SKU,Product Item 12 Quantity,Product Item 12 Total,Product Item 12 Colour\n"
        f"1,{day},MUG-BLUE,1,9.00,LAMP-01,many,8.00,red\n2,{day}, ,,,M-SHELF,2,7.00,\n3,{day},,,,,,,\n"
    )
    result = read(reader, tmp_path, ITEMS, wide)
    assert rows(result, "position", "line_no", "sku", table="order_line") == [
        ("line 2, Product Item 1 *", "1", "MUG-BLUE"),
        ("line 3, Product Item 12 *", "12", "M-SHELF"),
    ]
    found = {(fault["code"], fault["position"], fault["column_name"]) for fault in result["faults"]}
    assert ("COLUMN_UNKNOWN", "line 2, Product Item 12 *", "Product Item 12 Colour") in found
    assert ("ROW_REJECT", "line 2, Product Item 12 *", "Product Item 12 Quantity") in found
    assert ("ROW_REJECT", "line 4", "Product Item 1 SKU") in found  # an order without any item is not lost
    assert "{n}" not in str([fault["message"] for fault in result["faults"]])
    assert [result["counts"][name] for name in ("received", "accepted", "rejected")] == [4, 2, 2]
    packed = tmp_path / "packed.csv"
    good = "sku:MUG-BLUE|quantity:1|total:9.00"
    packed.write_text(f"order_id,date,currency,line_items\n1,{day},USD,{good};;2 lamps; {good} ;\n2,{day},USD,\n")
    result = read(reader, tmp_path, PACKED, packed)
    assert rows(result, "position", "line_no", table="order_line") == [
        ("line 2, line_items 1", "1"),
        ("line 2, line_items 3", "3"),
    ]
    assert {fault["position"] for fault in result["faults"]} == {"line 2, line_items 2", "line 3"}
    assert 'the item "2 lamps" of the list does not fit' in result["faults"][0]["message"]
    assert [result["counts"][name] for name in ("received", "accepted", "rejected")] == [4, 2, 2]


@pytest.mark.parametrize("codec", ["cp850", "mac-roman"])
@pytest.mark.parametrize("word", ["Männer", "MÜNZEN", "Café"])
def test_letters_of_another_codec_than_the_file_is_read_with_are_reported(
    reader: Home, tmp_path: Path, codec: str, word: str
) -> None:
    file = tmp_path / "count.csv"
    file.write_bytes(f"SKU;Date;Qty\nA;2026-08-01;1\n{word};2026-08-01;2\n".encode(codec))
    result = read(reader, tmp_path, STOCK + RECORD, file)
    [fault] = result["faults"]
    assert (fault["code"], fault["position"]) == ("ROW_DOUBTFUL", "line 3")
    assert f'"{word}" in {codec}' in fault["message"]
    assert f'"{codec}"' in fault["hint"]
    own = read(reader, tmp_path, STOCK.replace('encoding = "auto"', f'encoding = "{codec}"') + RECORD, file)
    assert (rows(own, "sku"), own["faults"]) == ([("A",), (word,)], [])


@pytest.mark.parametrize(("word", "meant"), [("ZÃ¼rich", "ü"), ("CafÃ©", "é"), ("dâ€™or", "another letter or sign")])
def test_text_that_was_turned_into_utf8_twice_is_reported(reader: Home, tmp_path: Path, word: str, meant: str) -> None:
    file = tmp_path / "count.csv"
    file.write_text(f"SKU;Date;Qty\nAÇÃO “MANHÃ” Ã\xa0;2026-08-01;1\n{word};2026-08-01;2\n", encoding="utf-8")
    result = read(reader, tmp_path, STOCK + RECORD, file)
    [fault] = result["faults"]
    assert (fault["code"], fault["position"]) == ("ROW_DOUBTFUL", "line 3")
    assert f"{meant} was turned into UTF-8 twice" in fault["message"]


@pytest.mark.parametrize("again", ["sku;date;qty", "\ufeffSKU;DATE;QTY", 'Sku;Date;"Qty"'])
def test_the_header_once_more_in_another_case_is_no_row(reader: Home, tmp_path: Path, again: str) -> None:
    file = tmp_path / "count.csv"
    file.write_text(f"SKU;Date;Qty\nA;2026-08-01;4\n{again}\nB;2026-08-01;5\n", encoding="utf-8")
    result = read(reader, tmp_path, STOCK + RECORD, file)
    assert (rows(result, "sku"), result["faults"]) == ([("A",), ("B",)], [])


def test_letters_and_signs_of_cp1252_are_no_doubt(reader: Home, tmp_path: Path) -> None:
    file = tmp_path / "count.csv"
    names = ("Marc’s café – l’été", "“naïve” iPhone™ m² 5€", "Škoda žena «\xa0mot\xa0» 25\xa0°C½", "STRAßE ÄRGER L’ÉTÉ")
    file.write_bytes("".join(["SKU;Date;Qty\n", *(f"{name};2026-08-01;1\n" for name in names)]).encode("cp1252"))
    assert read(reader, tmp_path, STOCK + RECORD, file)["faults"] == []


@pytest.mark.parametrize(
    "header", ["sku;DATE;Qty", "SKU ;\xa0Date;QTY", '\u00ef\u00bb\u00bf"SKU";Date;Qty', "\ufeffSKU;date;qty"]
)
def test_a_header_in_another_case_or_with_other_blanks_is_the_same_header(
    reader: Home, tmp_path: Path, header: str
) -> None:
    file = tmp_path / "count.csv"
    file.write_text(f"{header}\n'00123;2026-08-01;4\nO'NEIL;2026-08-01;many\n", encoding="utf-8")
    result = read(reader, tmp_path, STOCK + RECORD, file)
    assert rows(result, "sku", "qty") == [("00123", "4.0000")]
    [fault] = result["faults"]
    assert fault["column_name"] == header.split(";")[2]  # as the file writes it


@pytest.mark.parametrize(
    ("currency", "amount", "read_as"),
    [
        ("JPY", "¥1,234", "1234"),
        ("JPY", "-¥1,234", "-1234"),
        ("JPY", "1.234 円", "1234"),
        ("JPY", "1,234", "1234"),
        ("KRW", "₩1,234", "1234"),
        ("CNY", "¥1,234", "1234 or 1.234"),
        ("CNY", "¥1,234.50", "1234.5"),
        ("EUR", "¥1,234.50", "not the currency of the row"),
        ("USD", "1,234", "1234 or 1.234"),
    ],
)
def test_an_amount_of_a_currency_without_decimals_has_none(
    reader: Home, tmp_path: Path, currency: str, amount: str, read_as: str
) -> None:
    file = tmp_path / "transactions.csv"
    file.write_text(f'Date,Value date,Amount,Currency,Reference\n2026-08-01,2026-08-01,"{amount}",{currency},R1\n')
    mapping = BANK.replace('{ constant = "EUR" }', '"Currency"')
    result = read(reader, tmp_path, mapping, file)
    read_ = [Decimal(one) for (one,) in rows(result, "amount", table="bank_line")]
    assert read_ == [Decimal(read_as)] if not result["faults"] else read_as in result["faults"][0]["message"]
