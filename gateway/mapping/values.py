"""Text → typed value, as SQL. The shape is checked by a regular expression before anything is cast, because
casts are lenient (`2025-2-3`, leading blanks, `1_000` and rounding of `1.23456` would pass).

Each function gives an expression that is NULL where the text cannot be read; the caller tells that apart
from a blank.
"""

from __future__ import annotations

import re

from gateway.mapping.spec import FieldSpec
from gateway.model import Column

_DIGITS = r"[0-9]{1,14}"
_PLAIN = {
    "point": rf"[+-]?{_DIGITS}(\.[0-9]{{0,4}}0*)?|[+-]?\.[0-9]{{1,4}}0*",
    "comma": rf"[+-]?{_DIGITS}(,[0-9]{{0,4}}0*)?|[+-]?,[0-9]{{1,4}}0*",
}
_GROUPED = {
    "point": r"[+-]?[0-9]{1,3}([, '][0-9]{3})+(\.[0-9]{0,4}0*)?",
    "comma": r"[+-]?[0-9]{1,3}([. '][0-9]{3})+(,[0-9]{0,4}0*)?",
}
# Without a declared sign, a comma with one, two or four digits behind it can only be a decimal comma.
_AUTO_COMMA = rf"[+-]?{_DIGITS},([0-9]{{1,2}}|[0-9]{{4}})0*"

_TOKENS = {
    "%Y": "[0-9]{4}", "%y": "[0-9]{2}", "%m": "[0-9]{2}", "%d": "[0-9]{2}", "%H": "[0-9]{2}", "%I": "[0-9]{2}",
    "%M": "[0-9]{2}", "%S": "[0-9]{2}", "%f": "[0-9]{1,6}", "%b": "[A-Za-z]{3}", "%B": "[A-Za-z]+",
    "%p": "[AaPp][Mm]", "%j": "[0-9]{3}", "%-d": "[0-9]{1,2}", "%-m": "[0-9]{1,2}", "%-H": "[0-9]{1,2}",
}  # fmt: skip
_NAMED = {"ymd": "%Y%m%d", "yymmdd": "%y%m%d", "ymdhm": "%Y%m%d%H%M", "ymdhms": "%Y%m%d%H%M%S"}
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_YES = ("true", "yes", "y", "1")
_NO = ("false", "no", "n", "0")

EXPECTED = {
    "decimal": "a number",
    "integer": "a whole number",
    "date": "a date",
    "datetime": "a date and time",
    "boolean": "true or false",
    "currency": "a three-letter currency code",
    "code": "one of the known codes",
    "text": "text",
}


def quote(text: str) -> str:
    """An SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def name(identifier: str) -> str:
    """A quoted SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def type_of(spec: FieldSpec, column: Column | None) -> str:
    """The field's type: as declared, else what the canonical column holds."""
    if spec.type is not None:
        return spec.type
    if column is None:
        return "text"
    if column.name == "currency":
        return "currency"
    if column.values:
        return "code"
    kinds = {"DECIMAL": "decimal", "DATE": "date", "TIMESTAMPTZ": "datetime", "BIGINT": "integer",
             "BOOLEAN": "boolean"}  # fmt: skip
    return kinds.get(column.type.split("(")[0], "text")


def sql_type(kind: str, column: Column | None) -> str:
    """SQL type of a field of that type."""
    if column is not None:
        return column.type
    return {"decimal": "DECIMAL(18,4)", "integer": "BIGINT", "date": "DATE", "datetime": "TIMESTAMPTZ",
            "boolean": "BOOLEAN"}.get(kind, "VARCHAR")  # fmt: skip


def typed(kind: str, text: str, spec: FieldSpec, column: Column | None) -> str:
    """SQL that reads `text` (SQL of trimmed text, NULL where blank) as a value of the kind."""
    if kind == "decimal":
        target = column.type if column is not None and column.type.startswith("DECIMAL") else "DECIMAL(18,4)"
        return scaled(number(text, spec.decimal, target), spec, target)
    if kind == "integer":
        return f"case when regexp_full_match({text}, '[+-]?[0-9]{{1,18}}') then cast({text} as bigint) end"
    if kind == "date":
        return moment(text, spec, date=True)
    if kind == "datetime":
        return moment(text, spec, date=False)
    if kind == "boolean":
        yes, no = (", ".join(map(quote, words)) for words in (_YES, _NO))
        return f"case when lower({text}) in ({yes}) then true when lower({text}) in ({no}) then false end"
    if kind == "currency":
        return f"case when regexp_full_match({text}, '[A-Z]{{3}}') then {text} end"
    if kind == "code" and column is not None and column.values:
        known = ", ".join(map(quote, column.values))
        return f"case when upper({text}) in ({known}) then upper({text}) end"
    return text


def number(text: str, separator: str, target: str = "DECIMAL(18,4)") -> str:
    """SQL for a number with that decimal separator (point, comma, auto); never rounded."""
    digits = int(target.split(",")[1].rstrip(")")) if "," in target else 4
    plain = {key: pattern.replace("{0,4}", f"{{0,{digits}}}").replace("{1,4}", f"{{1,{digits}}}")
             for key, pattern in _PLAIN.items()}  # fmt: skip
    grouped = {key: pattern.replace("{0,4}", f"{{0,{digits}}}") for key, pattern in _GROUPED.items()}
    inner = _unsigned_forms(text)

    def cast(sql: str) -> str:
        return f"cast({sql} as {target})"

    def branch(pattern: str, sql: str, value: str) -> str:
        return f"when regexp_full_match({sql}, {quote(pattern)}) then {cast(value)}"

    as_point = f"regexp_replace({inner}, '[, '']', '', 'g')"
    as_comma = f"replace(regexp_replace({inner}, '[. '']', '', 'g'), ',', '.')"
    point = [branch(plain["point"], inner, inner), branch(grouped["point"], inner, as_point)]
    comma = [branch(plain["comma"], inner, as_comma), branch(grouped["comma"], inner, as_comma)]
    # One separator with three digits behind it can be either: it needs a declared decimal sign.
    auto = [
        branch(plain["point"], inner, inner),
        branch(_AUTO_COMMA, inner, as_comma),
        branch(r"[+-]?[0-9]{1,3}(,[0-9]{3}){2,}|[+-]?[0-9]{1,3}(,[0-9]{3})+\.[0-9]{0,4}0*", inner, as_point),
        branch(r"[+-]?[0-9]{1,3}(\.[0-9]{3}){2,}|[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]{0,4}0*", inner, as_comma),
    ]
    slow = " ".join({"point": point, "comma": comma, "auto": auto}[separator])
    if separator == "comma":
        return f"case {slow} end"
    return f"case when regexp_full_match({text}, {quote(plain['point'])}) then {cast(text)} else case {slow} end end"


def _unsigned_forms(text: str) -> str:
    """Parentheses and a trailing minus become a leading one; a non-breaking blank becomes a blank."""
    spaces = f"regexp_replace({text}, '[\u00a0\u202f]', ' ', 'g')"
    brackets = f"regexp_replace({spaces}, '^\\((.*)\\)$', '-\\1')"
    return f"regexp_replace({brackets}, '^([^-].*)-$', '-\\1')"


def scaled(sql: str, spec: FieldSpec, target: str) -> str:
    """Minor units to major ones, and the sign rules that need no other column."""
    if spec.scale:
        sql = f"cast({sql} as decimal(18,0)) * 1e-{spec.scale}::decimal({spec.scale + 1},{spec.scale})"
        sql = f"cast({sql} as {target})"
    if spec.sign == "reverse":
        sql = f"-({sql})"
    elif spec.sign == "absolute":
        sql = f"abs({sql})"
    return sql


def shape(form: str) -> str:
    """The regular expression of a date format. Raises ValueError naming an unknown token."""
    pattern, rest = "", _NAMED.get(form, form)
    while rest:
        token = next((t for t in _TOKENS if rest.startswith(t)), None)
        if token is None and rest.startswith("%"):
            raise ValueError(f"unknown token {rest[:2]}; use {', '.join(sorted(_TOKENS))}")
        pattern += _TOKENS[token] if token else re.escape(rest[0]).replace("\\ ", " ")
        rest = rest[len(token) if token else 1 :]
    return pattern


def moment(text: str, spec: FieldSpec, *, date: bool) -> str:
    """SQL for a date, or for an instant in the zone the text names or `timezone` (UTC if neither)."""
    zone = quote(spec.timezone or "UTC")
    branches = []
    for form in spec.formats or ("iso",):
        if form == "iso":
            branches += _iso(text, zone, date)
            continue
        pattern, tokens = shape(form), _NAMED.get(form, form)
        value = f"try_strptime({text}, {quote(tokens)})"
        branches.append((pattern, f"cast({value} as date)" if date else f"timezone({zone}, {value})"))
    return "case " + " ".join(
        f"when regexp_full_match({text}, {quote(pattern)}) then {value}" for pattern, value in branches
    ) + " end"  # fmt: skip


def _iso(text: str, zone: str, date: bool) -> list[tuple[str, str]]:
    if date:
        return [(rf"{_DAY}([T ]{_TIME}.*|[Zz]|[+-][0-9]{{2}}:[0-9]{{2}})?", f"try_cast(left({text}, 10) as date)")]
    moment_text = f"replace(regexp_replace({text}, '( ?UTC|Z)$', ''), 'T', ' ')"
    offset = rf"{_DAY}[T ]{_TIME} ?[+-][0-9]{{2}}(:?[0-9]{{2}})?"
    return [
        (rf"{_DAY}[T ]{_TIME}( ?UTC|Z)", f"timezone('UTC', try_cast({moment_text} as timestamp))"),
        (rf"{_DAY}([T ]{_TIME})?", f"timezone({zone}, try_cast({moment_text} as timestamp))"),
        (offset, f"try_cast(regexp_replace(replace({text}, 'T', ' '), ' ?([+-][0-9]{{2}}):?([0-9]{{2}})$',"
                 f" '\\1:\\2') as timestamptz)"),
    ]  # fmt: skip
