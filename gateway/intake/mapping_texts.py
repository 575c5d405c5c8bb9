"""The text of each mapping that files are read with: archived before their commit, which names its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile

from gateway.home import Home
from gateway.ledger.archive import Archiver, name_of
from gateway.mapping.language.loaded import Loaded


def hashes(mappings: Iterable[Loaded | None]) -> list[str]:
    """SHA-256 of the texts of these mappings; the first 16 digits are the mapping's version."""
    return sorted({hashlib.sha256(one.text).hexdigest() for one in mappings if one is not None and one.text})


def keep(home: Home, mappings: Iterable[Loaded | None]) -> None:
    """Archive the texts that the archive does not have. Raises OSError if one cannot be written, HouseError of a
    bucket."""
    texts = {one.version: one.text for one in mappings if one is not None and one.text}
    new = [text for version, text in texts.items() if version not in home.kept_texts]
    if not new:
        return
    with closing(Archiver(home.lake.store.archive)) as archiver:
        absent = [text for text in new if not _is_there(home, text)]
        archiver.settle([_add(home, archiver, text) for text in absent])
    home.kept_texts |= texts.keys()


def _is_there(home: Home, text: bytes) -> bool:
    try:
        return home.lake.store.archive.size(name_of(hashlib.sha256(text).hexdigest())) > 0
    except OSError:
        return False


def _add(home: Home, archiver: Archiver, text: bytes) -> str:
    home.lake.temporary.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=home.lake.temporary) as source:
        source.write(text)
        source.flush()
        return archiver.add(Path(source.name)).sha256
