"""Element paths of interchange formats: `W12/08`, `N1[ST]/04`, `N1[ST]>N4/02`, `QTY[33]/01-2`, `count(W12)`,
`number(PO1)`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from gateway.formats.edi import edifact_elements
from gateway.formats.path_errors import PathError, Repair, repaired

_SEGMENT = r"([A-Z][A-Z0-9]{1,2})(?:\[(?:(\d{1,2})(?:-(\d{1,2}))?=)?([^\]]*)\])?"
_PATH = re.compile(rf"{_SEGMENT}(?:>{_SEGMENT})?/(\d{{1,2}})(?:\*(\d{{1,3}}))?(?:-(\d{{1,2}}))?")
_NAMED = re.compile(rf"(?:(C\d{{3}})(\[[^\]]*\])?|{_SEGMENT}(?:>{_SEGMENT})?)/(\d{{4}})")
_PAIR = re.compile(r"(.+)/(\d{4}):(\d{4})")
_ELEMENT_PAIR = re.compile(r"(.+/\d{1,2}):(\d{1,2})")
_COUNT = re.compile(rf"(count|number)\({_SEGMENT}\)")
COUNT, NUMBER = 0, -1
"""Elements of paths that count segments: of the whole set, or up to the row."""
_STEP = re.compile(_SEGMENT)
SYNTAX = (
    "Write SEGMENT/ELEMENT: W12/08, N1[ST]/04 (first element is ST), REF[02=ABC]/03, N1[ST]>N4/02 "
    "(the N4 behind that N1), SV1/01-2 (component), REF/03*2 (repetition), count(W12), "
    "number(PO1) (the how manyth of the set)."
)
EACH_SYNTAX = "Name the segments that begin the loops, outermost first: LX/W12."
_OUTSIDE = re.compile(r"[^\[\]]+(?![^\[]*\])")
"""What stands outside of brackets."""


def _capitals(text: str) -> str:
    return _OUTSIDE.sub(lambda found: re.sub("COUNT(?=\\()", "count", found.group().upper()), text)


def _slash(text: str) -> str:
    """W12-08, W12.08, W1208 → W12/08."""
    return re.sub(r"^(count\()?([A-Z][A-Z0-9]{1,2}(?:\[[^\]]*\])?)[-._*]?(?=\d{2}\b)", r"\1\2/", text)


_REPAIRS: tuple[Repair, ...] = (
    lambda text: re.sub(r"\s+(?![^\[]*\])", "", text),
    _capitals,
    lambda text: text.replace("\\", "/").replace("//", "/").strip("/"),
    lambda text: re.sub(r"(?<!COUNT)(?<!count)\(([^()]*)\)", r"[\1]", text),
    lambda text: re.sub(r"\[([^\[\]/>]*)(?=/|>|$)", r"[\1]", text),
    lambda text: text + ")" * (text.count("(") - text.count(")")),
    lambda text: text.replace("->", ">").replace(">>", ">"),
    _slash,
    lambda text: re.sub(r"/(\d)(?=\D|$)", r"/0\1", text),
)
"""Usual slips in a path."""
_EACH_REPAIRS: tuple[Repair, ...] = (*_REPAIRS[:-2], lambda text: text.replace(">", "/"))


@dataclass(frozen=True, slots=True)
class Step:
    """A segment, perhaps one whose element number `element` (or a component of it) is `value`."""

    segment: str
    element: int = 1
    value: str | None = None
    component: int = 0


@dataclass(frozen=True, slots=True)
class ElementPath:
    """An element of a segment, or a number of such segments: in the set (`COUNT`), or in it up to the row (`NUMBER`).

    repetition and component are 0 where the path does not name one; `beside` is a second component, or
    `beside_element` a second element, which is given behind the first one and a colon where that is not blank.
    """

    step: Step
    then: Step | None
    element: int
    repetition: int = 0
    component: int = 0
    beside: int = 0
    beside_element: int = 0


@lru_cache(maxsize=4_096)
def parse(text: str) -> ElementPath:
    """Read a path of X12; `DTM[010]/06:05` is a period with the code of its format: "20260109:D8".

    Raises PathError that shows the syntax and the nearest path.
    """
    if (pair := _ELEMENT_PAIR.fullmatch(text)) and int(pair[2]):
        return replace(parse(pair[1]), beside_element=int(pair[2]))
    path = _parsed(text)
    if path is None:
        raise _no_path(text, lambda one: _parsed(one) is not None)
    return path


def _parsed(text: str) -> ElementPath | None:
    counted = _COUNT.fullmatch(text)
    if counted:
        return ElementPath(_step(counted.groups()[1:]), None, COUNT if counted[1] == "count" else NUMBER)
    found = _PATH.fullmatch(text)
    if not found or any(group is not None and int(group) == 0 for group in found.groups()[8:]):
        return None
    groups = found.groups()
    then = _step(groups[4:8]) if groups[4] else None
    return ElementPath(_step(groups[:4]), then, *(int(group or 0) for group in groups[8:]))


def _no_path(text: str, is_path: Callable[[str], bool]) -> PathError:
    near = repaired(text, _REPAIRS, is_path)
    return PathError("element path", text, "does not name an element of a segment", SYNTAX, near)


@lru_cache(maxsize=4_096)
def parse_edifact(text: str) -> ElementPath:
    """Read a path of EDIFACT: an element without a component is its first one, and data elements may be named.

    `QTY[33]/01-2`, `QTY[33]/6060` and `C186[33]/6060` are the same; `DTM[137]/2380:2379` is a value with its format:
    "20260109:102". Raises PathError that shows the syntax.
    """
    if pair := _PAIR.fullmatch(text):
        value, other = (parse_edifact(f"{pair[1]}/{name}") for name in (pair[2], pair[3]))
        if value.element == other.element:
            return replace(value, beside=other.component)
        raise PathError("element path", text, "names data elements of two composites", "Write them as two columns.")
    named = _NAMED.fullmatch(text)
    path = _parsed(_numbered(text, named) if named else text)
    if path is None:
        raise _no_path(text, lambda one: _NAMED.fullmatch(one) is not None or _parsed(one) is not None)
    return replace(
        path,
        step=first_component(path.step),
        then=path.then and first_component(path.then),
        component=path.component or 1,
    )


def _numbered(text: str, named: re.Match[str]) -> str:
    """A path that names a data element, with its place instead."""
    composite, filters = named.group(1), named.group(2) or ""
    data_element, head = named.groups()[-1], text.rpartition("/")[0]
    if composite:
        segment = edifact_elements.segment_of(composite)
        head = segment + filters
    else:
        segment = named.group(7) or named.group(3)
    element, component = edifact_elements.place(segment, data_element, composite or "")
    return f"{head}/{element:02d}-{component}"


def first_component(step: Step) -> Step:
    """The step as EDIFACT reads it: what is compared is the first component unless another is named."""
    return replace(step, component=step.component or 1)


@lru_cache(maxsize=1_024)
def parse_each(text: str) -> tuple[Step, ...]:
    """Read `each`: nested loops from the outermost, "LX/W12". Raises PathError that shows the syntax."""
    steps = _nested(text)
    if not all(steps):
        near = repaired(text, _EACH_REPAIRS, lambda one: all(_nested(one)))
        raise PathError("each", text, "does not name segments", EACH_SYNTAX, near)
    return tuple(_step(step.groups()) for step in steps if step)


def _nested(text: str) -> list[re.Match[str] | None]:
    return [_STEP.fullmatch(part) for part in re.split(r"/(?![^\[]*\])", text)]


@lru_cache(maxsize=1_024)
def parse_summary(text: str) -> Step:
    """Read a segment of the summary, perhaps with a condition: `UNS[S]`. Raises PathError."""
    found = _STEP.fullmatch(text)
    if not found:
        raise PathError("summary", text, "does not name a segment", "Name segments: CTT.")
    return _step(found.groups())


def _step(groups: tuple[str | None, ...]) -> Step:
    segment, element, component, value = groups
    return Step(str(segment), int(element or 1), value, int(component or 0))
