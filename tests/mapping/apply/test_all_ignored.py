"""A rule of `ignore` that leaves out every row of a file is reported; a total of nothing is not."""

from __future__ import annotations

import pytest

from gateway.mapping.apply import all_ignored
from gateway.mapping.apply.mapped import Mapped, Outcome, nowhere
from gateway.mapping.language.spec import Mapping

FEED = Mapping.model_validate(
    {
        "feed": "acme.stock",
        "partner": "acme",
        "file": {"format": "delimited", "ignore": [{"name": n, "when": f"\"{n}\" <> ''"} for n in ("total", "note")]},
        "record": [{"type": "item", "key": ["sku"], "fields": {"sku": "SKU"}}],
    }
)


@pytest.mark.parametrize(
    ("received", "ignored", "reported"),
    [
        (2, {"total": 2}, True),
        (1, {"total": 1}, False),  # the total of a file without rows
        (2, {"total": 1, "note": 1}, False),  # a total and a note
        (3, {"total": 2}, False),
        (2, {"when": 2}, False),  # no rule of `ignore`
        (0, {}, False),
    ],
)
def test_what_is_reported(received: int, ignored: dict[str, int], reported: bool) -> None:
    held = Outcome(received, ignored=ignored, held=[all_ignored.Fault("CONTROL_TOTAL", "the rows make 0.00")])
    all_ignored.add(None, FEED, Mapped([held]), nowhere)  # type: ignore[arg-type]
    # It stands before the other reason: that one is its consequence.
    assert [fault.code for fault in held.held] == ["ROWS_IGNORED"] * reported + ["CONTROL_TOTAL"]


def test_the_rule_of_a_pack_may_leave_out_a_whole_file() -> None:
    held = Outcome(2, ignored={"total": 2}, held=[all_ignored.Fault("CONTROL_TOTAL", "the rows make 0.00")])
    all_ignored.add(None, FEED, Mapped([held]), lambda *_: "mappings/standard/x12/943.toml:18")  # type: ignore[arg-type]
    assert [fault.code for fault in held.held] == ["CONTROL_TOTAL"]
