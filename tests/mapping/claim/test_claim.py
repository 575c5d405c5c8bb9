"""Claims: exactly one mapping reads a file or a transaction set; otherwise a fault says what is nearest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import FileError, HomeFault
from gateway.mapping.claim.claim import Claims, claim_file, claim_units
from gateway.mapping.claim.content import Content
from gateway.mapping.language.loaded import Library, Loaded
from gateway.mapping.language.spec import Mapping
from gateway.reading import Reading
from gateway.toml_lines import Lines
from tests.mapping.fake import FakeRows

DAY = date(2026, 3, 1)


@dataclass(frozen=True)
class Unit:
    """As the formats give it."""

    ordinal: int
    kind: str = "945"
    sender: str = "ZZ/3PLEAST"
    receiver: str = "ZZ/US"
    version: str = "004010UCS"
    control: str = "0001"
    position: str = "segment 3"


def mapping(feed: str, *, partner: str = "3pl-east", file: dict[str, object], **more: object) -> Loaded:
    record = {"type": "item", "key": ["sku"], "fields": {"sku": "A"}}
    data = {"feed": feed, "partner": partner, "file": {"format": "delimited", **file}, "record": [record], **more}
    return Loaded(Mapping.model_validate(data), Path(feed), f"mappings/{partner}/{feed}.toml", "0" * 16, Lines(""))


def library(*mappings: Loaded, faults: Iterable[HomeFault] = ()) -> Library:
    return Library({one.mapping.feed: one for one in mappings}, list(faults))


def file_claim(
    lib: Library,
    name: str,
    formats: Iterable[str] = ("delimited",),
    partner: str = "3pl-east",
    columns: Iterable[str] = ("Z",),
    opened: list[str] | None = None,
) -> Claims:
    """A claim of a file with that header; `opened` gets the feeds whose mappings looked into it."""

    def open_as(asked: Mapping, each: str | None, wanted: Sequence[str]) -> Reading:
        (opened if opened is not None else []).append(asked.feed)
        return Table(tuple(columns), [])

    content = Content(set(formats), open_as, lambda: " or ".join(formats) or "no known format")
    return claim_file(lib, partner, name, content, DAY)


class Table(FakeRows):
    described = True


def x12(feed: str, transaction: str = "945", **more: object) -> Loaded:
    valid = {key: more.pop(key) for key in ("valid_from", "valid_to") if key in more}
    return mapping(feed, file={"format": "x12", "transaction": transaction, **more}, **valid)


def unit_claim(lib: Library, *units: Unit, senders: Iterable[str] = ()) -> Claims:
    return claim_units(lib, "3pl-east", units, set(senders), DAY)


# --- whole files --------------------------------------------------------------------------------------


def test_one_mapping_claims_a_file_whatever_the_case_of_its_name() -> None:
    own = mapping("stock", file={"match": ["*stock*.csv"]})
    claims = file_claim(library(own, mapping("sales", file={"match": ["*sales*"]})), "Daily_STOCK_1.CSV")
    assert claims.taken == [(own, None)] and claims.fault is None


def test_two_mappings_of_one_format_are_a_fault_that_names_both() -> None:
    lib = library(mapping("a", file={"match": ["*.csv"]}), mapping("b", file={"match": ["stock*"]}))
    fault = file_claim(lib, "stock.csv", columns=["A"]).fault
    assert fault is not None and fault.code == "FILE_REJECT"
    assert 'mappings/3pl-east/a.toml (match "*.csv"); mappings/3pl-east/b.toml (match "stock*")' in fault.message


def test_the_content_decides_between_two_formats() -> None:
    book = mapping("b", file={"match": ["stock*"], "format": "workbook"})
    lib = library(mapping("a", file={"match": ["stock*"]}), book)
    assert file_claim(lib, "stock.xlsx", ["workbook"]).taken == [(book, None)]


@pytest.mark.parametrize(
    ("name", "formats", "partner", "expected"),
    [
        (
            "stock.csv",
            ["xml"],
            "3pl-east",
            (
                "stock.csv looks like xml; no mapping of 3pl-east reads it: mappings/3pl-east/stock.toml expects "
                "format delimited"
            ),
        ),
        ("sales.csv", ["xml"], "3pl-east", "looks like xml; no mapping of 3pl-east reads it: they are for delimited"),
        ("stock.csv", [], "3pl-east", "looks like no known format"),
        (
            "sales.csv",
            ["delimited"],
            "3pl-east",
            "sales.csv looks like delimited; no mapping of 3pl-east reads it: stock also needs A",
        ),
        (
            "stock.csv",
            ["delimited"],
            "acme",
            "there is no mapping for partner acme; stock.csv looks like delimited; mappings of 3pl-east would name it",
        ),
        (
            "old.csv",
            ["delimited"],
            "3pl-east",
            "is valid on 2026-03-01: mappings/3pl-east/old.toml is valid to 2026-02-28",
        ),
        ("new.csv", ["delimited"], "3pl-east", "mappings/3pl-east/new.toml is valid from 2026-03-02"),
        (
            "x.csv",
            ["delimited"],
            "broken",
            "a mapping of broken cannot be used: mappings/broken/x.toml:3: no",
        ),
        ("x.csv", ["delimited"], "edi", "edi has mappings for interchanges only"),
    ],
)
def test_a_file_that_nobody_claims_names_the_nearest_miss(
    name: str, formats: list[str], partner: str, expected: str
) -> None:
    lib = library(
        mapping("stock", file={"match": ["stock*"]}),
        mapping("old", file={"match": ["old*"]}, valid_to=date(2026, 2, 28)),
        mapping("new", file={"match": ["new*"]}, valid_from=date(2026, 3, 2)),
        mapping("e", partner="edi", file={"format": "x12", "transaction": "945"}),
        faults=[HomeFault("mappings/broken/x.toml", 3, "no", "yes")],
    )
    fault = file_claim(lib, name, formats, partner).fault
    assert fault is not None and fault.code == "FILE_REJECT" and fault.hint
    assert expected in fault.message


def test_the_first_and_the_last_day_count() -> None:
    own = mapping("a", file={}, valid_from=DAY, valid_to=DAY)
    assert file_claim(library(own), "a").taken == [(own, None)]


def test_an_earlier_mapping_of_the_feed_serves_the_files_of_its_days() -> None:
    new = mapping("a", file={}, valid_from=date(2026, 3, 2))
    old = mapping("a", file={}, valid_to=date(2026, 3, 1))
    assert file_claim(Library({"a": new}, earlier=[old]), "a").taken == [(old, None)]


# --- by content ---------------------------------------------------------------------------------------


def orders(feed: str, *fields: str, **file: object) -> Loaded:
    """A mapping that needs these columns."""
    key = [field.lower() for field in fields]
    record = {"type": "item", "key": key[:1], "fields": {"sku": fields[0]}}
    record["fields"] |= {f"_{name}": {"from": name, "required": True} for name in fields[1:]}
    spec = {"feed": feed, "partner": "3pl-east", "file": {"format": "delimited", **file}, "record": [record]}
    return Loaded(Mapping.model_validate(spec), Path(feed), f"mappings/3pl-east/{feed}.toml", "0" * 16, Lines(""))


def test_a_file_under_another_name_goes_to_the_one_mapping_whose_columns_it_has() -> None:
    sales, stock = orders("sales", "SKU", "Price", match=["sales*"]), orders("stock", "SKU", "Count", match=["stock*"])
    claims = file_claim(library(sales, stock), "export (3).txt", columns=["SKU", "Count", "Place"])
    assert claims.taken == [(stock, None)]
    assert claims.by == 'claimed by its content, delimited; its name matches none of "stock*"'


def test_a_name_that_decides_is_believed_and_the_file_not_opened() -> None:
    sales, stock = orders("sales", "SKU", "Price", match=["sales*"]), orders("stock", "SKU", "Count", match=["stock*"])
    opened: list[str] = []
    claims = file_claim(library(sales, stock), "stock.csv", columns=["SKU", "Price"], opened=opened)
    assert (claims.taken, claims.by, opened) == ([(stock, None)], "", [])


def test_where_two_names_fit_the_content_decides_between_them() -> None:
    sales, stock = orders("sales", "SKU", "Price"), orders("stock", "SKU", "Count", match=["stock*"])
    claims = file_claim(library(sales, stock), "stock.csv", columns=["SKU", "Price"])
    assert claims.taken == [(sales, None)]
    assert claims.by.endswith("its name also fits mappings/3pl-east/stock.toml")


def test_where_none_of_the_named_ones_fits_another_may() -> None:
    lib = library(orders("a", "X", match=["*.csv"]), orders("b", "Y", match=["s*"]), orders("c", "SKU", match=["c.*"]))
    assert [one.mapping.feed for one, _ in file_claim(lib, "s.csv", columns=["SKU"]).taken] == ["c"]


def test_several_whose_columns_a_file_has_are_named() -> None:
    lib = library(orders("a", "SKU", match=["a*"]), orders("b", "SKU", "Count", match=["b*"]))
    claims = file_claim(lib, "export.txt", columns=["SKU", "Count"])
    assert claims.taken == [] and claims.fault is not None
    assert "2 mappings claim export.txt" in claims.fault.message
    assert 'a.toml (match "a*"); mappings/3pl-east/b.toml (match "b*")' in claims.fault.message


def test_a_mapping_that_needs_little_gets_no_file_that_another_knows_better() -> None:
    items, names = orders("items", "SKU", match=["i*"]), orders("names", "SKU", "Name", "Day", match=["n*"])
    fault = file_claim(library(items, names), "x.csv", columns=["SKU", "Name"]).fault
    assert fault is not None
    assert "items can read it, but names names more of its columns and also needs Day" in fault.message
    assert file_claim(library(items, names), "x.csv", columns=["SKU", "Colour"]).taken == [(items, None)]


def test_the_nearest_miss_comes_first_with_what_it_also_needs() -> None:
    far, near = orders("far", "A", "B", "C", match=["far*"]), orders("near", "SKU", "Currency", match=["near*"])
    fault = file_claim(library(far, near), "export.txt", columns=["SKU"]).fault
    assert fault is not None and fault.hint
    assert "near also needs Currency; far also needs A, B, C" in fault.message


def test_a_mapping_that_cannot_open_the_file_says_why() -> None:
    def refuse(*asked: object) -> Reading:
        raise FileError("x", "no header with SKU in the first 200 rows", "fix it")

    content = Content(["delimited"], refuse, lambda: "a CSV")
    fault = claim_file(library(orders("a", "SKU", match=["a*"])), "3pl-east", "x.csv", content, DAY).fault
    assert fault is not None
    assert "a cannot read it: no header with SKU in the first 200 rows" in fault.message


def test_files_without_a_header_are_claimed_by_their_name_alone() -> None:
    class Headless(FakeRows):
        described = False

    content = Content(["delimited"], lambda *asked: Headless(["SKU"], []), lambda: "a CSV")
    lib = library(orders("a", "SKU", match=["a*"]))
    assert claim_file(lib, "3pl-east", "a.csv", content, DAY).taken
    fault = claim_file(lib, "3pl-east", "x.csv", content, DAY).fault
    assert fault is not None and "which can be recognised only by name" in fault.message


def document(**rows: Sequence[dict[str, str | None]]) -> Content:
    """A document with these rows of each kind."""
    return Content(
        ["xml"], lambda asked, each, wanted: Table(wanted, rows.get(str(each), [])), lambda: "an XML document"
    )


def kinds(*each: str) -> Loaded:
    records = [{"type": "item", "each": one, "key": ["sku", "note"], "fields": {"sku": "A"}} for one in each]
    spec = {"feed": "doc", "partner": "3pl-east", "file": {"format": "xml", "match": ["d*"]}, "record": records}
    return Loaded(Mapping.model_validate(spec), Path("doc"), "mappings/3pl-east/doc.toml", "0" * 16, Lines(""))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ({"Line": [{"A": "1", "note": "x"}]}, ""),
        ({"Line": [{"A": "1", "note": None}, {"A": None, "note": "x"}]}, ""),
        ({"Line": [{"A": "1", "note": None}], "Total": [{"A": "1", "note": "x"}]}, ""),
        ({"Line": [{"A": "1", "note": None}]}, "also needs note"),
        ({}, "finds no Line and no Total in it"),
    ],
)
def test_a_document_needs_rows_and_one_kind_of_them_all_that_is_needed(
    rows: dict[str, list[dict[str, str | None]]], why: str
) -> None:
    claims = claim_file(library(kinds("Line", "Total")), "3pl-east", "x", document(**rows), DAY)
    assert bool(claims.taken) is not bool(why)
    assert claims.fault is None or why in claims.fault.message


def test_a_pattern_means_no_folders_and_no_regular_expression() -> None:
    lib = library(mapping("a", file={"match": ["a.c"]}))
    assert file_claim(lib, "abc").fault is not None
    assert file_claim(lib, "a.c").fault is None


# --- transaction sets ---------------------------------------------------------------------------------


def test_each_set_of_an_interchange_goes_to_its_own_mapping() -> None:
    shipped, stock = x12("945"), x12("846", "846")
    lib = library(shipped, stock)
    claims = unit_claim(lib, Unit(0), Unit(1, "846"), Unit(2), Unit(3, "997"), senders=["ZZ/3PLEAST"])
    assert {one.mapping.feed: units for one, units in claims.taken} == {
        "945": frozenset({0, 2}),
        "846": frozenset({1}),
    }
    assert claims.units == [3]
    assert "transaction set 997 0001 from ZZ/3PLEAST: an acknowledgement" in claims.unclaimed[0].message
    assert claims.unclaimed[0].position == "segment 3"


def test_a_set_that_nobody_names_says_what_to_add() -> None:
    fault = unit_claim(library(x12("945")), Unit(0, "846")).unclaimed[0]
    assert fault.code == "FILE_REJECT"
    assert fault.message == (
        "transaction set 846 0001 from ZZ/3PLEAST: no mapping of partner 3pl-east names it (they name: 945)"
    )
    assert 'transaction = "846"' in fault.hint


@pytest.mark.parametrize(
    ("wanted", "claimed"),
    [
        ({"version": "004010"}, True),
        ({"version": "004010UCS"}, True),
        ({"version": "005010"}, False),
        ({"version": "004010UCSX"}, False),
        ({"receiver": "ZZ/US"}, True),
        ({"receiver": "ZZ/EU"}, False),
        ({"sender": "ZZ/3PLEAST"}, True),
        ({"sender": "ZZ/3PLEAST", "receiver": "ZZ/US", "version": "0040"}, True),
    ],
)
def test_version_by_prefix_and_the_rest_exactly(wanted: dict[str, object], claimed: bool) -> None:
    claims = unit_claim(library(x12("945", **wanted)), Unit(0))
    assert bool(claims.taken) is claimed
    if not claimed:
        assert "mappings/3pl-east/945.toml expects" in claims.unclaimed[0].message


def test_an_unknown_sender_is_reported_with_those_that_are_configured() -> None:
    claims = unit_claim(library(x12("945")), Unit(0, sender="ZZ/EVIL"), Unit(1), senders=["ZZ/3PLEAST", "01/3PL"])
    assert [units for _, units in claims.taken] == [frozenset({1})]
    fault = claims.unclaimed[0]
    assert fault.code == "SENDER_UNKNOWN"
    assert '"ZZ/EVIL"; configured: 01/3PL, ZZ/3PLEAST' in fault.message


def test_a_set_of_another_partner_says_whose_it_is() -> None:
    theirs = mapping("theirs", partner="3pl-west", file={"format": "x12", "transaction": "945", "sender": "ZZ/3PLWEST"})
    claims = unit_claim(library(x12("945"), theirs), Unit(0, sender="ZZ/3PLWEST"), senders=["ZZ/3PLEAST"])
    assert "mappings of 3pl-west name that sender" in claims.unclaimed[0].message


def test_without_configured_senders_the_mapping_decides() -> None:
    lib = library(x12("945", sender="ZZ/3PLEAST"))
    assert unit_claim(lib, Unit(0)).taken
    assert unit_claim(lib, Unit(0, sender="ZZ/EVIL")).unclaimed[0].code == "SENDER_UNKNOWN"
    anyone = x12("any")
    assert unit_claim(library(anyone), Unit(0, sender="ZZ/ANY")).taken
    both = library(anyone, x12("846", "846", sender="ZZ/3PLEAST"))
    assert unit_claim(both, Unit(0, sender="ZZ/ANY")).taken == [(anyone, frozenset({0}))]
    assert unit_claim(both, Unit(0, sender="ZZ/ANY"), senders=["ZZ/3PLEAST"]).unclaimed[0].code == "SENDER_UNKNOWN"


def test_a_set_claimed_twice_is_reported_with_both_and_its_neighbours_proceed() -> None:
    lib = library(x12("a"), x12("b", version="004010"), x12("c", "846"))
    claims = unit_claim(lib, Unit(0), Unit(1, "846"))
    assert [(one.mapping.feed, units) for one, units in claims.taken] == [("c", frozenset({1}))]
    assert "claimed by mappings/3pl-east/a.toml and mappings/3pl-east/b.toml" in claims.unclaimed[0].message


def test_only_mappings_of_the_day_and_the_partner_claim_sets() -> None:
    lib = library(
        x12("old", valid_to=date(2026, 2, 1)),
        mapping("other", partner="acme", file={"format": "x12", "transaction": "945"}),
    )
    assert not unit_claim(lib, Unit(0)).taken


units = st.builds(
    Unit,
    ordinal=st.integers(0, 99),
    kind=st.sampled_from(["945", "846", "997"]),
    sender=st.sampled_from(["ZZ/3PLEAST", "ZZ/EVIL"]),
    version=st.sampled_from(["004010", "005010"]),
)


@given(st.lists(units, unique_by=lambda unit: unit.ordinal, max_size=20), st.booleans())
@settings(max_examples=100, deadline=None)
def test_every_set_is_taken_once_or_reported_once(found: list[Unit], restricted: bool) -> None:
    lib = library(x12("a", version="004010"), x12("b", "945"), x12("c", "846"))
    claims = unit_claim(lib, *found, senders=["ZZ/3PLEAST"] if restricted else [])
    taken = [ordinal for _, ordinals in claims.taken for ordinal in ordinals or ()]
    assert sorted(taken + claims.units) == sorted(unit.ordinal for unit in found)
    assert len(claims.units) == len(claims.unclaimed)
