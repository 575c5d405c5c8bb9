"""Loading: every fault names its file, line and fix; a broken mapping never stops its neighbours."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.mapping.library.load import FILE_BYTES_MAX, expanded, load_all, load_file, read_all
from gateway.mapping.lint.lint import check
from gateway.toml_lines import Lines
from tests.mapping.samples_of_mappings import PACK, STOCK, write

LAYOUT = '''\
# a remark with [brackets] and = signs
feed = "x"   # 2
"quoted key" = 1
a.b.c = 4

[file]
match = [
  "one",     # 8
  """two [[record]]
  key = 1""",
  "three",   # 11
]
text = """
[[record]]
fake = 1
"""
lit = \'\'\'
[no]
\'\'\'
tie_out = [{ sum = "a", equals = \'b\' },
  { count = true, equals = "c" }]

[[record]]
type = "t1"
[record.fields]
amount = { from = "x\\"]", map = { "A" = "B" } }

[[record]]
type = "t2"

[record.fields]
amount = "y"
"odd key" = { from = "z" }
[record.fields.sub]
type = "text"

[[record.extra]]
n = 1
[[record.extra]]
n = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("feed",), 2),
        (("quoted key",), 3),
        (("a", "b", "c"), 4),
        (("file",), 6),
        (("file", "match"), 7),
        (("file", "match", 0), 8),
        (("file", "match", 1), 9),
        (("file", "match", 2), 11),
        (("file", "text"), 13),
        (("file", "tie_out", 0, "equals"), 20),
        (("file", "tie_out", 1, "count"), 21),
        (("file", "tie_out", 1, "equals"), 21),
        (("record",), 23),
        (("record", 0), 23),
        (("record", 0, "type"), 24),
        (("record", 0, "fields"), 25),
        (("record", 0, "fields", "amount", "map", "A"), 26),
        (("record", 1), 28),
        (("record", 1, "fields", "amount"), 32),
        (("record", 1, "fields", "odd key", "from"), 33),
        (("record", 1, "fields", "sub", "type"), 35),
        (("record", 1, "extra", 0, "n"), 38),
        (("record", 1, "extra", 1, "n"), 40),
        (("record", 1, "fields", "amount", "nothing", "here"), 32),
        (("nowhere",), 1),
    ],
)
def test_the_line_of_each_kind_of_key(path: tuple[Any, ...], line: int) -> None:
    tomllib.loads(LAYOUT)
    assert Lines(LAYOUT).of(*path) == line
    assert Lines(LAYOUT.replace("\n", "\r\n")).of(*path) == line


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from paths(inner, (*at, key))
    for number, inner in enumerate(value) if isinstance(value, list) else ():
        yield from paths(inner, (*at, number))


keys = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\"), min_size=1, max_size=6)
leaves = st.integers(0, 9) | st.booleans() | st.text(st.characters(codec="ascii"), max_size=8)
trees = st.dictionaries(
    keys,
    st.recursive(leaves, lambda i: st.lists(i, max_size=3) | st.dictionaries(keys, i, max_size=3), max_leaves=8),
    max_size=5,
)


@given(trees)
@settings(max_examples=120, deadline=None)
def test_every_key_of_any_toml_has_a_line_that_holds_it(tree: dict[str, Any]) -> None:
    text = tomlkit.dumps(tree)
    lines, written = Lines(text), text.replace("\r\n", "\n").split("\n")
    for path in paths(tomllib.loads(text)):
        depth, line = lines.find(path)
        assert depth == len(path), (text, path)
        if isinstance(path[-1], str):
            assert path[-1].replace('"', '\\"') in written[line - 1] or path[-1] in written[line - 1]


@given(st.text(st.sampled_from("[]{}=\"'.,#\n a1"), max_size=60))
@settings(max_examples=300, deadline=None)
def test_the_line_finder_survives_any_text(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in Lines(text).known.values())


def test_the_line_finder_survives_deep_nesting() -> None:
    assert Lines("a = " + "[" * 5000).of("a") == 1


# --- files --------------------------------------------------------------------------------------------


def said(home: Path, text: str | bytes) -> str:
    """The one fault of a mapping with that text."""
    path = write(home, "acme/stock.toml", text)
    loaded, faults = load_file(path, home / "mappings")
    assert loaded is None and len(faults) == 1, faults
    return str(faults[0])


def test_a_mapping_loads_with_its_version_and_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "acme/stock.toml", STOCK)
    loaded, faults = load_file(path, tmp_path / "mappings")
    assert loaded is not None and not faults
    assert loaded.mapping.record[0].fields["qty"].source == "On Hand"
    assert loaded.name == "mappings/acme/stock.toml"
    assert loaded.place("record", 0, "fields", "qty") == ("mappings/acme/stock.toml", 18)
    assert len(loaded.version) == 16


def test_a_byte_order_mark_and_windows_line_ends_are_tolerated(tmp_path: Path) -> None:
    path = write(tmp_path, "acme/stock.toml", b"\xef\xbb\xbf" + STOCK.replace("\n", "\r\n").encode())
    loaded, _ = load_file(path, tmp_path / "mappings")
    assert loaded is not None
    assert loaded.lines.of("record", 0, "fields", "qty") == 18


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "formats =",
            "formts =",
            "14: unknown key `record[1].fields.as_of.formts`; did you mean `formats`? Fix: rename the key.",
        ),
        ('partner = "acme"', 'partnr = "acme"', None),
        ("match  =", 'drift  = "hold-mising"\nmatch  =', '5: `file.drift` cannot be "hold-mising"; did you mean'),
        ('format = "delimited"', "", "4: `file.format` is missing"),
        ("[file]", 'expect = { every = "day", rows = "many" }\n[file]', '4: `expect.rows` cannot be "many"'),
        ("[file]", 'expect = { every = "day", zone = "UTC" }\n[file]', "4: unknown key `expect.zone`"),
        (
            "[file]",
            'expect = { every = "day", fallback = { snapshots = "x" } }\n[file]',
            "4: unknown key `expect.fallback.snapshots`; did you mean `snapshot`?",
        ),
        ("[[record]]", "[record]", "8: `record` is a single table. Fix: write [[record]] with two brackets"),
        ('match  = ["*stock*.csv"]', "match = 7", "5: `file.match` must be a list in [ ], not 7"),
        (
            'sku      = "SKU"',
            "sku = 7",
            "16: `record[1].fields.sku` must be a column in quotes or a table in { }, not 7",
        ),
        (
            'sku      = "SKU"',
            "sku = { from = 7 }",
            "`record[1].fields.sku.from` must be text in quotes or a list in [ ]",
        ),
        ('sku      = "SKU"', 'sku = { from = "A", constant = "B" }', "name exactly one source"),
        ('sku      = "SKU"', 'sku = { lookup = "x" }', "`lookup` and `on` go together"),
        ('sku      = "SKU"', 'sku = { from = "A", alias = "MSKV" }', 'cannot be "MSKV"; did you mean "MSKU"?'),
        ('sku      = "SKU"', 'sku = { from = "A", scale = 9 }', "should be less than or equal to 6, not 9"),
        ('sku      = "SKU"', 'sku = { from = "A", sign = { form = "B", negative = ["x"] } }', None),
        ("[file]", 'valid_from = "soon"\n[file]', "must be a date such as 2026-01-31"),
        ("[file]", 'key = ["a"]\n[file]', "belongs below [[record]], above [record.fields]"),
        (
            "[file]",
            'acknowledge = { feedback = "csv" }\n[file]',
            "4: `acknowledge` does not belong in a mapping: it is agreed with the partner for all of its files. "
            "Fix: write it in "
            'config.toml, as in [partners.acme.acknowledge] feedback = "csv".',
        ),
        ("[file]", 'mode = "test"\n[file]', "4: `mode` cannot be \"test\". Fix: use 'live' or 'shadow'"),
        ("match  =", "tie_out = [{ sum = \"qty\", equal = 'x' }]\nmatch  =", None),
        ("match  =", "tie_out = [{ equals = 'x' }]\nmatch  =", 'say either sum = "field" or count = true'),
    ],
)
def test_a_wrong_shape_is_reported_in_the_words_of_the_file(
    tmp_path: Path, old: str, new: str, expected: str | None
) -> None:
    path = write(tmp_path, "acme/stock.toml", STOCK.replace(old, new, 1))
    loaded, faults = load_file(path, tmp_path / "mappings")
    assert loaded is None and faults
    for fault in faults:
        assert "pydantic" not in str(fault) and "Input" not in fault.message and fault.fix
        assert fault.line > 1 or "missing" in fault.message
    if expected is not None:
        assert len(faults) == 1
        assert expected in str(faults[0])
    else:
        assert any("did you mean" in fault.message for fault in faults)
        assert any("missing" in fault.message for fault in faults)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('feed = "a\npartner = 1', "mappings/acme/stock.toml:1: is not valid TOML: "),
        ("a = 1\n[file\nb = 2", "mappings/acme/stock.toml:2: is not valid TOML: "),
        ("a = 1\na = 2", ":2: is not valid TOML: the key `a` is written twice; it is also in line 1"),
        ("a = [1,\n2\n", ":1: is not valid TOML: "),
        (b'a = 1\nb = "\xff"', ":2: is not UTF-8 text. Fix: save the file as UTF-8."),
        (b"\xff\xfea\x00", "is UTF-16 text"),
        ("#" * (FILE_BYTES_MAX + 1), "has more than 1,000,000 bytes"),
        ("a = " + "[" * 100_000, "mappings/acme/stock.toml:1: "),
    ],
)
def test_a_file_that_is_no_toml_is_reported_with_its_line(tmp_path: Path, text: str | bytes, expected: str) -> None:
    assert expected in said(tmp_path, text)


def test_a_broken_mapping_never_stops_the_others(tmp_path: Path) -> None:
    write(tmp_path, "acme/stock.toml", STOCK)
    write(tmp_path, "acme/broken.toml", "feed = ")
    write(tmp_path, "acme/wrong.toml", STOCK.replace('"acme.stock"', '"acme.wrong"').replace("qty ", "qtyy "))
    write(tmp_path, "standard/csv/pack.toml", "not toml either")
    write(tmp_path, "standard/loose.toml", "=")
    write(tmp_path, "lookups/x.toml", "=")
    write(tmp_path, "posting.toml", "=")
    library = load_all(tmp_path)
    assert list(library.mappings) == ["acme.stock"]
    assert {fault.file for fault in library.faults} == {"mappings/acme/broken.toml", "mappings/acme/wrong.toml"}


def test_a_home_without_mappings_is_empty(tmp_path: Path) -> None:
    library = load_all(tmp_path)
    assert not library.mappings and not library.faults


def test_two_mappings_of_one_feed_need_different_days(tmp_path: Path) -> None:
    write(tmp_path, "acme/a.toml", "valid_to = 2025-12-31\n" + STOCK)
    write(tmp_path, "acme/b.toml", "valid_from = 2026-01-01\n" + STOCK)
    write(tmp_path, "acme/c.toml", "valid_from = 2026-06-01\n" + STOCK)
    library = load_all(tmp_path)
    assert library.mappings["acme.stock"].name == "mappings/acme/b.toml"
    assert [one.name for one in library.earlier] == ["mappings/acme/a.toml"]
    assert [str(fault) for fault in library.faults] == [
        'mappings/acme/c.toml:2: the feed "acme.stock" is also in mappings/acme/b.toml, on the same days. '
        "Fix: remove the copy; or give each feed a name of its own, or end one with valid_to before valid_from of the "
        "other."
    ]


def test_a_copy_does_not_take_over_the_feed(tmp_path: Path) -> None:
    write(tmp_path, "acme/stock.toml", STOCK)
    last = load_all(tmp_path)
    write(tmp_path, "acme/stock - Kopie.toml", STOCK)
    write(tmp_path, "acme/a.toml", STOCK)  # Shorter, and not in force.
    assert read_all(tmp_path).mappings["acme.stock"].name == "mappings/acme/a.toml"
    library = load_all(tmp_path, last)
    assert library.mappings["acme.stock"].name == "mappings/acme/stock.toml"
    assert sorted(fault.file for fault in library.faults) == [
        "mappings/acme/a.toml",
        "mappings/acme/stock - Kopie.toml",
    ]


def test_what_nobody_reads_is_reported(tmp_path: Path) -> None:
    write(tmp_path, "acme/stock.toml.txt", STOCK)
    write(tmp_path, "stock.toml", STOCK)
    assert [fault.file for fault in load_all(tmp_path).faults] == [
        "mappings/acme/stock.toml.txt",
        "mappings/stock.toml",
    ]


# --- packs --------------------------------------------------------------------------------------------

OWN = """\
based_on = "standard/x12/846"
feed     = "acme.846"
partner  = "acme"
[file]
sender = "ZZ/ACME"
[[record]]
type = "inventory_snapshot"
[record.fields]
location = { constant = "DC9" }
"""


def test_a_pack_is_laid_under_the_partners_keys(tmp_path: Path) -> None:
    write(tmp_path, "standard/x12/846.toml", PACK)
    path = write(tmp_path, "acme/846.toml", OWN)
    loaded, faults = load_file(path, tmp_path / "mappings")
    assert loaded is not None and not faults
    record = loaded.mapping.record[0]
    assert len(loaded.mapping.record) == 1
    assert record.fields["location"].constant == "DC9"
    assert record.fields["qty"].source == "QTY/02" and record.each == "LIN/QTY"
    assert loaded.mapping.file.sender == "ZZ/ACME" and loaded.mapping.file.options == {"summary": ["CTT"]}
    assert loaded.place("record", 0, "fields", "location") == ("mappings/acme/846.toml", 9)
    assert loaded.place("record", 0, "fields", "qty") == ("mappings/standard/x12/846.toml", 21)
    assert loaded.place("file", "sender") == ("mappings/acme/846.toml", 5)
    data, _ = expanded(path, tmp_path / "mappings")
    assert data is not None and "based_on" not in data
    assert data["record"][0]["fields"]["location"] == {"constant": "DC9"}


TWO_TABLES = """\
[file]
format  = "delimited"
tie_out = [{ name = "net", sum = "amount", equals = 'sum("Net")' }, { name = "sets", count = true, equals = "1", \
record = "settlement" }]
other_names = { "Payout" = ["Auszahlung"] }
[[record]]
type = "settlement_line"
key  = ["settlement_id", "txn_type"]
[record.fields]
settlement_id   = "Batch"
txn_type        = "Type"
channel         = { constant = "WEB" }
posted_at       = "Date"
canonical_class = { constant = "principal" }
amount          = "Amount"
currency        = { constant = "EUR" }
[[record]]
type = "settlement"
key  = ["Payout"]
when = "\\"Type\\" = 'Payout'"
[record.fields]
settlement_id = "Batch"
channel       = { constant = "WEB" }
currency      = { constant = "EUR" }
deposit_date  = "Date"
total         = "Amount"
_fee          = "Fee"
"""
OF_TWO = 'based_on = "standard/shop/payouts"\nfeed = "acme.payouts"\npartner = "acme"\n'


def test_a_mapping_leaves_out_a_table_of_its_pack(tmp_path: Path) -> None:
    write(tmp_path, "standard/shop/payouts.toml", TWO_TABLES)
    path = write(tmp_path, "acme/payouts.toml", OF_TWO + 'drop = ["settlement"]\n[file]\ntie_out = []\n')
    loaded, faults = load_file(path, tmp_path / "mappings")
    assert loaded is not None and not faults and not check(loaded, {})
    assert [record.type for record in loaded.mapping.record] == ["settlement_line"]
    # What only the record that is gone reads is no news in a file, under its other name neither.
    assert {"Payout", "Fee", "Type"} <= set(loaded.mapping.file.known)
    data, _ = expanded(path, tmp_path / "mappings")
    assert data is not None and "drop" not in data and len(data["record"]) == 1
    # The lines of the record that stays are those of the pack, whichever number it has there.
    write(tmp_path, "acme/payouts.toml", OF_TWO + 'drop = ["settlement_line"]\n[file]\ntie_out = []\n')
    loaded, faults = load_file(path, tmp_path / "mappings")
    assert loaded is not None and not faults and not check(loaded, {})
    assert loaded.place("record", 0, "key") == ("mappings/standard/shop/payouts.toml", 18)
    # A record of the partner for such a table stands alone: it takes nothing from the pack's.
    own = '[[record]]\ntype = "settlement"\nkey = ["settlement_id"]\n[record.fields]\nsettlement_id = "No"\n'
    write(tmp_path, "acme/payouts.toml", OF_TWO + 'drop = ["settlement"]\n' + own)
    loaded, faults = load_file(path, tmp_path / "mappings")
    assert loaded is not None and list(loaded.mapping.record[1].fields) == ["settlement_id"]
    assert [tie.record for tie in loaded.mapping.file.tie_out] == ["settlement_line", "settlement"]


@pytest.mark.parametrize(
    ("head", "messages"),
    [
        (
            OF_TWO + 'drop = ["setlement", "settlement", "settlement"]\n[file]\ntie_out = []\n',
            [
                'standard/shop/payouts fills no table "setlement"; did you mean "settlement"? Fix: it fills '
                "settlement, settlement_line.",
                '"settlement" is named twice. Fix: keep one.',
            ],
        ),
        (
            OF_TWO + 'drop = ["settlement", "settlement_line"]\n',
            [
                "nothing is left of standard/shop/payouts, which fills settlement, settlement_line. Fix: keep a table, "
                "or remove this mapping and its files from the drop folder."
            ],
        ),
        (
            OF_TWO + 'drop = ["settlement"]\n',
            [
                'the tie-out "sets" of standard/shop/payouts compares settlement, which is left out. Fix: write under '
                "[file] the tie-outs that shall hold, tie_out = […] (`gateway check --expand` prints those of the "
                "pack), or tie_out = [] for none; or keep the table."
            ],
        ),
        # Without `record` a tie-out is about the first record of the pack, and not about what is first without it.
        (
            OF_TWO + 'drop = ["settlement_line"]\n',
            ['the tie-out "net" of standard/shop/payouts compares settlement_line'],
        ),
        (
            'feed = "acme.payouts"\npartner = "acme"\n\ndrop = ["settlement"]\n' + TWO_TABLES,
            ["leaves out tables of a pack, and the mapping is based on none. Fix: remove `drop`, and the records."],
        ),
    ],
)
def test_a_table_that_cannot_be_left_out_is_refused_at_its_line(tmp_path: Path, head: str, messages: list[str]) -> None:
    write(tmp_path, "standard/shop/payouts.toml", TWO_TABLES)
    _, faults = load_file(write(tmp_path, "acme/payouts.toml", head), tmp_path / "mappings")
    said = [str(fault) for fault in faults]
    assert len(said) == len(messages)
    for fault, message in zip(said, messages, strict=True):
        assert fault.startswith(f"mappings/acme/payouts.toml:4: drop: {message}")


def test_a_further_record_of_the_partner_is_added_and_keeps_its_lines(tmp_path: Path) -> None:
    write(tmp_path, "standard/x12/846.toml", PACK)
    more = OWN + '[[record]]\ntype = "inventory_snapshot"\nkey = ["sku"]\n[record.fields]\nsku = "LIN/05"\n'
    path = write(tmp_path, "acme/846.toml", more)
    loaded, _ = load_file(path, tmp_path / "mappings")
    assert loaded is not None
    assert [len(record.fields) for record in loaded.mapping.record] == [6, 1]
    assert loaded.place("record", 1, "fields", "sku") == ("mappings/acme/846.toml", 14)


def test_a_fault_in_a_pack_names_the_pack(tmp_path: Path) -> None:
    write(tmp_path, "standard/x12/846.toml", PACK.replace('formats = ["ymd"]', 'formts = ["ymd"]'))
    _, faults = load_file(write(tmp_path, "acme/846.toml", OWN), tmp_path / "mappings")
    assert [(fault.file, fault.line) for fault in faults] == [("mappings/standard/x12/846.toml", 17)]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("standard/x12/864", 'there is no pack "standard/x12/864"; did you mean "standard/x12/846"?'),
        ("standard/../../etc/passwd", "names no pack"),
        ("/etc/passwd", "names no pack"),
        ("acme/stock", "names no pack"),
        ("standard/x12/chained", "is itself based on another pack"),
        ("standard/x12/broken", "is not valid TOML"),
    ],
)
def test_a_pack_that_cannot_be_used_is_reported(tmp_path: Path, base: str, expected: str) -> None:
    write(tmp_path, "standard/x12/846.toml", PACK)
    write(tmp_path, "standard/x12/chained.toml", 'based_on = "standard/x12/846"')
    write(tmp_path, "standard/x12/broken.toml", "=")
    path = write(tmp_path, "acme/846.toml", OWN.replace("standard/x12/846", base))
    loaded, faults = load_file(path, tmp_path / "mappings")
    assert loaded is None and expected in str(faults[0])


@pytest.mark.parametrize("shape", ["record = 1", "record = [1]", "file = 2", "record = {}", "based_on = 3"])
def test_a_pack_or_mapping_of_a_wrong_shape_is_a_fault_not_a_crash(tmp_path: Path, shape: str) -> None:
    write(tmp_path, "standard/x12/846.toml", shape)
    for text in ('based_on = "standard/x12/846"\n' + shape.replace("based_on = 3", ""), OWN):
        loaded, faults = load_file(write(tmp_path, "acme/846.toml", text), tmp_path / "mappings")
        assert loaded is None and faults


def test_the_version_follows_the_file_its_pack_and_its_lookups(tmp_path: Path) -> None:
    write(tmp_path, "standard/x12/846.toml", PACK)
    own = OWN + 'status = { lookup = "codes", on = ["QTY/01"] }\n'
    seen = set()

    def version() -> str:
        loaded, _ = load_file(path, tmp_path / "mappings")
        assert loaded is not None
        return loaded.version

    path = write(tmp_path, "acme/846.toml", own)
    for change in (
        lambda: None,
        lambda: write(tmp_path, "lookups/codes.csv", "code,value\n33,AVAILABLE\n"),
        lambda: write(tmp_path, "lookups/codes.csv", "code,value\n33,DAMAGED\n"),
        lambda: write(tmp_path, "standard/x12/846.toml", PACK + "# changed\n"),
        lambda: write(tmp_path, "acme/846.toml", own + "# changed\n"),
    ):
        change()
        seen.add(version())
        assert version() in seen
    assert len(seen) == 5
    before = version()
    write(tmp_path, "lookups/other.csv", "code,value\n1,2\n")
    assert version() == before
