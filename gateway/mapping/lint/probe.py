"""Runs an expression over three made-up rows, so that what the database would refuse is known before a file comes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import TracebackType

import duckdb

from gateway.mapping.language.expressions import compile_scalar, names
from gateway.sql import identifier, literal

_SAMPLES = {"VARCHAR": "x", "DATE": "2026-01-31", "TIMESTAMPTZ": "2026-01-31 10:00:00+00", "BOOLEAN": "true"}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "DOUBLE")
_KINDS = {
    "VARCHAR": "text",
    "STRING_LITERAL": "text",
    "INTEGER_LITERAL": "a number",
    "BOOLEAN": "true/false",
    "DATE": "a date",
    "TIMESTAMP": "a date and time",
    "TIMESTAMP WITH TIME ZONE": "a date and time",
    **dict.fromkeys(_NUMBERS, "a number"),
}
_VERBS = {"compare": "compared", "mix": "mixed", "combine": "mixed"}
_TWO_TYPES = re.compile(
    r"Cannot (compare|mix|combine) (?:values of )?types? (?:of )?([A-Z_ ]+?)(?:\(.*?\))? and "
    r"(?:type )?([A-Z_]+(?: WITH TIME ZONE)?)"
)
_NO_FUNCTION = re.compile(r"arguments? types? '([^(]+)\((.*?)\)'")


SEEN_MAX = 20_000
_SEEN: dict[str, tuple[str, str]] = {}


class Probe:
    """A database in memory that sees no files. Use as a context manager; it opens when first asked."""

    def __init__(self) -> None:
        self._con: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Probe:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._con is not None:
            self._con.close()
            self._con = None

    def kind(
        self, text: str, fields: Mapping[str, str], *, aggregates: bool = False, columns: str = "VARCHAR"
    ) -> tuple[str, str]:
        """(kind of the result: "text", "a number", "true/false", "a date"…, "" ) or ("", what goes wrong).

        fields   SQL type of each field
        columns  SQL type that source columns have
        A trouble that depends on a value of the row begins with "value: ".
        Raises ExpressionError.
        """
        sql = compile_scalar(text, fields, (), field_sql=_named("f "), column_sql=_named("c "), aggregates=aggregates)
        used, quoted = names(text)
        parts = ["n as _ordinal"]
        parts += [_column("f " + name, fields[name]) for name in sorted(used)]
        parts += [_column("c " + name, columns) for name in sorted(quoted)]
        tested = f"typeof({sql}), cast({sql} as varchar)"
        return self._run(f"select {tested} from (select {', '.join(parts)} from (values (1), (2), (3)) v(n)) p")

    def _run(self, sql: str) -> tuple[str, str]:
        """What a query gives depends on its text alone, so it is remembered for the mappings that are read again."""
        if sql not in _SEEN:
            if len(_SEEN) >= SEEN_MAX:
                _SEEN.clear()
            _SEEN[sql] = self._ask(sql)
        return _SEEN[sql]

    def _ask(self, sql: str) -> tuple[str, str]:
        if self._con is None:
            self._con = duckdb.connect(config={"threads": 1, "memory_limit": "200MB", "enable_external_access": False})
            self._con.execute("set timezone = 'UTC'")
        try:
            rows = self._con.execute(sql).fetchall()
        except (duckdb.BinderException, duckdb.ParserException) as error:
            return "", _mismatch(str(error))
        except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException):
            return "", "value: a source column or text is used as a number or date, and any text may come"
        return _KINDS.get(str(rows[0][0]).split("(")[0], "") if rows else "", ""


def _named(prefix: str) -> Callable[[str], str]:
    return lambda name: identifier(prefix + name)


def _column(name: str, kind: str) -> str:
    """A column that is a usual value, then blank (empty for other types than text), then missing."""
    sample = next((value for key, value in _SAMPLES.items() if kind.startswith(key)), "1")
    blank = "''" if kind == "VARCHAR" else "null"
    return f"cast(case n when 1 then {literal(sample)} when 2 then {blank} end as {kind}) as {identifier(name)}"


def _mismatch(reason: str) -> str:
    """What the database says about types, in people's words."""
    function, pair = _NO_FUNCTION.search(reason), _TWO_TYPES.search(reason)
    if function:
        kinds = [_plain(kind) for kind in re.sub(r"\([^)]*\)", "", function.group(2)).split(",")]
        shown = function.group(1)
        return f"{shown}{'()' if shown[0].isalpha() else ''} cannot work with {' and '.join(kinds)}"
    if pair:
        return f"{_plain(pair.group(2))} and {_plain(pair.group(3))} cannot be {_VERBS[pair.group(1)]}"
    return re.sub(r"^\w+ Error: ", "", reason.split("\n", maxsplit=1)[0]).rstrip(".! ")


def _plain(kind: str) -> str:
    return _KINDS.get(kind.split("(", maxsplit=1)[0].strip().upper(), kind.strip().lower())


def compatible(kind: str, wanted: str) -> bool:
    """Whether a result of that kind can fill a column of that SQL type. Text is read like a cell's text."""
    if kind in ("", "text") or wanted.startswith("VARCHAR"):
        return True
    if wanted.startswith(("DECIMAL", "BIGINT")):
        return kind == "a number"
    if wanted.startswith(("DATE", "TIMESTAMP")):
        return kind in ("a date", "a date and time")
    return kind == "true/false" if wanted.startswith("BOOLEAN") else True
