"""What nobody sees around texts, taken off Arrow arrays."""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gateway.invisible import INVISIBLE

_FIRST, _LAST = ord("!"), 0x7E
"""Octets that are visible and no part of a longer character."""


def trimmed(batch: pa.RecordBatch, but: Container[str]) -> pa.RecordBatch:
    """The batch with its texts trimmed, but for these columns: ten times cheaper here than in SQL."""
    arrays = [
        pc.utf8_trim(array, characters=INVISIBLE) if name not in but and _may_be_padded(array) else array
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def _may_be_padded(array: pa.Array) -> bool:
    """Whether a text begins or ends with an octet of white space, or of a character beyond ASCII."""
    _, offsets, data = array.buffers()
    if data is None or data.size == 0:
        return False
    octets = np.frombuffer(data, np.uint8) - np.uint8(_FIRST)
    if octets.max() <= _LAST - _FIRST:
        return False
    bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    filled = bounds[1:] > bounds[:-1]
    outer = (octets[bounds[:-1][filled]], octets[bounds[1:][filled] - 1])
    return any(len(ends) and ends.max() > _LAST - _FIRST for ends in outer)


def is_blank(texts: pa.ChunkedArray) -> bool:
    """Whether every text is there and empty."""
    return texts.null_count == 0 and not any(_octets(chunk) for chunk in texts.chunks)


def octets_in(texts: pa.ChunkedArray, marks: Sequence[bytes]) -> set[bytes]:
    """Those of these octets that may be in one of the texts."""
    found: set[bytes] = set()
    for chunk in texts.chunks:
        data = chunk.buffers()[2]
        octets = memoryview(data).tobytes() if data is not None else b""
        found |= {mark for mark in marks if mark in octets}
    return found


def _octets(array: pa.Array) -> int:
    if not len(array):
        return 0
    bounds = np.frombuffer(array.buffers()[1], np.int32)
    return int(bounds[array.offset + len(array)] - bounds[array.offset])
