"""Tables that the books need together, where a home fills one and nothing fills the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gateway.mapping.language.loaded import Loaded
from gateway.model import MAPPABLE


def missing(mappings: Collection[Loaded]) -> Iterator[str]:
    """A sentence for each table that a mapping fills while another, which the books need with it, is filled by none."""
    filled = {record.type for loaded in mappings for record in loaded.mapping.record}
    for loaded in sorted(mappings, key=lambda one: one.name):
        for table in sorted({record.type for record in loaded.mapping.record} & MAPPABLE.keys()):
            for other, why in MAPPABLE[table].together:
                if other not in filled:
                    yield f"{loaded.name} fills {table}, and no mapping of this home fills {other}, which {why}"
