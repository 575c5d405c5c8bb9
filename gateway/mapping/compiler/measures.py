"""Units of measure beside quantities → how many base units of the item are in one, as SQL.

The counts are those of X12 data element 355 and UN/ECE Recommendation 20, which also EDIFACT (6411), UBL (@unitCode),
GS1 XML and cXML use. No code of these counts means another count in the other list. How much a case, a box or a pallet
holds is not fixed by any list: the alias of the item says it (`pack_qty`), else the document (`pack_size`).
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.mapping.compiler.sources import Sources
from gateway.mapping.compiler.targets import Counted, Record, Target
from gateway.sql import literal

ONES = ("EA", "C62", "H87", "PCE", "PC", "PCS", "UN", "UNT", "NAR", "NIU", "NPT", "NMB", "UL", "1N")
"""One item: each, one, piece, unit, number of articles, of parts, count."""

COUNTS = {
    2: ("PR", "NPR", "OP"),
    3: ("P3", "QD"),
    4: ("P4",),
    5: ("P5",),
    6: ("HD", "P6"),
    7: ("P7",),
    8: ("P8",),
    9: ("P9",),
    10: ("U3", "TP"),
    11: ("EP",),
    12: ("DZ", "DZN", "DPC"),
    20: ("AX", "SCO", "TPR", "4E"),
    24: ("DP", "DPR", "Q7"),
    25: ("Q5",),
    36: ("Q6",),
    50: ("UZ",),
    100: ("HU", "HC", "CEN", "4F"),
    144: ("GS", "GRO"),
    250: ("U5",),
    500: ("VC",),
    1000: ("TH", "MIL", "T3"),
    1728: ("GG", "GGR"),
    1000000: ("UM", "MIO"),
}
"""How many items one of a code is: pair, dozen, score, gross, hundred, thousand and packs of a stated number."""

MEASURES = (
    ("LB", "LBR"),
    ("OZ", "ONZ"),
    ("GR", "GRM"),
    ("KG", "KGM"),
    ("TN", "STN", "MP", "TNE", "LTN"),
    ("CW", "CWA", "CWI", "HV", "HW"),
    ("LT", "LTR"),
    ("ML", "MLT"),
    ("GA", "GLL", "GLI"),
    ("QT", "QTL"),
    ("PT", "PTL"),
    ("FO", "OZA"),
    ("CR", "MTQ"),
    ("CF", "FTQ"),
    ("MR", "MTR"),
    ("CM", "CMT"),
    ("MM", "MMT"),
    ("IN", "INH"),
    ("FT", "FOT"),
    ("YD", "YRD"),
    ("SF", "FTK"),
    ("SM", "MTK"),
    ("SY", "YDK"),
    ("HR", "HUR"),
    ("DA", "DAY"),
)
"""Weights, volumes, lengths, areas and times, each with its code in both lists: they count no items."""

LOADS = ("PL", "PF", "SV", "PAL", "D97", "XPX", "XPF", "TC", "NL")
"""Pallets and loads: what a document says about a pack is about the packs on them."""


_NUMBERS = {
    **{code: count for count, codes in ((1, ONES), *COUNTS.items()) for code in codes},
    **dict.fromkeys(LOADS, 0),
    **{code: -number for number, codes in enumerate(MEASURES, start=1) for code in codes},
}
"""What a code is: so many items, a load (0), or a measure (below 0, the same for all codes of that measure)."""


def counted(compiler: Sources, record: Record, target: Target, aliases: tuple[Target, ...]) -> Counted:
    """How many base units one of a quantity is, by the unit of measure beside it.

    A code is, in this order: one item; a pack of the size that the alias states; the base unit of the item; the number
    of items that the lists fix; what the document says. Nobody knows any other code: it counts as one and is reported.
    One item is a pack of the alias only if that is of the first name in the row: a further one may be that of its case.
    """
    spec, plan = target.spec, compiler.plan
    place = (record.index, spec.counted_in, spec.pack_size, spec.packs_of)
    if place not in compiler.counted:
        code, number = _code(compiler, record, target)
        pack = _first([f"nullif({alias.packs}, 1)" for alias in aliases], "decimal(18,4)")
        of_one = _first([f"nullif({alias.packs_of_one}, 1)" for alias in aliases], "decimal(18,4)")
        base = _first([alias.base[0] for alias in aliases], "varchar")
        items = _first([alias.base[1] for alias in aliases], "integer")
        stated = record.targets[spec.pack_size].value if spec.pack_size else "cast(null as decimal(18,4))"
        size = f"""case when {code} is null then coalesce({pack}, 1) when {number} = 1 then coalesce({of_one}, 1)
            when {pack} is not null and ({number} is null or {number} <= 0 or {number} = {pack}) then {pack}
            when {base} = {code} or ({number} < 0 and {number} = {items}) then coalesce({pack}, 1)
            when {number} is null then nullif(greatest({stated}, 0), 0)
            when {number} > 1 and {number} % greatest(coalesce({items}, 1), 1) = 0
                then {number} // greatest(coalesce({items}, 1), 1) * cast(coalesce({pack}, 1) as decimal(28,4)) end"""
        known = plan.add(f"__us{target.tag}", f"try_cast({size} as decimal(18,4))")
        unknown = plan.add(f"__uk{target.tag}", f"case when {known} is null then {code} end")
        compiler.counted[place] = Counted(f"coalesce({known}, 1)", unknown)
    return compiler.counted[place]


def number_of(code: str) -> str:
    """SQL of what a code (SQL of a text in capitals) is, NULL for a code that is in no list."""
    numbers = ", ".join(f"{literal(one)}: {number}" for one, number in _NUMBERS.items())
    return f"case when {code} is not null then (map {{{numbers}}})[{code}] end"


def _first(steps: Sequence[str], kind: str) -> str:
    """SQL of the first of these that is not NULL."""
    return f"coalesce({', '.join([*steps, f'cast(null as {kind})'])})"


def _code(compiler: Sources, record: Record, target: Target) -> tuple[str, str]:
    """The steps with the code in capitals and with what it is, once for all quantities that have the same."""
    names = target.spec.counted_in
    texts = [record.targets[name].value if record.is_helper(name) else compiler.text(name) for name in names]
    sql = f"upper(coalesce({', '.join(texts)}))"
    if sql not in compiler.codes:
        code = compiler.plan.add(f"__uc{target.tag}", sql)
        compiler.codes[sql] = (code, compiler.plan.add(f"__uf{target.tag}", number_of(code)))
    return compiler.codes[sql]
