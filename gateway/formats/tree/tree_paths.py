"""Paths into documents (XML, JSON): `Amt`, `../Acct/Id`, `Bal[Tp/Cd='CLBD']/Amt`, `A|B`, `count(Line)`,
`join(Text)`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.formats.path_errors import PathError, Repair, repaired

SYNTAX = (
    "Write names with /, ../, [1] or [Tp/Cd='CLBD'], alternatives with |, count(…), join(…): ../Bal[Tp/Cd='CLBD']/Amt."
)
_REPAIRS: tuple[Repair, ...] = (
    lambda text: text.replace("\\", "/").replace("\u2019", "'").replace("\u2018", "'").strip(),
    lambda text: re.sub("/{2,}", "/", text).strip("/"),
    lambda text: re.sub(r"=\s*['\"]?([^'\"\]/|]*)['\"]?(?:\]|(?=/|$))", r"='\1']", text),
    lambda text: re.sub(r"\[([^\[\]/]*)(?=/|$)", r"[\1]", text),
    lambda text: text + ")" * (text.count("(") - text.count(")")),
    lambda text: re.sub(r"^(?!(?:count|join)\()(\w*)\(", lambda found: f"{found.group(1).lower()}(", text),
    lambda text: re.sub(r"\|+", "|", text).strip("|"),
    lambda text: text.replace("](", "][").replace("[]", "").replace("]]", "]"),
)
"""Usual slips in a path."""
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
    """Read a path. Raises PathError that shows the syntax and the nearest path."""
    try:
        return _parsed(text)
    except _PathlessError as found:
        near = repaired(text, _REPAIRS, _is_path)
        raise PathError("path", text, str(found) or "is not a path", found.syntax, near) from None


def compiled(text: str) -> Path:
    """Read a path that leads out of the row only at its beginning. Raises PathError."""
    path = parse(text)
    for steps in path.alternatives:
        outward(steps)
    return path


def names(path: Path) -> Iterator[str]:
    """Names of all steps, those of conditions too."""
    for steps in path.alternatives:
        for step in steps:
            yield step.name
            for test in step.tests:
                yield from names(test.path) if test.path else ()


class _PathlessError(ValueError):
    def __init__(self, reason: str = "", syntax: str = SYNTAX) -> None:
        self.syntax = syntax
        super().__init__(reason)


def _is_path(text: str) -> bool:
    try:
        _parsed(text)
    except _PathlessError:
        return False
    return True


def _parsed(text: str) -> Path:
    called = re.fullmatch(r"\s*(count|join)\((.+)\)\s*", text)
    if called:
        return Path((_steps(called.group(2)),), called.group(1))
    # Bars part alternatives where they stand outside of conditions.
    alternatives = re.findall(r"(?:\[[^\]]*\]|[^|\[])+", text)
    if "|".join(alternatives) != text or not text:
        raise _PathlessError
    return Path(tuple(map(_steps, alternatives)))


def outward(steps: tuple[Step, ...]) -> int:
    """How many levels a path goes out of the row before it goes in. Raises PathError where .. stands elsewhere."""
    levels = next((n for n, step in enumerate(steps) if step.name != ".."), len(steps))
    if levels == len(steps) or any(step.name == ".." for step in steps[levels:]):
        text = "/".join(step.name for step in steps)
        raise PathError(
            "path", text, "goes out of the row in its middle", "Put .. at the beginning, and a name after it."
        )
    return levels


def _steps(text: str) -> tuple[Step, ...]:
    steps = []
    rest = text.strip()
    while True:
        found = _STEP.match(rest)
        if not found:
            raise _PathlessError
        name = found.group(1).strip()
        if not name:
            raise _PathlessError("has a step without a name")
        steps.append(Step(name, _tests(found.group(2))))
        rest = rest[found.end() :]
        if not rest:
            return tuple(steps)
        if not rest.startswith("/"):
            raise _PathlessError(f"lacks a / before {rest}")
        rest = rest[1:]


def _tests(text: str) -> tuple[Test, ...]:
    tests = []
    while text:
        found = _TEST.match(text)
        if not found:
            raise _PathlessError("has a condition that cannot be read", "A condition is [1] or [Tp/Cd='CLBD'].")
        number, path, single, double = found.groups()
        if number and not int(number):
            raise _PathlessError("counts from 0", "Write [1] for the first.")
        if number:
            tests.append(Test(int(number)))
        else:
            tests.append(Test(0, _parsed(path), single if single is not None else double))
        text = text[found.end() :]
    return tuple(tests)
