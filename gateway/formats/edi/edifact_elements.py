"""Where the data elements of EDIFACT stand: composites and elements of the segments that trade messages use.

The places are those that the directories D96A to D10B have in common.
"""

from __future__ import annotations

from functools import cache

from gateway.formats.path_errors import PathError, closest

_SEGMENTS = {
    "UNB": (
        "S001:0001,0002 S002:0004,0007,0008 S003:0010,0007,0014 S004:0017,0019 0020 S005:0022,0025 0026 0029 0031 "
        "0032 0035"
    ),
    "UNG": "0038 S006:0040,0007 S007:0044,0007 S004:0017,0019 0048 0051 S008:0052,0054,0057 0058",
    "UNH": "0062 S009:0065,0052,0054,0051,0057 0068 S010:0070,0073",
    "UNT": "0074 0062",
    "UNE": "0060 0048",
    "UNZ": "0036 0020",
    "UNS": "0081",
    "ALC": "5463 C552:1230,5189 4471 1227 C214:7161,1131,3055,7160",
    "ALI": "3239 9213 4183",
    "BGM": "C002:1001,1131,3055,1000 C106:1004,1056,1060 1225 4343",
    "CNT": "C270:6069,6066,6411",
    "CPS": "7164 7166 7075",
    "CTA": "3139 C056:3413,3412",
    "CUX": "C504:6347,6345,6343,6348 C504:6347,6345,6343,6348 5402 6341",
    "DTM": "C507:2005,2380,2379",
    "FTX": "4451 4453 C107:4441,1131,3055 C108:4440 3453",
    "GIN": "7405 C208:7402",
    "GIR": "7297 C206:7402,7405",
    "IMD": "7077 7081 C273:7009,1131,3055,7008",
    "INV": "4501 7491 4499 4503 C522:4403,4401,1131,3055,4400",
    "LIN": "1082 1229 C212:7140,7143,1131,3055 C829:5495,1082 1222 7083",
    "LOC": "3227 C517:3225,1131,3055,3224 C519:3223,1131,3055,3222 C553:3233,1131,3055,3232 5479",
    "MEA": "6311 C502:6313,6321,6155,6154 C174:6411,6314,6162,6152",
    "MOA": "C516:5025,5004,6345,6343,4405",
    "NAD": "3035 C082:3039,1131,3055 C058:3124 C080:3036 C059:3042 3164 3229 3251 3207",
    "PAC": "7224 C531:7075,7233,7073 C202:7065,1131,3055,7064",
    "PCD": "C501:5245,5482,5249",
    "PCI": "4233 C210:7102 8275",
    "PIA": "4347 C212:7140,7143,1131,3055",
    "PRI": "C509:5125,5118,5375,5387,5284,6411 5213",
    "QTY": "C186:6063,6060,6411",
    "QVR": "C279:6064,6063 4221 C960:4295,1131,3055,4294",
    "RFF": "C506:1153,1154,1156",
    "TAX": "5283 C241:5153,1131,3055,5152 C533:5289,1131,3055 5286 C243:5279,1131,3055,5278 5305 3446",
    "TDT": "8051 8028 C220:8067,8066 C228:8179,8178 C040:3127,1131,3055,3128 8101",
}


@cache
def _places() -> dict[str, list[tuple[str, str, int, int]]]:
    """Segment → (composite or "", data element, element, component), in order."""
    places: dict[str, list[tuple[str, str, int, int]]] = {}
    for segment, text in _SEGMENTS.items():
        for element, part in enumerate(text.split(), start=1):
            composite, _, inner = part.rpartition(":")
            for component, name in enumerate(inner.split(","), start=1):
                places.setdefault(segment, []).append((composite, name, element, component))
    return places


def place(segment: str, data_element: str, composite: str = "") -> tuple[int, int]:
    """(element, component) of a data element in a segment: the first place where it stands.

    Raises PathError naming what the segment has.
    """
    for held_by, name, element, component in _places().get(segment, ()):
        if name == data_element and composite in ("", held_by):
            return element, component
    known = list(dict.fromkeys(name for _, name, _, _ in _places().get(segment, ())))
    syntax = f"{segment} has {', '.join(known)}." if known else f"Write the place instead: {segment}/02-1."
    where = f"data element {data_element} of {composite or segment}"
    near = closest(data_element, known)
    raise PathError(
        "element path",
        f"{composite or segment}/{data_element}",
        f"names {where}, which is not known",
        syntax,
        near and f"{composite or segment}/{near}",
    )


def segment_of(composite: str) -> str:
    """The one segment that has a composite. Raises PathError where there are several or none."""
    found = sorted({segment for segment, places in _places().items() if any(composite == p[0] for p in places)})
    if len(found) != 1:
        reason = f"is in {', '.join(found)}" if found else "is in no segment that is known by name"
        raise PathError("composite", composite, reason, "Name the segment: QTY[33]/6060 or QTY[33]/01-2.")
    return found[0]
