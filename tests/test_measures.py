"""Files and functions stay short, and public names are described: the bounds that the house keeps."""

from __future__ import annotations

from pathlib import Path

from gateway.mapping.library import shipped_packs
from tests import measures
from tests.measures import Length, Measures, percentile


def test_files_and_functions_are_short_and_public_names_are_described() -> None:
    found = measures.measure(measures.ROOT / "gateway")
    assert percentile(found.files, 95) <= 327
    assert [each for each in found.files if each.lines > 500] == []
    assert percentile(found.functions, 95) <= 25
    assert found.documented >= 0.92, found.undocumented


def test_the_list_of_the_packs_is_that_of_their_files() -> None:
    assert shipped_packs.LIST.read_text() == shipped_packs.text(), "run `make pages`"


def test_what_is_measured(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text(
        '"""A."""\n\n\n@staticmethod\ndef long(\n    x\n):\n    """Says."""\n    return x\n\n\n'
        "class Kept:\n    def bare(self): ...\n"
        "    def _own(self):\n        def inner(): ...\n"
    )
    found = measures.measure(package)
    assert found.files == (Length(0, "package/__init__.py"), Length(15, "package/a.py"))
    assert [(each.lines, each.name) for each in found.functions] == [
        (1, "package/a.py:13 bare"),
        (1, "package/a.py:15 inner"),
        (2, "package/a.py:14 _own"),
        (6, "package/a.py:5 long"),
    ]
    assert (found.public, found.undocumented) == (4, ("package/a.py:12 Kept", "package/a.py:13 bare"))
    assert found.documented == 0.5


def test_a_percentile_is_a_length_that_so_many_do_not_exceed() -> None:
    lengths = tuple(Length(n, str(n)) for n in range(1, 101))
    assert [percentile(lengths, share) for share in (1, 50, 95, 100)] == [1, 50, 95, 100]
    assert percentile(lengths[:3], 95) == 3 and percentile(lengths[:3], 50) == 2 and percentile((), 95) == 0
    assert Measures((), (), 0, ()).documented == 1.0
