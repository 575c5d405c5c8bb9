"""What mappings see in files: the content of every sample distinguishes its pack from all others of its family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway import formats
from gateway.mapping.claim.content import Content, look
from gateway.mapping.language.loaded import Loaded
from gateway.mapping.language.spec import Mapping
from gateway.mapping.library import load
from gateway.reading import Reading, ReadRequest
from gateway.settings import Limits
from tests.conftest import samples_of

ROOT = Path(__file__).parents[3] / "mappings"


def loaded(pack: Path) -> Loaded:
    found, faults = load.load_file(pack, ROOT)
    assert found is not None and not faults
    return found


PACKS = {pack: loaded(pack) for pack in sorted(ROOT.glob("standard/*/*.toml"))}
WHOLE = {pack: one for pack, one in PACKS.items() if one.mapping.file.transaction is None}
SAMPLES = [(pack, sample) for pack in WHOLE for sample in samples_of(pack)]

FEW = {"items.toml"}
"""Packs of CSV that need so few columns that files of others have them too."""
OWN = {"gl-balances.toml", "manual-entries.toml", "opening-balances.toml"}
"""Our own people's forms have the columns of a bank's list, and are known by their names."""


def document(pack: Path) -> str:
    """What a pack reads: the same document comes from a warehouse or a customer, and from a supplier."""
    return pack.stem.removesuffix("-supplier")


def content(path: Path) -> Content:
    def open_as(mapping: Mapping, each: str | None, columns: Sequence[str]) -> Reading:
        request = ReadRequest(path, path.name, Limits(), mapping.file.options, each, tuple(columns))
        return formats.named(mapping.file.format).read(request)

    looks = formats.sniffed(path.read_bytes()[:65_536], "unnamed")
    return Content(looks, open_as, lambda: formats.described(ReadRequest(path, path.name, Limits()), looks))


@pytest.mark.parametrize(("pack", "sample"), SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_recognised_by_its_content(pack: Path, sample: Path) -> None:
    given = content(sample)
    family = [p for p, one in WHOLE.items() if p.parent == pack.parent and one.mapping.file.format in given.formats]
    fitting = [p for p in family if not look(WHOLE[p].mapping, given).why]
    assert pack in fitting
    others = {p.name for p in fitting if document(p) != document(pack)} - FEW - OWN
    assert pack.name in OWN or others == set()
    assert given.describe()
