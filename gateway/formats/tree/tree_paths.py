"""Paths into documents (XML, JSON): `Amt`, `../Acct/Id`, `Bal[Tp/Cd='CLBD']/Amt`, `A|B`, `count(Line)`, `join(Text)`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.errors import HouseError

SYNTAX = (
    "Write names with /, ../, [1] or [Tp/Cd='CLBD'], alternatives with |, count(…), join(…): ../Bal[Tp/Cd='CLBD']/Amt."
)
_STEP = re.compile(r"(\.{1,2}(?=[/\[]|$)|[^/\[\]|()'\"]+)((?:\[[^\]]*\])*)")
_TEST = re.compile(r"\[(?:([0-9]+)|([^='\"\[\]]+)=\s*(?:'([^']*)'|\"([^\"]*)\"))\]")


@dataclass(frozen=True, slots=True)
class Test:
    """Which of several: the n-th (from 1) if `number`, else those where the path has that value."""

    number: int
    path: Path | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A name, "..", "." or "*", and which of those with that name."""

    name: str
    tests: tuple[Test, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """Alternatives, of which the first that is present counts.

    function  "count": how many there are, "join": the texts of all with blanks between; "" the first one's text
    """

    alternatives: tuple[tuple[Step, ...], ...]
    function: str = ""


def parse(text: str) -> Path:
    """Read a path. Raises HouseError that shows the syntax."""
    called = re.fullmatch(r"\s*(count|join)\((.+)\)\s*", text)
    if called:
        return Path((_steps(called.group(2), text),), called.group(1))
    # Bars part alternatives where they stand outside of conditions.
    alternatives = re.findall(r"(?:\[[^\]]*\]|[^|\[])+", text)
    if "|".join(alternatives) != text or not text:
        raise HouseError("read path", text or "(none)", SYNTAX)
    return Path(tuple(_steps(alternative, text) for alternative in alternatives))


def outward(steps: tuple[Step, ...]) -> int:
    """How many levels a path goes out of the row before it goes in. Raises HouseError where .. stands elsewhere."""
    levels = next((n for n, step in enumerate(steps) if step.name != ".."), len(steps))
    if levels == len(steps) or any(step.name == ".." for step in steps[levels:]):
        raise HouseError("read path", "/".join(step.name for step in steps), "Put .. in front, and a name behind it.")
    return levels


def _steps(text: str, whole: str) -> tuple[Step, ...]:
    steps = []
    rest = text.strip()
    while True:
        found = _STEP.match(rest)
        if not found:
            raise HouseError("read path", whole, SYNTAX)
        steps.append(Step(found.group(1).strip(), _tests(found.group(2), whole)))
        rest = rest[found.end() :]
        if not rest:
            return tuple(steps)
        if not rest.startswith("/"):
            raise HouseError("read path", whole, SYNTAX, f"expected / before {rest}")
        rest = rest[1:]


def _tests(text: str, whole: str) -> tuple[Test, ...]:
    tests = []
    while text:
        found = _TEST.match(text)
        if not found:
            raise HouseError("read path", whole, "A condition is [1] or [Tp/Cd='CLBD'].")
        number, path, single, double = found.groups()
        if number:
            tests.append(Test(int(number)))
        else:
            tests.append(Test(0, parse(path), single if single is not None else double))
        text = text[found.end() :]
    return tuple(tests)
