"""Linting: each defect is reported once, on its line, with what was meant; a right mapping gives no fault."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gateway.mapping.library.load import load_all, load_file
from gateway.mapping.lint.lint import check
from gateway.mapping.lint.probe import Probe
from tests.mapping.samples_of_mappings import PACK, STOCK, write

LOOKUPS = {
    "states": pa.table({"code": ["33", "35"], "value": ["AVAILABLE", "damaged"]}),
    "wrong": pa.table({"code": ["33"], "value": ["AVAILBLE"]}),
    "two": pa.table({"a": ["1"], "b": ["2"], "value": ["AVAILABLE"]}),
}
HEADER = ("Date", "SKU", "On Hand", "Type", "quantity-purchased")


@pytest.fixture(scope="module")
def probe() -> Any:
    with Probe() as one:
        yield one


def lint(
    home: Path, text: str, probe: Probe, *, columns: Collection[str] | None = None, folder: str = "acme"
) -> list[str]:
    loaded, faults = load_file(write(home, f"{folder}/stock.toml", text), home / "mappings")
    assert loaded is not None, faults
    return [str(fault) for fault in check(loaded, LOOKUPS, columns=columns, probe=probe)]


def test_a_right_mapping_has_no_faults(tmp_path: Path, probe: Probe) -> None:
    assert lint(tmp_path, STOCK, probe) == []
    assert lint(tmp_path, STOCK, probe, columns=HEADER) == []


def test_the_message_for_a_slip_in_a_field_name(tmp_path: Path, probe: Probe) -> None:
    faults = lint(tmp_path, STOCK.replace("qty      =", "quanity  ="), probe)
    assert faults == [
        'mappings/acme/stock.toml:12: fields: inventory_snapshot needs "qty" (Units). Fix: add qty = ….',
        'mappings/acme/stock.toml:18: fields.quanity: table inventory_snapshot has no field "quanity"; did you mean '
        '"qty"? Fix: rename the key, or start it with "_" if it is only a helper.',
    ]


def test_the_message_for_a_slip_in_a_column_name(tmp_path: Path, probe: Probe) -> None:
    faults = lint(tmp_path, STOCK.replace('"On Hand"', '"quantity-purchase"'), probe, columns=HEADER)
    assert len(faults) == 1
    assert faults[0].startswith(
        'mappings/acme/stock.toml:18: fields.qty.from: "quantity-purchase" is not a column of the file; '
        'did you mean "quantity-purchased"? Fix: '
    )


FIELD = 'qty      = "On Hand"'
GOOD_FIELDS = [
    'qty = ["On Hand", "Stock"]',
    "qty = { expr = 'cast(\"On Hand\" as decimal(18,4)) - coalesce(_held, 0)' }\n"
    '_held = { from = "Type", type = "decimal" }',
    'qty = { expr = "_a + _b" }\n_a = { from = "Type", type = "integer" }\n_b = { expr = "_a * 2", type = "decimal" }',
    "qty = { expr = 'case when cast(\"On Hand\" as integer) > 0 then 1 else 0 end' }",
    'qty = { credit = "On Hand", debit = "Type", sign = "reverse", scale = 2 }',
    'qty = { from = "On Hand", sign = { from = "Type", negative = ["DR"] } }',
    'qty = "On Hand"\nbasis = { constant = "GROSS" }\nstale = { constant = false }',
    'qty = "On Hand"\n_l = { lookup = "two", on = ["Type", "_k"], missing = "keep" }\n'
    '_k = { expr = "upper(\\"Type\\")" }',
    'qty = { from = "On Hand", packs_of = "_name" }\n_name = { from = "SKU", alias = "3PL" }',
    'qty = { from = "On Hand", decimal = "comma", default = "0" }',
    'qty = "On Hand"\n_t = { from = "Date", type = "datetime", timezone = "Europe/Berlin", '
    'formats = ["iso", "ymd", "%d.%m.%Y"] }',
]


@pytest.mark.parametrize("new", GOOD_FIELDS)
def test_what_is_right_passes(tmp_path: Path, probe: Probe, new: str) -> None:
    assert lint(tmp_path, STOCK.replace(FIELD, new), probe) == []


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ('qty = { from = "On Hand", type = "date" }', "qty.type: qty holds a number, not date. Fix: leave `type` out"),
        ('qty = { constant = "many" }', 'qty.constant: "many" is not a number'),
        ('qty = { from = "On Hand", default = "none" }', 'qty.default: "none" is not a number'),
        (
            'qty = { expr = "sku" }\nbasis = { constant = "NETT" }',
            'basis.constant: "NETT" is not allowed; did you mean "NET"?',
        ),
        ('qty = "On Hand"\nbasis = { from = "Type", map = { N = "NETT" } }', 'basis.map.N: "NETT" is not allowed'),
        ('qty = "On Hand"\nbasis = { from = "Type", missing = "suspense" }', "basis.missing: this field has no value"),
        ('qty = "On Hand"\nstale = { constant = "maybe" }', 'stale.constant: "maybe" is not true or false'),
        ('qty = "On Hand"\n_d = { constant = "2026-02-30", type = "date" }', '"2026-02-30" is not a date'),
        ('qty = { expr = "amount + 1" }', "qty.expr: amount is not a field"),
        ('qty = { expr = "as_of" }', "qty.expr: gives a date and time, but a number is wanted"),
        ("qty = { expr = \"sku = 'x'\" }", "qty.expr: gives true/false, but a number is wanted"),
        (
            "qty = { expr = '\"On Hand\" + 1' }",
            "qty.expr: + cannot work with text and a number. Fix: source columns are text",
        ),
        ("qty = { expr = 'if(\"On Hand\" > 0, 1, 0)' }", "qty.expr: text and a number cannot be compared"),
        ("qty = { expr = 'coalesce(\"On Hand\", 0)' }", "qty.expr: text and a number cannot be mixed"),
        ('qty = { expr = "if(as_of > 5, 1, 0)" }', "qty.expr: a date and time and a number cannot be compared"),
        ('qty = { expr = "round(sku, 2)" }', "qty.expr: round() cannot work with text and a number"),
        ('qty = { expr = "_x + 1" }\n_x = { expr = "1 + 1" }', "qty.expr: + cannot work with text and a number"),
        (
            'qty = { expr = "_a" }\n_a = { expr = "_b", type = "decimal" }\n_b = { expr = "_a", type = "decimal" }',
            "_a, _b need one another",
        ),
        ('qty = { expr = "qty + 1" }', "qty.expr: qty is not a field"),
        ('qty = { from = "On Hand", packs_of = "sku" }', 'qty.packs_of: "sku" is not a field with an alias'),
        (
            'qty = "On Hand"\n_k = { from = ["_one", "_onw"], alias = "GTIN" }\n_one = "SKU"',
            '_k.from: there is no helper field "_onw"; did you mean "_one"?',
        ),
        (
            'qty = "On Hand"\n_k = { from = ["_n"], alias = "GTIN" }\n_n = { from = "SKU", type = "integer" }',
            '_k.from: "_n" holds no text, as the name of an item is',
        ),
        (
            'qty = { from = "On Hand", counted_in = "UOM", pack_size = "status" }',
            'qty.pack_size: "status" is not a field with a number',
        ),
        ('qty = { from = "On Hand", formats = ["ymd"] }', "qty.formats: formats are for dates"),
        (
            'qty = "On Hand"\n_d = { from = "Date", type = "date", formats = ["%Q"] }',
            '_d.formats[1]: "%Q" has an unknown token %Q',
        ),
        (
            'qty = "On Hand"\n_d = { from = "Date", type = "date", formats = ["iso", "ymmd"] }',
            '_d.formats[2]: "ymmd" is not a date format; did you mean "ymd"?',
        ),
        (
            'qty = "On Hand"\n_d = { from = "Date", type = "datetime", timezone = "Europe/Berlln" }',
            'did you mean "Europe/Berlin"?',
        ),
        ('qty = "On Hand"\n_s = { from = "SKU", scale = 2 }', "_s.scale: `scale` is for numbers"),
        (
            'qty = "On Hand"\nbasis = { lookup = "stats", on = ["Type"] }',
            'there is no lookup "stats"; did you mean "states"?',
        ),
        (
            'qty = "On Hand"\nbasis = { lookup = "wrong", on = ["Type"] }',
            'the lookup "wrong" gives "AVAILBLE", which is not allowed',
        ),
        (
            'qty = "On Hand"\n_l = { lookup = "two", on = ["Type"] }',
            '_l.on: names 1 columns, the lookup "two" has 2 code columns',
        ),
        ('qty = "On Hand"\nkey = "SKU"', "`key` belongs above [record.fields]"),
    ],
)
def test_a_defect_of_a_field_is_reported_once(tmp_path: Path, probe: Probe, new: str, expected: str) -> None:
    faults = lint(tmp_path, STOCK.replace(FIELD, new), probe)
    assert len(faults) == 1, faults
    assert expected in faults[0]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('partner = "acme"', 'partner = "acne"', ':2: partner: "acne", but the file lies in the folder acme'),
        (
            "inventory_snapshot",
            "inventory_snap",
            ':9: type: there is no table "inventory_snap"; did you mean "inventory_snapshot"?',
        ),
        ("key  =", 'each = "LX"\nkey  =', ":10: each: a row of a delimited file is a line"),
        ("key  =", 'when = "sku"\nkey  =', ":10: when: gives text, but a condition is wanted"),
        (
            "key  =",
            "when = '\"On Hand\" > 0'\nkey  =",
            ":10: when: text and a number cannot be compared. Fix: source columns are text",
        ),
        ("key  =", "when = '\"On Hand\" in (1, 2)'\nkey  =", ":10: when: a source column or text is used as a number"),
        ("key  =", "when = '\"On Hand\" <> 0 and'\nkey  =", ':10: when: `"On Hand" <> 0 and` cannot be read'),
        ('"sku", "as_of"]', '"sku", "sku"]', ':10: key[3]: "sku" is named twice'),
        (
            "[[record]]",
            '[file.other_names]\nSku = "Artikel"\n[[record]]',
            'file.other_names.Sku: the mapping reads no column "Sku"; did you mean "SKU"?',
        ),
        (
            "[[record]]",
            '[file.other_names]\nSKU = ["on hand"]\n[[record]]',
            '"on hand" is a name of the column "On Hand" too',
        ),
        ("[[record]]", "[file.other_names]\nSKU = 5\n[[record]]", "other_names"),
        (
            '"sku", "as_of"]',
            '"sku", "as_of"]\nknown_by = ["skus"]',
            'known_by[1]: "skus" is not a field of inventory_snapshot that this record has; did you mean "sku"?',
        ),
        (
            '"sku", "as_of"]',
            '"sku", "SKUS"]',
            'key[3]: "SKUS" is neither a field nor a column of the file; did you mean "SKU"?',
        ),
        ('["location", "sku", "as_of"]', "[]", ":10: key: is empty"),
        ("[file]", "valid_from = 2026-01-02\nvalid_to = 2026-01-01\n[file]", ":5: valid_to: 2026-01-01 is before "),
        ("[file]", 'expect = { every = "daily" }\n[file]', ':4: expect.every: "daily" is not a duration'),
        ("[file]", 'expect = { every = "1 day", by = "9 am" }\n[file]', 'expect.by: "9 am" is not a time of day'),
        (
            "[file]",
            'expect = { every = "1 day", timezone = "Berlin" }\n[file]',
            'expect.timezone: there is no time zone "Berlin"',
        ),
        (
            "[file]",
            'expect = { every = "day", opens = "25:00", by = "08:00" }\n[file]',
            'expect.opens: "25:00" is not a time of day',
        ),
        ("[file]", 'expect = { every = "day", opens = "20:00" }\n[file]', "expect.opens: needs days with `by`"),
        ("[file]", 'expect = { every = "day", grace = "soon" }\n[file]', 'expect.grace: "soon" is not a duration'),
        (
            "[file]",
            '[expect]\nevery = "day"\nholidays = "XX"\n[file]',
            ':6: expect.holidays: "XX" is neither a country nor a market',
        ),
        (
            "[file]",
            'expect = { every = "day", on = ["fryday"] }\n[file]',
            'expect.on[1]: "fryday" is not a day of the week; did you mean "friday"?',
        ),
        ("[file]", 'expect = { every = "day", on = [32] }\n[file]', "expect.on[1]: 32 is not a day of a month"),
        ("[file]", 'expect = { every = "day", on = [1, "monday"] }\n[file]', "expect.on: is more than one kind of day"),
        ("[file]", 'expect = { every = "week", on = ["monday", "friday"] }\n[file]', "expect.on: is more than one day"),
        (
            "[file]",
            'expect = { every = "month", on = "monday" }\n[file]',
            'expect.on: every = "month" takes a day of the month',
        ),
        (
            "[file]",
            'expect = { every = "14 days", on = "monday" }\n[file]',
            'expect.on: every = "14 days" has no days to choose',
        ),
        ("[file]", 'expect = { every = "5 hours" }\n[file]', "expect.every: 5 hours do not make up a day"),
        (
            "[file]",
            'expect = { every = "2 business days" }\n[file]',
            "expect.every: business days are not counted in several",
        ),
        ("[file]", 'expect = { every = "hour", by = "00:00" }\n[file]', "expect.by: is the beginning of the hour"),
        (
            "[file]",
            'expect = { every = "day", sequence = true }\n[file]',
            "expect.sequence: a file of format delimited has no control number",
        ),
        (
            "[file]",
            'expect = { every = "day", sequence = "no-[0-9]+" }\n[file]',
            "expect.sequence: must have one pair of ( ) around the number",
        ),
        (
            "[file]",
            'expect = { every = "day", sequence = "(" }\n[file]',
            "expect.sequence: is not a regular expression",
        ),
        (
            "[file]",
            'expect = { every = "day", sequence = "(a)(?=b)" }\n[file]',
            "expect.sequence: is not a regular expression: invalid perl operator: (?=",
        ),
        (
            "match  =",
            'expect = { every = "1 day" }\nmatch  =',
            ":5: file.expect: `expect` belongs at the top, above [file]",
        ),
        (
            "match  =",
            'transaction = "945"\nmatch  =',
            ":5: file.transaction: a file of format delimited has no transaction",
        ),
        ('["*stock*.csv"]', '["in/*.csv"]', ':5: file.match[1]: "in/*.csv" matches no file name'),
        ('"delimited"', '"xml"', ":8: `each` is missing"),
        ('"delimited"', '"x12"', "`transaction` is missing"),
        (
            "match  =",
            'tie_out = [{ sum = "qty", equals = \'first("On Hand")\', by = ["skuu"] }]\nmatch  =',
            'file.tie_out[1].by[1]: there is no field "skuu"; did you mean "sku"?',
        ),
        (
            "match  =",
            'tie_out = [{ sum = "qty", equals = \'"On Hand"\' }]\nmatch  =',
            'Fix: write first("On Hand") or sum("On Hand")',
        ),
        (
            "match  =",
            'tie_out = [{ sum = "qtty", equals = \'first("On Hand")\' }]\nmatch  =',
            "file.tie_out[1].sum: qtty is not a field",
        ),
        (
            "match  =",
            "tie_out = [{ count = true, equals = 'max(sku)' , record = \"items\" }]\nmatch  =",
            'no record makes "items"',
        ),
        (
            "match  =",
            "tie_out = [{ count = true, equals = 'max(as_of)' }]\nmatch  =",
            "gives a date and time, but a number is wanted",
        ),
        (
            "match  =",
            "tie_out = [{ count = true, equals = '1', tolerance = -1 }]\nmatch  =",
            "tolerance: is below zero",
        ),
        (
            "match  =",
            'ignore = [{ name = "when", when = "sku is null" }]\nmatch  =',
            'file.ignore[1].name: "when" cannot name this rule',
        ),
        (
            "match  =",
            'ignore = [{ name = "a", when = \'"SKV" is null\' }]\nmatch  =',
            'file.ignore[1].when: "SKV" is not a column of the file; did you mean "SKU"?',
        ),
    ],
)
def test_a_defect_around_the_fields_is_reported_on_its_line(
    tmp_path: Path, probe: Probe, old: str, new: str, expected: str
) -> None:
    faults = lint(tmp_path, STOCK.replace(old, new, 1), probe, columns=HEADER)
    assert any(expected in fault for fault in faults), faults
    assert len(faults) <= 2


KEY = '["location", "sku", "as_of"]'
ELEMENTS = STOCK.replace('"Date"', '"DTM/02"').replace('"SKU"', '"LIN/03"').replace('"On Hand"', '"QTY/02"')
WAREHOUSE = ELEMENTS.replace("delimited", "x12").replace("[file]", '[file]\ntransaction = "846"\nsummary = ["CTT"]')
WAREHOUSE = WAREHOUSE.replace("key  =", 'each = "LIN"\nkey  =')
FIXED = STOCK.replace(
    '"delimited"',
    """"fixed"
columns = [{ name = "Date", start = 1, width = 10 }, { name = "SKU", start = 11, width = 9 },
           { name = "On Hand", start = 20, width = 9 }]""",
)


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        (
            STOCK,
            '["location", "sku", "as_off"]',
            ':10: key[3]: the record has no field "as_off"; did you mean "as_of"? Fix: name one of as_of, ',
        ),
        (STOCK, '["location", "sku", "basis"]', ':10: key[3]: the record has no field "basis"'),
        (
            STOCK,
            '["warehouse", "sku", "_as_of"]',
            ':10: key[3]: the record has no field "_as_of"; did you mean "as_of"?',
        ),
        (
            WAREHOUSE,
            '["location", "BIA/03", "line"]',
            ':13: key[3]: the record has no field "line". Fix: name one of as_of, ',
        ),
        (
            FIXED,
            '["location", "SKUS"]',
            ':12: key[2]: "SKUS" is neither a field nor a column of the file; did you mean "SKU"?',
        ),
        (
            STOCK.replace('"delimited"', '"delimited"\nheader = false\ncolumns = ["Date", "SKU", "On Hand"]'),
            '["location", "Datum"]',
            ':12: key[2]: "Datum" is neither a field nor a column of the file; did you mean "Date"?',
        ),
    ],
)
def test_a_key_of_a_field_that_the_record_lacks_is_reported_without_a_file(
    tmp_path: Path, probe: Probe, text: str, key: str, expected: str
) -> None:
    (fault,) = lint(tmp_path, text.replace(KEY, key), probe)
    assert expected in fault


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (STOCK, '["location", "Promotion Id", "merchant_id"]'),
        (STOCK.replace('"On Hand"', '"lot"'), '["location", "lot"]'),
        (STOCK + '_quantity = "skus"\n', '["location", "_quantity", "skus"]'),
        (WAREHOUSE, '["location", "BIA/03", "LIN/03"]'),
        (FIXED, '["location", "Date", "SKU"]'),
    ],
)
def test_a_key_may_name_columns_that_no_field_reads(tmp_path: Path, probe: Probe, text: str, key: str) -> None:
    assert lint(tmp_path, text.replace(KEY, key), probe) == []


def test_a_right_tie_out_passes(tmp_path: Path, probe: Probe) -> None:
    for tie in (
        'sum = "qty", equals = \'first("On Hand")\', by = ["sku"], where = "status = \'AVAILABLE\'"',
        "count = true, equals = 'last(\"On Hand\") - 1', tolerance = 0.01",
        "sum = \"case when scope = 'FULL' then qty else 0 end\", equals = 'max(qty)'",
    ):
        text = STOCK.replace("match  =", f"tie_out = [{{ {tie} }}]\nmatch  =")
        assert lint(tmp_path, text, probe) == []


def test_the_formats_own_options_are_checked(tmp_path: Path, probe: Probe) -> None:
    [fault] = lint(tmp_path, STOCK.replace("match  =", 'delimter = "tab"\nmatch  ='), probe)
    assert fault.startswith(
        "mappings/acme/stock.toml:5: file.delimter: unknown key `delimter`; did you mean `delimiter`?"
    )
    assert lint(tmp_path, STOCK.replace("match  =", 'delimiter = "tab"\nmatch  ='), probe) == []
    [fault] = lint(tmp_path, STOCK.replace('"delimited"', '"delimeted"'), probe)
    assert fault.startswith(
        "mappings/acme/stock.toml:6: file.format: find format delimeted: there is no such format. Fix: use one of "
    )


def test_with_several_records_a_message_says_which(tmp_path: Path, probe: Probe) -> None:
    more = (
        '\n[[record]]\ntype = "location"\nkey = ["location"]\n'
        '[record.fields]\nlocation = "A"\ntpye = "B"\ntype = { constant = "DC" }\n'
    )
    faults = lint(tmp_path, STOCK + more, probe)
    assert len(faults) == 1
    assert ':25: record[2].fields.tpye: table location has no field "tpye"; did you mean "type"?' in faults[0]


def test_a_fault_of_a_pack_names_the_pack(tmp_path: Path, probe: Probe) -> None:
    write(tmp_path, "standard/x12/846.toml", PACK.replace('["ymd"]', '["%Q"]'))
    faults = lint(tmp_path, 'based_on = "standard/x12/846"\nfeed = "a.b"\npartner = "acme"\n', probe)
    assert len(faults) == 1
    assert faults[0].startswith("mappings/standard/x12/846.toml:17: fields.as_of.formats[1]: ")


def test_only_sound_mappings_become_active(tmp_path: Path) -> None:
    write(tmp_path, "acme/stock.toml", STOCK)
    write(
        tmp_path, "acme/bad.toml", STOCK.replace("acme.stock", "acme.bad").replace('"On Hand"', '{ expr = "sku + 1" }')
    )
    library = load_all(tmp_path)
    assert list(library.mappings) == ["acme.stock"]
    assert "fields.qty.expr: + cannot work with text and a number" in str(library.faults[0])
    write(tmp_path, "acme/stock.toml", STOCK.replace("match  =", 'delimter = "tab"\nmatch  ='))
    assert load_all(tmp_path).mappings == {}


def test_the_probe_sees_no_files(tmp_path: Path, probe: Probe) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    probe.kind("1", {})
    assert probe._con is not None
    with pytest.raises(Exception, match=r"disabled|denied|[Pp]ermission"):
        probe._con.execute(f"select * from read_csv('{secret}')")


def test_fill_down_over_documents_needs_its_group(tmp_path: Path, probe: Probe) -> None:
    head = STOCK.split("[[record]]")[0]
    order = """[[record]]
type = "order_line"
key  = ["order_id", "line_no"]
[record.fields]
channel     = { constant = "WEB" }
order_id    = "Order"
line_no     = "Line"
ordered_at  = "Date"
sku         = "SKU"
qty         = "Units"
list_amount = "Price"
currency    = { fill_down = "Currency" }
"""
    columns = ("Order", "Line", "Date", "SKU", "Units", "Price", "Currency")
    (fault,) = lint(tmp_path, head + order, probe)
    assert "currency.fill_down: reaches beyond the end of a document: a blank Currency of one order_id" in fault
    assert fault.endswith('Fix: write within = "Order", or within = [] if it is meant for the whole file.')

    def with_group(group: str) -> list[str]:
        filled = order.replace('"Currency" }', f'"Currency", within = {group} }}')
        return lint(tmp_path, head + filled, probe, columns=columns)

    assert with_group('"Order"') == with_group("[]") == []
    assert ['did you mean "Order"' in fault for fault in with_group('"Ordr"')] == [True]
    assert ["names the column that is filled down" in fault for fault in with_group('"Currency"')] == [True]
    broken = lint(tmp_path, head + order.replace('= "Order"', '= { expr = "concat(a b" }'), probe)
    assert ["cannot be read as an expression" in fault for fault in broken] == [True], (
        "a slip there is a fault, no more"
    )


def test_a_cost_method_that_the_books_do_not_know_is_refused(tmp_path: Path, probe: Probe) -> None:
    """Stock is valued by moving average or first in, first out: LIFO would be a setting that does nothing."""
    text = (
        'feed = "acme.items"\npartner = "acme"\n[file]\nmatch = ["*.csv"]\nformat = "delimited"\n'
        '[[record]]\ntype = "item"\nkey = ["sku"]\n'
    )
    text += '[record.fields]\nsku = "SKU"\nname = "SKU"\nbase_uom = { constant = "EA" }\n'
    [fault] = lint(tmp_path, text + 'cost_method = { constant = "LIFO" }\n', probe)
    assert '"LIFO" is not allowed; did you mean "FIFO"? Fix: use one of FIFO, MOVING_AVERAGE' in fault
    assert lint(tmp_path, text + 'cost_method = { constant = "MOVING_AVERAGE" }\n', probe) == []


UNPIVOT = 'repeat = { columns = ["Good", "Bad"], into = ["Status", "On Hand"] }'
WIDE = STOCK.replace('"SKU"', '"Item {n} SKU"').replace('"On Hand"', '"Item {n} Qty"')
LISTED = 'repeat = { cell = "Items", separator = ";", parts = "(?P<sku>.+) x (?P<qty>[0-9]+)" }'


@pytest.mark.parametrize(
    ("repeat", "old", "new", "message"),
    [
        ('repeat = { columns = "Item {n} *" }', "", "", ""),
        ('repeat = { columns = ["Item {n} SKU", "Item {n} Qty"] }', "", "", ""),
        (LISTED, "Item {n} SKU", "Items/SKU", '"Items/SKU" is no part; did you mean "Items/sku"?'),
        (LISTED, "Item {n} SKU", "Items/sku", ""),
        (LISTED, "", "", "the mapping reads none of the columns that it makes"),
        (
            'repeat = { columns = "Item {n} *" }',
            "{n} Qty",
            "1 Qty",
            'is one of its numbered columns. Fix: name "Item {n} Qty"',
        ),
        ('repeat = { columns = "Item {n} S*" }', "", "", 'no pattern of `columns` fits "Item {n} Qty"'),
    ],
)
def test_columns_of_repeated_items_are_named_as_they_are_made(
    tmp_path: Path, probe: Probe, repeat: str, old: str, new: str, message: str
) -> None:
    text = WIDE.replace("[file]\n", f"[file]\n{repeat}\n").replace(old, new)
    faults = lint(tmp_path, text, probe)
    line = text.splitlines().index(repeat) + 1
    assert len(faults) == bool(message)
    assert not message or (
        message in "".join(faults) and faults[0].startswith(f"mappings/acme/stock.toml:{line}: file.repeat")
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", ""),
        ('"On Hand"\n', '"On Hands"\n', 'does not read "On Hand", which it makes; did you mean "On Hands"?'),
        ('"On Hand"\n', '"Good"\n', '"Good" is one of its columns. Fix: name "On Hand" in the fields'),
    ],
)
def test_columns_that_go_into_two_are_read_by_the_names_of_these(
    tmp_path: Path, probe: Probe, old: str, new: str, message: str
) -> None:
    text = STOCK.replace("[file]\n", f"[file]\n{UNPIVOT}\n").replace(
        "[record.fields]\n", '[record.fields]\n_status = "Status"\n'
    )
    faults = lint(tmp_path, text.replace(old, new), probe)
    assert message in "".join(faults) and bool(faults) == bool(message)


@pytest.mark.parametrize(
    ("repeat", "message"),
    [
        ("{ }", "say either columns"),
        ('{ columns = ["A", "B"], into = ["Status"] }', "go into two new ones"),
        ('{ columns = ["A", "B"], into = ["Status", "A"] }', "named once in `columns`, and not in `into`"),
        ('{ columns = ["Item {n}"], blanks = true }', "go into two new ones"),
        ('{ columns = ["A", "B"], inot = ["Status", "Units"] }', "did you mean `into`?"),
        ('{ columns = "Item *" }', "needs {n} once"),
        ('{ columns = "* {n} *" }', "at most one *"),
        ('{ cell = "Items", separator = ";" }', "go together"),
        ('{ cell = "Items", separator = ";", parts = "(.+)" }', "needs a name of its own"),
        ('{ cell = "Items", separator = ";", parts = "(?P<sku>.+" }', "is no pattern"),
        ('{ column = "Item {n} *" }', "column"),
    ],
)
def test_a_repetition_of_a_wrong_shape_is_a_fault_on_its_line(tmp_path: Path, repeat: str, message: str) -> None:
    text = WIDE.replace("[file]\n", f"[file]\nrepeat = {repeat}\n")
    loaded, faults = load_file(write(tmp_path, "acme/stock.toml", text), tmp_path / "mappings")
    assert loaded is None
    assert faults[0].line == text.splitlines().index(f"repeat = {repeat}") + 1
    assert message in str(faults[0])
