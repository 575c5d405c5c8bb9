"""Quantities beside a unit of measure: how many base units they are, and which units are reported."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.mapping.compiler import measures
from tests.mapping.fake import Alone, Bench, mapping, snapshot, stock

COLUMNS = ("place", "sku", "qty", "unit", "size")


def counted(bench: Bench, *rows: tuple[str, ...]) -> Alone:
    """Rows of (item, quantity, unit, size of a pack that the document states) as a snapshot."""
    record = snapshot(
        sku={"from": "sku", "alias": "3PL"},
        qty={"from": "qty", "packs_of": "sku", "counted_in": "unit", "pack_size": "_size"},
        _size={"from": "size", "type": "decimal"},
    )
    return bench.apply(
        mapping(record), lambda _: stock(*((f"A{n}", *row) for n, row in enumerate(rows)), columns=COLUMNS)
    )


@pytest.fixture
def items(bench: Bench) -> Bench:
    """Socks counted in pairs, coffee in kilograms, a mug in pieces; a box of 24 mugs and a set of 3 have aliases."""
    bench.con.execute("alter table item add column base_uom varchar")
    bench.con.execute("insert into item values ('MUG', 'EA'), ('SOCKS', 'pr'), ('COFFEE', 'KG'), ('NEW', null)")
    bench.alias(("acme", "3PL", "MUG-BOX", "MUG", 24, None, None), ("acme", "3PL", "MUG-3", "MUG", 3, None, None))
    bench.alias(("acme", "3PL", "MUG-1", "MUG", 1, None, None), ("acme", "3PL", "MUG-12", "MUG", 12, None, None))
    return bench


@pytest.mark.parametrize(
    ("item", "qty", "unit", "size", "units"),
    [
        ("MUG", "2", "", "", "2"),
        ("MUG", "2", "EA", "12", "2"),  # a case size says nothing about single items
        ("MUG", "2", "dz", "", "24"),
        ("MUG-1", "2", "DZN", "", "24"),
        ("MUG", "2", "DPC", "", "24"),
        ("MUG", "3", "PR", "", "6"),
        ("NEW", "1.5", "GRO", "", "216"),
        ("MUG", "1", "GS", "", "144"),
        ("MUG", "0.5", "CEN", "", "50"),
        ("MUG", "2", "TH", "", "2000"),
        ("SOCKS", "3", "PR", "", "3"),  # the base unit of the item
        ("SOCKS", "1", "DPR", "", "12"),  # a dozen pairs is 12 of them
        ("COFFEE", "2.5", "KGM", "", "2.5"),  # the same measure in the other list of codes
        ("MUG-BOX", "2", "CA", "12", "48"),  # an alias goes before what the document says
        ("MUG-BOX", "2", "EA", "", "48"),
        ("MUG-12", "2", "DZ", "", "24"),  # both say the same
        ("MUG-3", "2", "DZ", "", "72"),  # a dozen sets of three
        ("MUG", "2", "CA", "10", "20"),
    ],
)
def test_a_unit_of_measure_becomes_base_units(
    items: Bench, item: str, qty: str, unit: str, size: str, units: str
) -> None:
    mapped = counted(items, (item, qty, unit, size))
    [(found,)] = items.rows(mapped, "inventory_snapshot", "qty")
    assert (float(found), items.faults(mapped, "code")) == (float(units), [])


def test_a_unit_that_nobody_knows_counts_as_stated_and_is_reported_once_in_a_file(items: Bench) -> None:
    rows = [("MUG", "2", "CA", ""), ("NEW", "5", "CA", "0"), ("MUG", "7", "LB", "10"), ("SOCKS", "1", "HC", "")]
    mapped = counted(items, *rows, ("SOCKS", "1", "DPR", ""), ("NEW", "0", "BX", ""))
    found = [qty for (qty,) in items.rows(mapped, "inventory_snapshot", "qty")]
    assert found == ["2.0000", "5.0000", "7.0000", "50.0000", "12.0000", "0.0000"]
    reported = items.faults(mapped, "position", "code", "column_name", "value", "rejects")
    assert reported == [
        ("line 2", "UNIT_UNKNOWN", "unit", "CA", False),
        ("line 4", "UNIT_UNKNOWN", "unit", "LB", False),
    ]
    [(cases, fix), (pounds, _)] = items.faults(mapped, "message", "hint")
    assert cases == (
        '"CA" does not say how many units are in one: the quantity is taken as stated '
        "(expected EA, a count such as DZN, or an alias that says how many units are in one) (2 rows)"
    )
    assert fix == (
        "Add an alias of the item with its pack quantity, or give the item that unit as its base unit if that is what "
        "you count, then replay the file."
    )
    assert pounds.startswith('"LB" is a measure and counts no items: the quantity is taken as stated')


def test_the_same_code_never_has_two_meanings() -> None:
    codes = [*measures.ONES, *(c for of in measures.COUNTS.values() for c in of)]
    codes += [c for of in (*measures.MEASURES, measures.LOADS) for c in of]
    assert len(codes) == len(set(codes))


def test_a_cell_without_a_value_is_not_the_one_that_a_blank_quantity_is_reported_in(items: Bench) -> None:
    def row(*cells: Any) -> Alone:
        return counted(items, cells)

    assert items.faults(row("MUG", "", "DZ", ""), "column_name", "message") == [
        ("qty", "qty: is blank, but qty is required")
    ]


def test_a_pack_that_is_too_large_for_a_quantity_rejects_no_file(items: Bench) -> None:
    items.alias(("acme", "3PL", "MUG-ALL", "MUG", 99999999999999, None, None))
    mapped = counted(items, ("MUG-ALL", "1", "DZ", ""), ("MUG", "1", "DZ", ""))
    assert [qty for (qty,) in items.rows(mapped, "inventory_snapshot", "qty")] == ["1.0000", "12.0000"]
    assert items.faults(mapped, "position", "code") == [("line 2", "UNIT_UNKNOWN")]


@pytest.mark.parametrize("pack", ["0", "-4"])
def test_an_alias_whose_pack_holds_nothing_is_rejected(bench: Bench, pack: str) -> None:
    fields = {
        "alias_partner": "place",
        "id_type": {"constant": "3PL"},
        "external_id": "sku",
        "sku": "sku",
        "pack_qty": "qty",
    }
    record = {"type": "item_alias", "key": ["external_id"], "fields": fields}
    mapped = bench.apply(
        mapping(record), lambda _: stock(("acme", "MUG", pack), ("acme", "POT", pack), ("acme", "JAR", ""))
    )
    assert (mapped.received, mapped.rejected, mapped.held) == (3, 2, [])
    assert bench.faults(mapped, "message")[0][0].startswith(f'qty: "{pack}" is not a number above zero (expected ')
