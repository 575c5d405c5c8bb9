"""What people write into expressions who know spreadsheets or SQL, and how it is written here."""

from __future__ import annotations

import re

from gateway.mapping.language.functions import SPELLINGS

LOOKUPS = ("vlookup", "xlookup", "hlookup", "sverweis", "wverweis", "xverweis", "index", "match", "vergleich")
_TEXTS = re.compile(r"'(?:[^']|'')*'" + r'|"(?:[^"]|"")*"')
_CELL = re.compile(r"\$?[A-Z]{1,3}\$?[1-9][0-9]{0,5}")

LOOKUP_FIX = 'add mappings/lookups/<name>.csv and write { lookup = "<name>", on = ["…"] } instead of the expression'
CELL_FIX = "write the header of its column in double quotes"


def is_cell(name: str) -> bool:
    """Whether a name is that of a cell of a spreadsheet, as A2."""
    return _CELL.fullmatch(name) is not None


def found(text: str) -> tuple[str, str] | None:
    """(what is not written so here, the fix) of an expression that cannot be read, None where nothing is known."""
    code = _TEXTS.sub("''", text).strip()
    lower = code.lower()
    called = re.findall(r"(?<!\bas )\b([^\W\d]\w*)\s*\(", lower)  # Not the type in cast(… as decimal(18,4)).
    if code.startswith("="):
        return "an expression has no = before it", "remove the ="
    if re.match(r"\(?\s*select\b", lower):
        return "a query is not allowed in an expression", "use columns of the row, or a lookup for other data"
    if any(name in LOOKUPS for name in called):
        return "an expression looks nothing up", LOOKUP_FIX
    if (other := next((name for name in called if name in SPELLINGS), "")) or ";" in code:
        name = SPELLINGS.get(other, "if" if "if" in called else "")
        what = f"{other.upper()} is {name}() here" if other else "; does not separate values here"
        call = "if(condition, a, b)" if name == "if" else f"{name or '…'}(…, …)"
        return what, f"write {call} with commas, and text in 'single' quotes"
    if re.search(r"\b(and|or|not)\s*\([^()]*,", lower):
        return "and, or and not have no list of values", "write a and b, a or b, not a"
    if unbalanced := _unbalanced(code):
        return unbalanced
    # Between the brackets of a function a comma separates values: substr("Text", 1,3).
    number = re.search(r"\d+,\d+", re.sub(r"\w\([^()]*\)", "", code))
    return (f"{number[0]} has a decimal comma", "write a decimal point") if number else None


def _unbalanced(code: str) -> tuple[str, str] | None:
    opened, closed = code.count("("), code.count(")")
    if opened == closed:
        return None
    if opened > closed:
        return f"{opened - closed} bracket{'s' * (opened - closed > 1)} ( not closed", "write ) where it ends"
    return (
        f"{closed - opened} bracket{'s' * (closed - opened > 1)} ) without (",
        "remove it, or write ( where it begins",
    )
