"""Text → syntax tree of an expression, by sqlglot. Nothing is allowed or refused here yet."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, ClassVar

from sqlglot import expressions as exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokens import TokenType  # type: ignore[attr-defined]

from gateway.mapping.language import spreadsheet_syntax

CHARACTERS_MAX = 4_000


class ExpressionError(ValueError):
    """An expression that is not allowed; `message` says why and `fix` what to do."""

    def __init__(self, message: str, fix: str) -> None:
        self.message, self.fix = message, fix
        super().__init__(f"{message}. Fix: {fix}")


def _only(parsers: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: parsers[name] for name in names}


class Parser(DuckDB.Parser):  # type: ignore[misc,valid-type]
    """DuckDB's grammar without its functions: a call keeps the name and arguments it was written with."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = _only(DuckDB.Parser.FUNCTION_PARSERS, "CAST", "TRY_CAST")
    NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
    # A column of the ledger may be called like a statement, which cannot begin here.
    ID_VAR_TOKENS: ClassVar[set[Any]] = DuckDB.Parser.ID_VAR_TOKENS | {TokenType.DROP}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = _only(DuckDB.Parser.NO_PAREN_FUNCTION_PARSERS, "CASE")


@lru_cache(maxsize=4_096)
def parse(text: str) -> exp.Expression:
    """The tree, which is not to be changed: the next caller gets the same. Raises ExpressionError where the text is no
    single expression."""
    if len(text) > CHARACTERS_MAX:
        raise ExpressionError(
            f"the expression has more than {CHARACTERS_MAX} characters", "split it into helper fields"
        )
    dialect = DuckDB()
    try:
        trees = Parser(dialect=dialect).parse_into(exp.Condition, dialect.tokenize(text), text)
    except ParseError as error:
        place = error.errors[0] if error.errors else {}
        near = f' at "{place["highlight"]}"' if place.get("highlight") else ""
        known = spreadsheet_syntax.found(text)
        what, fix = known or (
            near,
            "check brackets, commas and quotes (text in 'single', source columns in \"double\" quotes)",
        )
        said = f": {what}" if known else what
        raise ExpressionError(f"`{short(text)}` cannot be read as an expression{said}", fix) from None
    except SqlglotError:
        raise ExpressionError(f"`{short(text)}` has a quote or bracket that is not closed", "close it") from None
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply", "split it into helper fields") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Expression):
        raise ExpressionError(f"`{short(text)}` is not one expression", "write one, without a semicolon")
    return trees[0]


def short(text: str) -> str:
    """On one line, cut to 60 characters, for messages."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:59] + "…"
