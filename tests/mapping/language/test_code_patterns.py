"""Codes that stand for several: what fits them, and which two fit the same."""

from __future__ import annotations

import re
from itertools import pairwise, product

from gateway.mapping.language import code_patterns

TEXTS = ["".join(letters) for size in range(7) for letters in product("ab", repeat=size)]
PATTERNS = ["".join(letters) for size in range(1, 4) for letters in product("ab*", repeat=size) if "*" in letters]


def test_a_star_is_any_text_and_two_patterns_meet_where_a_text_fits_both() -> None:
    fitting = {pattern: {text for text in TEXTS if code_patterns.fits(pattern, text)} for pattern in PATTERNS}
    for pattern, texts in fitting.items():
        assert texts == {text for text in TEXTS if re.fullmatch(pattern.replace("*", ".*"), text)}
        assert {other for other in PATTERNS if code_patterns.meet(pattern, other)} == {
            other for other in PATTERNS if texts & fitting[other]
        }


def test_the_longer_beginning_is_more_definite() -> None:
    ranks = [code_patterns.rank(code) for code in ("fee: a", "fee: a*", "fee: *", "fee*charge", "fee*", "*fee", "*")]
    assert all(one < other for one, other in pairwise(ranks))
