"""A draft as a file: TOML, whatever stands in the sample."""

from __future__ import annotations

import tomllib

from gateway.suggest import text
from gateway.suggest.draft import Draft, Line, Record, inline


def test_a_draft_is_toml_whatever_the_names_and_values_are() -> None:
    odd = 'Menge "netto"\n\x7fin\tkg'
    record = Record("item", ("sku",), [Line("sku", inline({"from": odd, "blank": ["--"]}), "guess", f"seen: {odd}")])
    draft = Draft("acme.items", "acme", records=[record], unmapped=[(odd, odd)], notes=[odd])
    draft.records[0].fields.append(Line("name", '{ constant = "…" }', None, "no column states it", todo=True))
    found = tomllib.loads(text(draft))
    assert found["record"][0]["fields"] == {"sku": {"from": odd, "blank": ["--"]}}
    assert draft.todo == ["item.name"] and '# TODO name = { constant = "…" }' in text(draft)


def test_the_short_form_and_tables_in_one_line() -> None:
    assert inline({"from": "SKU"}) == '"SKU"'
    assert inline({"from": "Date", "formats": ["%d.%m.%Y"]}) == '{ from = "Date", formats = ["%d.%m.%Y"] }'
    assert inline({"from": "S", "map": {"Zu prüfen": "QC_HOLD", "OK": "AVAILABLE"}}) == (
        '{ from = "S", map = { "Zu prüfen" = "QC_HOLD", OK = "AVAILABLE" } }'
    )
