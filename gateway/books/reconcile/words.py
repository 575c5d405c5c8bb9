"""Keys that stand as whole words in a text: an order number in the remittance of a bank line."""

from __future__ import annotations

import duckdb

TEXT_MAX = 2_000
"""Characters of a text that are looked at."""
WORD_MIN = 3
"""Characters that a key must have to be looked for: shorter ones stand in texts by chance."""

_EDGES = "'#._/-'"


def named(con: duckdb.DuckDBPyConnection, external: str, book: str, pairs_max: int) -> str:
    """Make the relation (external, book) of items where the text of one has the key of the other; its name.

    A word ends at white space and at signs other than `# . _ - /`; parts between slashes are words too. So O-1 is in
    "ORDER O-1, THANKS" and in "REF/O-1/X", and not in "O-12", "O-1-2" or "XO-1". Case does not matter. A word that
    would bring more than `pairs_max` pairs together says nothing: its items stay open. Words are compared by equality
    alone, so the work grows with the texts and the keys, not with their product.

    external, book  relations of items with `words` (null where the side has no text) and `k` (null where it has no key)
    """
    con.execute(
        f"""create or replace temp table _named as
        {_met(external, book, "external", "book", pairs_max)}
            union {_met(book, external, "book", "external", pairs_max)}"""
    )
    return "_named"


def whole(text: str, key: str) -> str:
    """SQL: whether a text has a key, which may have blanks, with the ends of words on both sides, as `named` sees
    them."""
    signs, ends = "[#._-]*", r"[^\pL\pN#._-]"
    pattern = f"'(^|{ends}){signs}' || regexp_escape(trim(upper({key}), {_EDGES})) || '{signs}($|{ends})'"
    # The pattern is made and tried only where the text has the key at all.
    return (
        f"case when contains(upper({text}), trim(upper({key}), {_EDGES})) then regexp_matches(upper({text}), "
        f"{pattern}) else false end"
    )


def _met(texts: str, keys: str, text_side: str, key_side: str, pairs_max: int) -> str:
    """SELECT of (external, book): a join by word, of words that bring few enough together."""
    same = "entity, currency, word"
    pair = {text_side: "w.item", key_side: "k.item"}
    return f"""select {pair["external"]} as external, {pair["book"]} as book
        from (select *, count(*) over (partition by {same}) as n from (
                select distinct item, entity, currency, unnest({_words("words")}) as word from {texts}
                    where words is not null)) w
        join (select *, count(*) over (partition by {same}) as n from (
                select item, entity, currency, trim(upper(k), {_EDGES}) as word from {keys} where k is not null)) k
          using ({same})
        where length(word) >= {WORD_MIN} and w.n * k.n <= {pairs_max}"""


def _words(text: str) -> str:
    """SQL: the list of the words of a text, in capital letters and without signs at their edges."""
    whole = f"string_split_regex(upper(left({text}, {TEXT_MAX})), '[^\\pL\\pN#/._-]+')"
    parts = f"flatten(list_transform({whole}, lambda word: string_split(word, '/')))"
    return f"list_distinct(list_transform(list_concat({whole}, {parts}), lambda word: trim(word, {_EDGES})))"
