"""Why an expression is refused, and the nearest thing that would pass."""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlglot import expressions as exp

from gateway import regular_expressions
from gateway.mapping.language import spreadsheet_syntax
from gateway.mapping.language.functions import AGGREGATES, DATE_PARTS, FUNCTIONS, SPELLINGS, TIME_TOKENS, Function
from gateway.mapping.language.grammar import ExpressionError
from gateway.nearest import listed, nearest

WIDTH_MAX = 1_000
"""Characters that lpad and rpad fill up to."""


def check_arguments(name: str, function: Function, arguments: Collection[exp.Expression]) -> None:
    """Raises ExpressionError if a function gets other arguments than it takes."""
    arguments = list(arguments)
    if not function.least <= len(arguments) <= function.most:
        wanted = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
        raise ExpressionError(
            f"{name}() takes {wanted} value{'' if wanted == '1' else 's'}, not {len(arguments)}",
            f"as in {function.example}",
        )
    for position in function.literal:
        if position < len(arguments) and not isinstance(arguments[position], exp.Literal):
            raise ExpressionError(f"value {position + 1} of {name}() must be written out", f"as in {function.example}")
    _check_literals(name, [a.name if isinstance(a, exp.Literal) else "" for a in arguments], function.example)


def _check_literals(name: str, literals: list[str], example: str) -> None:
    if name == "date_trunc" and literals[0].lower() not in DATE_PARTS:
        raise ExpressionError(
            f"date_trunc() does not know '{literals[0]}'{nearest(literals[0], DATE_PARTS)}",
            f"use {', '.join(DATE_PARTS)}",
        )
    if name == "strftime":
        for token in re.findall(r"%[^A-Za-z%]?.?", literals[1]):
            if token not in TIME_TOKENS:
                raise ExpressionError(f"strftime() does not know '{token}'", f"use {' '.join(TIME_TOKENS)}")
    if name in ("lpad", "rpad"):
        if not literals[1].isdigit() or int(literals[1]) > WIDTH_MAX:
            raise ExpressionError(f"{name}() fills up to at most {WIDTH_MAX} characters", f"as in {example}")
        if not literals[2]:
            raise ExpressionError(f"{name}() has nothing to fill up with", f"as in {example}")
    if name.startswith("regexp"):
        reason = regular_expressions.why_not(literals[1])
        if reason:
            raise ExpressionError(f"the pattern '{literals[1]}' cannot be read: {reason}", regular_expressions.FIX)


def no_column(name: str, fields: Collection[str], columns: Collection[str]) -> ExpressionError:
    """For a quoted name that the file does not have."""
    close = nearest(name, columns)
    if name in fields:
        fix = f"{name} is a field: write it without quotes"
    elif close:
        fix = "use the header exactly as in the file"
    else:
        fix = f"write text in single quotes:  '{name}'; the file has {listed(columns)}"
    return ExpressionError(f'"{name}" is not a column of the file{close}', fix)


def no_field(name: str, fields: Collection[str], columns: Collection[str]) -> ExpressionError:
    """For a bare name that is no field."""
    if name in columns:
        return ExpressionError(f"{name} is a source column, not a field", f'write it in double quotes: "{name}"')
    if spreadsheet_syntax.is_cell(name):
        return ExpressionError(
            f"{name} is a cell of a spreadsheet, and here each row has names", spreadsheet_syntax.CELL_FIX
        )
    return ExpressionError(
        f"{name} is not a field{nearest(name, fields)}",
        f"fields here: {listed(fields)}; source columns in \"double\", text in 'single' quotes",
    )


def no_function(name: str, aggregates: bool) -> ExpressionError:
    """For a call of something that is not on the list."""
    if name in AGGREGATES:
        return ExpressionError(f"{name}() adds up over rows", "it is allowed in `equals` of a tie-out only")
    if name in spreadsheet_syntax.LOOKUPS:
        return ExpressionError(f"there is no function {name}()", spreadsheet_syntax.LOOKUP_FIX)
    known = [*FUNCTIONS, "cast", *(AGGREGATES if aggregates else ())]
    spelled = SPELLINGS.get(name)
    close = f'; did you mean "{spelled}"?' if spelled in known else nearest(name, known)
    return ExpressionError(f"there is no function {name}(){close}", f"use one of {', '.join(sorted(known))}")
