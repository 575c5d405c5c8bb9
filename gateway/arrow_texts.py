"""What the octets of Arrow's texts show at once, without looking at each text."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_ASCII_MAX = 0x7F


def octets(texts: pa.Array) -> npt.NDArray[np.uint8]:
    """The octets of all texts of an array, one text after the other."""
    _, bounds, data = texts.buffers()
    if not len(texts) or data is None:
        return np.empty(0, np.uint8)
    places = np.frombuffer(bounds, np.int32)
    return np.frombuffer(data, np.uint8)[places[texts.offset] : places[texts.offset + len(texts)]]


def holds(texts: pa.Array, mark: str) -> bool:
    """Whether the mark is in one of the texts, or where two of them meet."""
    found = octets(texts)
    # Where all is ASCII, which is seen soonest, nothing else is.
    if not found.size or (not mark.isascii() and found.max() <= _ASCII_MAX):
        return False
    return mark.encode() in found.tobytes()
