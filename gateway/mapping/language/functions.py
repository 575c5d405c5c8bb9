"""The functions an expression may call: what each takes, what it does, an example. Nothing else is callable."""

from __future__ import annotations

from dataclasses import dataclass

ANY_NUMBER = 50
"""Arguments at most, where a function takes as many as one likes."""

MONEY = "round_money"
"""What is written out as SQL of its own: the database has no such function."""

DATE_PARTS = ("year", "quarter", "month", "week", "day", "hour", "minute")
TIME_TOKENS = ("%Y", "%y", "%m", "%d", "%H", "%M", "%S", "%j", "%b", "%B", "%a", "%A", "%V", "%G", "%%")


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    sql       its name in DuckDB
    least     arguments at least
    most      arguments at most
    doc       what it gives, for people
    example   a valid call, over fields `sku`, `amount`, `day` and source columns "Ref", "Qty"
    literal   positions of arguments that must be written out (patterns, units, widths), never computed:
              so a value in a partner's file can neither be a bad pattern nor ask for a gigabyte of blanks
    """

    sql: str
    least: int
    most: int
    doc: str
    example: str
    literal: tuple[int, ...] = ()


FUNCTIONS: dict[str, Function] = {
    "abs": Function("abs", 1, 1, "Without its sign", "abs(amount)"),
    "ceil": Function("ceil", 1, 1, "The next whole number above", "ceil(amount)"),
    "coalesce": Function("coalesce", 1, ANY_NUMBER, "The first that is not empty", "coalesce(amount, 0)"),
    "concat": Function("concat", 1, ANY_NUMBER, "All texts in a row, empty ones left out", "concat(sku, '-', \"Ref\")"),
    "concat_ws": Function(
        "concat_ws", 2, ANY_NUMBER, "All texts with a separator", "concat_ws('/', sku, \"Ref\")", (0,)
    ),
    "contains": Function("contains", 2, 2, "Whether the second text is in the first", "contains(\"Ref\", 'RMA')"),
    "date_trunc": Function(
        "date_trunc", 2, 2, f"First instant of the {', '.join(DATE_PARTS)}", "date_trunc('month', day)", (0,)
    ),
    "day": Function("day", 1, 1, "Day of the month", "day(day)"),
    "ends_with": Function("suffix", 2, 2, "Whether it ends so", "ends_with(\"Ref\", '-R')"),
    "floor": Function("floor", 1, 1, "The next whole number below", "floor(amount)"),
    "greatest": Function("greatest", 1, ANY_NUMBER, "The greatest", "greatest(amount, 0)"),
    "if": Function("if", 3, 3, "The second if the first holds, else the third", "if(amount < 0, 'DBIT', 'CRDT')"),
    "least": Function("least", 1, ANY_NUMBER, "The least", "least(amount, 0)"),
    "left": Function("left", 2, 2, "The first characters", 'left("Ref", 10)'),
    "length": Function("length", 1, 1, "Number of characters", 'length("Ref")'),
    "lower": Function("lower", 1, 1, "In small letters", "lower(sku)"),
    "lpad": Function("lpad", 3, 3, "Filled up on the left to a width", "lpad(\"Ref\", 14, '0')", (1, 2)),
    "ltrim": Function("ltrim", 1, 2, "Without blanks, or those characters, on the left", "ltrim(\"Ref\", '0')"),
    "month": Function("month", 1, 1, "Month, 1 to 12", "month(day)"),
    "nullif": Function("nullif", 2, 2, "Empty if both are the same", "nullif(\"Ref\", 'N/A')"),
    "regexp_extract": Function(
        "regexp_extract",
        2,
        3,
        "The part that fits the pattern, or its group; blank if none",
        "regexp_extract(\"Ref\", 'RMA([0-9]+)', 1)",
        (1, 2),
    ),
    "regexp_matches": Function(
        "regexp_matches", 2, 2, "Whether some part fits the pattern", "regexp_matches(\"Ref\", '^[0-9]+$')", (1,)
    ),
    "replace": Function("replace", 3, 3, "With every occurrence replaced", "replace(\"Ref\", '-', '')"),
    "right": Function("right", 2, 2, "The last characters", 'right("Ref", 4)'),
    "round": Function(
        "round",
        1,
        2,
        "Rounded to so many decimals (none if left out), half away from zero",
        "round(amount * 0.19, 2)",
        (1,),
    ),
    "round_money": Function(
        MONEY,
        2,
        2,
        "Rounded to the decimals of a currency (yen none, dinars three), half away from zero",
        "round_money(amount * 0.19, 'KWD')",
    ),
    "rpad": Function("rpad", 3, 3, "Filled up on the right to a width", "rpad(sku, 10, '.')", (1, 2)),
    "rtrim": Function("rtrim", 1, 2, "Without blanks, or those characters, on the right", 'rtrim("Ref")'),
    "sign": Function("sign", 1, 1, "-1, 0 or 1", "sign(amount)"),
    "split_part": Function("split_part", 3, 3, "The n-th part, counted from 1", "split_part(\"Ref\", '/', 2)"),
    "starts_with": Function("starts_with", 2, 2, "Whether it starts so", "starts_with(\"Ref\", 'RMA')"),
    "strftime": Function(
        "strftime", 2, 2, f"A date as text; tokens {' '.join(TIME_TOKENS)}", "strftime(day, '%Y-%m')", (1,)
    ),
    "substr": Function("substr", 2, 3, "From the n-th character (from 1), so many", 'substr("Ref", 2, 3)'),
    "substring": Function("substring", 2, 3, "The same as substr", 'substring("Ref", 2, 3)'),
    "suffix": Function("suffix", 2, 2, "The same as ends_with", "suffix(\"Ref\", '-R')"),
    "trim": Function("trim", 1, 2, "Without blanks, or those characters, on both sides", 'trim("Ref")'),
    "upper": Function("upper", 1, 1, "In capitals", "upper(sku)"),
    "year": Function("year", 1, 1, "Year", "year(day)"),
}

AGGREGATES: dict[str, Function] = {
    "count": Function("count", 0, 1, "Number of rows, or of those where it is not empty", 'count("Ref")'),
    "first": Function("arg_min", 1, 1, "The first that is not empty, down the file", 'first("Total")'),
    "last": Function("arg_max", 1, 1, "The last that is not empty, down the file", 'last("Total")'),
    "max": Function("max", 1, 1, "The greatest", "max(amount)"),
    "min": Function("min", 1, 1, "The least", "min(amount)"),
    "sum": Function("sum", 1, 1, "The sum", "sum(amount)"),
}

SPELLINGS = {
    "len": "length",
    "mid": "substr",
    "substitute": "replace",
    "find": "contains",
    "instr": "contains",
    "isnull": "coalesce",
    "ifnull": "coalesce",
    "nvl": "coalesce",
    "iif": "if",
    "text": "strftime",
    "format": "strftime",
    "to_char": "strftime",
    "search": "regexp_matches",
    "regexp_like": "regexp_matches",
    "rounddown": "floor",
    "roundup": "ceil",
    "ceiling": "ceil",
    "average": "sum",
    "avg": "sum",
    "textjoin": "concat_ws",
    "concatenate": "concat",
    "value": "cast",
    "number": "cast",
    "decimal": "cast",
    "wenn": "if",
    "links": "left",
    "rechts": "right",
    "teil": "substr",
    "länge": "length",
    "laenge": "length",
    "gross": "upper",
    "klein": "lower",
    "glätten": "trim",
    "runden": "round",
    "verketten": "concat",
    "textverketten": "concat_ws",
    "wechseln": "replace",
    "ersetzen": "replace",
    "wennfehler": "coalesce",
    "summe": "sum",
    "jahr": "year",
    "monat": "month",
    "tag": "day",
    "wert": "cast",
}
"""What people know from spreadsheets (English, German) and other databases, and what it is called here."""
