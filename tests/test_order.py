"""What a query lists or picks never depends on the order in which rows happen to be read."""

from __future__ import annotations

import re
from pathlib import Path

import gateway

ROOT = Path(gateway.__file__).parent
_PICKS = re.compile(
    r"\b(?:string_agg|array_agg|group_concat|any_value|list(?=\((?:distinct )?\w+\b[^,)]*\) ?(?:as|filter)))\(", re.I
)


def arguments(text: str, start: int) -> str:
    """What stands between the bracket at `start` and the one that closes it."""
    depth = 0
    for end in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if not depth:
            return text[start:end]
    return text[start:]


def unordered(text: str) -> list[str]:
    found = [(match.group(), arguments(text, match.end() - 1)) for match in _PICKS.finditer(text)]
    return [name + inside[1:60] for name, inside in found if "order by" not in inside]


def test_every_list_and_pick_says_its_order() -> None:
    found = {str(path.relative_to(ROOT)): unordered(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.py")}
    assert {path: picks for path, picks in found.items() if picks} == {}


def test_one_without_an_order_would_be_found() -> None:
    assert unordered("select string_agg(distinct name, ', ') as names, any_value(qty), list(sku) as skus from t") == [
        "string_agg(distinct name, ', '",
        "any_value(qty",
        "list(sku",
    ]
    assert unordered("select string_agg(f(x), ', ' order by x), list(x order by x) as y from t") == []
