"""Element paths of interchange formats: `W12/08`, `N1[ST]/04`, `N1[ST]>N4/02`, `SV1/01-2`, `count(W12)`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.errors import GatewayError

_SEGMENT = r"([A-Z][A-Z0-9]{1,2})(?:\[(?:(\d{1,2})=)?([^\]]*)\])?"
_PATH = re.compile(rf"{_SEGMENT}(?:>{_SEGMENT})?/(\d{{1,2}})(?:-(\d{{1,2}}))?")
_COUNT = re.compile(rf"count\({_SEGMENT}\)")
_STEP = re.compile(_SEGMENT)
SYNTAX = (
    "Write SEGMENT/ELEMENT: W12/08, N1[ST]/04 (first element is ST), REF[02=ABC]/03, N1[ST]>N4/02 "
    "(the N4 behind that N1), SV1/01-2 (component), count(W12)."
)


@dataclass(frozen=True, slots=True)
class Step:
    """A segment, perhaps one whose element number `element` is `value`."""

    segment: str
    element: int = 1
    value: str | None = None


@dataclass(frozen=True, slots=True)
class ElementPath:
    """An element of a segment, or the number of such segments in the set (`element` 0)."""

    step: Step
    then: Step | None
    element: int
    component: int = 0


def parse(text: str) -> ElementPath:
    """Read a path. Raises GatewayError that shows the syntax."""
    counted = _COUNT.fullmatch(text)
    if counted:
        return ElementPath(_step(counted.groups()), None, 0)
    found = _PATH.fullmatch(text)
    if not found:
        raise GatewayError("read element path", text, SYNTAX)
    groups = found.groups()
    then = _step(groups[3:6]) if groups[3] else None
    return ElementPath(_step(groups[:3]), then, int(groups[6]), int(groups[7] or 0))


def parse_each(text: str) -> tuple[Step, ...]:
    """Read `each`: nested loops from the outermost, "LX/W12". Raises GatewayError that shows the syntax."""
    steps = []
    for part in text.split("/"):
        found = _STEP.fullmatch(part)
        if not found:
            raise GatewayError("read each", text, "Name the segments that begin the loops, outermost first: LX/W12.")
        steps.append(_step(found.groups()))
    return tuple(steps)


def _step(groups: tuple[str | None, ...]) -> Step:
    segment, element, value = groups
    return Step(str(segment), int(element or 1), value)
