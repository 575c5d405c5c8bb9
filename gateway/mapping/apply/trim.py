"""What nobody sees in texts of Arrow arrays: taken off around them, and where there is nothing else."""

from __future__ import annotations

from collections.abc import Container

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gateway.arrow_texts import octets
from gateway.whitespace import INVISIBLE

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
    shifted = np.frombuffer(data, np.uint8) - np.uint8(_FIRST)
    if shifted.max() <= _LAST - _FIRST:
        return False
    bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    filled = bounds[1:] > bounds[:-1]
    outer = (shifted[bounds[:-1][filled]], shifted[bounds[1:][filled] - 1])
    return any(len(ends) and ends.max() > _LAST - _FIRST for ends in outer)


def is_blank(texts: pa.ChunkedArray) -> bool:
    """Whether every text is there and empty."""
    return texts.null_count == 0 and not any(octets(chunk).size for chunk in texts.chunks)


def filled(texts: pa.Array) -> npt.NDArray[np.bool_]:
    """Where there is more than white space; most columns that nobody maps are blank or filled throughout."""
    there: npt.NDArray[np.bool_] = pc.fill_null(pc.binary_length(texts), 0).to_numpy(zero_copy_only=False) > 0
    if there.any():
        lengths = pc.fill_null(pc.binary_length(pc.utf8_trim(texts, characters=INVISIBLE)), 0)
        there = lengths.to_numpy(zero_copy_only=False) > 0
    return there
