"""The table of mistakes in print."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from tests.mistakes.table import Mistake

_HEAD = """# Messages

What people get wrong, the command that meets it, and what it says, word for word. Every message says what was found,
where (in the mapping or the settings where these are wrong, in the data where the data is), what was expected, and how
to fix it. `make pages` writes this page from `tests/mistakes/table`, and a test makes each of the mistakes in a good
home. Rows and notes that are printed beside the message are left out; `…` stands for an id, HOME
for the folder of the home.
"""


def page(mistakes: Iterable[Mistake]) -> str:
    """The page: a chapter for each kind of mistake."""
    parts = [_HEAD]
    for chapter, group in groupby(mistakes, key=lambda mistake: mistake.chapter):
        parts.append(f"\n## {chapter}\n")
        parts += [f"\n{each.title}: {_command(each)}\n\n```text\n{each.message}\n```\n" for each in group]
    return "".join(parts)


def _command(mistake: Mistake) -> str:
    """What is run, and what holds meanwhile."""
    return f"`gateway {mistake.run}`" + (f", while {mistake.while_}" if mistake.while_ else "")
