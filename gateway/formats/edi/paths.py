"""Element paths of interchange formats: `W12/08`, `N1[ST]/04`, `N1[ST]>N4/02`, `QTY[33]/01-2`, `count(W12)`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from gateway.errors import HouseError
from gateway.formats.edi import edifact_elements

_SEGMENT = r"([A-Z][A-Z0-9]{1,2})(?:\[(?:(\d{1,2})(?:-(\d{1,2}))?=)?([^\]]*)\])?"
_PATH = re.compile(rf"{_SEGMENT}(?:>{_SEGMENT})?/(\d{{1,2}})(?:\*(\d{{1,3}}))?(?:-(\d{{1,2}}))?")
_NAMED = re.compile(rf"(?:(C\d{{3}})(\[[^\]]*\])?|{_SEGMENT}(?:>{_SEGMENT})?)/(\d{{4}})")
_COUNT = re.compile(rf"count\({_SEGMENT}\)")
_STEP = re.compile(_SEGMENT)
SYNTAX = (
    "Write SEGMENT/ELEMENT: W12/08, N1[ST]/04 (first element is ST), REF[02=ABC]/03, N1[ST]>N4/02 "
    "(the N4 behind that N1), SV1/01-2 (component), REF/03*2 (repetition), count(W12)."
)


@dataclass(frozen=True, slots=True)
class Step:
    """A segment, perhaps one whose element number `element` (or a component of it) is `value`."""

    segment: str
    element: int = 1
    value: str | None = None
    component: int = 0


@dataclass(frozen=True, slots=True)
class ElementPath:
    """An element of a segment, or the number of such segments in the set (`element` 0).

    repetition and component are 0 where the path does not name one.
    """

    step: Step
    then: Step | None
    element: int
    repetition: int = 0
    component: int = 0


@lru_cache(maxsize=4_096)
def parse(text: str) -> ElementPath:
    """Read a path. Raises HouseError that shows the syntax."""
    counted = _COUNT.fullmatch(text)
    if counted:
        return ElementPath(_step(counted.groups()), None, 0)
    found = _PATH.fullmatch(text)
    if not found:
        raise HouseError("read element path", text, SYNTAX)
    groups = found.groups()
    then = _step(groups[4:8]) if groups[4] else None
    return ElementPath(_step(groups[:4]), then, *(int(group or 0) for group in groups[8:]))


@lru_cache(maxsize=4_096)
def parse_edifact(text: str) -> ElementPath:
    """Read a path of EDIFACT: an element without a component is its first one, and data elements may be named.

    `QTY[33]/01-2`, `QTY[33]/6060` and `C186[33]/6060` are the same. Raises HouseError that shows the syntax.
    """
    named = _NAMED.fullmatch(text)
    path = parse(_numbered(text, named) if named else text)
    return replace(
        path, step=first_component(path.step), then=path.then and first_component(path.then),
        component=path.component or 1,
    )  # fmt: skip


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
    """Read `each`: nested loops from the outermost, "LX/W12". Raises HouseError that shows the syntax."""
    return tuple(
        parse_step(part, "read each", "Name the segments that begin the loops, outermost first: LX/W12.")
        for part in re.split(r"/(?![^\[]*\])", text)
    )


@lru_cache(maxsize=1_024)
def parse_step(text: str, operation: str, hint: str) -> Step:
    """Read one segment, perhaps with a condition: `HL[03=O]`. Raises HouseError."""
    found = _STEP.fullmatch(text)
    if not found:
        raise HouseError(operation, text, hint)
    return _step(found.groups())


def _step(groups: tuple[str | None, ...]) -> Step:
    segment, element, component, value = groups
    return Step(str(segment), int(element or 1), value, int(component or 0))
