"""The cells of rows by one walk: what each path would give if it were asked alone of the whole document."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.formats.path_errors import PathError
from gateway.formats.safe_xml import local
from gateway.formats.tree import tree_paths, xml
from gateway.formats.tree.tree_paths import Step
from gateway.formats.tree.xml_paths import plain, text_of
from gateway.reading import ReadRequest
from gateway.settings import Limits


def asked(element: Any, path: tree_paths.Path) -> str | None:
    """What a path means, asked alone: the first alternative of which something is there."""
    found = [hits for steps in path.alternatives if (hits := reached(element, steps))]
    texts = [text_of(hit) for hit in found[0]] if found else []
    if path.function == "count":
        return str(len(texts))
    if path.function == "join":
        return " ".join(filter(None, texts)) or None
    return texts[0] if texts else None


def reached(element: Any, steps: tuple[Step, ...]) -> list[Any]:
    levels = tree_paths.outward(steps)
    if not levels:
        return inside([element], steps)
    for _ in range(levels - 1):
        element = None if element is None else element.getparent()
    parent = None if element is None else element.getparent()
    if parent is None:
        return []
    step, *rest = steps[levels:]
    if step.name.startswith("@"):
        return inside([parent], (step,))
    return inside(those_of(takewhile(lambda one: one is not element, parent), step), tuple(rest))


def inside(hits: list[Any], steps: tuple[Step, ...]) -> list[Any]:
    for step in steps:
        if step.name.startswith("@"):
            hits = [value for hit in hits for key, value in hit.attrib.items() if local(key) == plain(step.name)]
        elif step.name != ".":
            hits = [inner for hit in hits for inner in those_of(hit, step)]
    return hits


def those_of(siblings: Any, step: Step) -> list[Any]:
    hits = [one for one in siblings if plain(step.name) in ("*", local(one.tag))]
    for test in step.tests:
        hits = kept(hits, test)
    return hits


def kept(hits: list[Any], test: tree_paths.Test) -> list[Any]:
    if test.path is None:
        return hits[test.number - 1 : test.number]
    return [hit for hit in hits if asked(hit, test.path) == test.value]


names = st.sampled_from(["A", "B", "N", "{urn:x}A"])
attributes = st.dictionaries(st.sampled_from(["x", "y", "{urn:x}x"]), st.sampled_from("12"), max_size=2)
documents = st.recursive(
    st.tuples(names, attributes, st.sampled_from(["", "a", " b ", "1"])),
    lambda inner: st.tuples(names, attributes, st.lists(inner, max_size=4)),
    max_leaves=25,
)
tests_ = st.sampled_from(
    ["", "", "", "[1]", "[2]", "[A='a']", "[@x='1']", "[A='a'][2]", "[2][B|A='b']", "[count(A)='1']"]
)
step_texts = st.builds("{}{}".format, st.sampled_from(["A", "B", "N", "*", "p:A"]), tests_)
inner_paths = st.one_of(
    st.just("."),
    st.sampled_from(["@x", "./@y", "./A", "A/./B"]),
    st.builds(
        lambda steps, end: "/".join(steps) + end,
        st.lists(step_texts, min_size=1, max_size=3),
        st.sampled_from(["", "", "/@x"]),
    ),
)
outer_paths = st.builds(
    lambda levels, path: "../" * levels + path.removeprefix("./").replace(".", "A", path == "."),
    st.integers(1, 3),
    inner_paths,
)
one_path = st.one_of(inner_paths, inner_paths, outer_paths)
path_texts = st.one_of(
    st.lists(one_path, min_size=1, max_size=3).map("|".join),
    one_path.map("count({})".format),
    one_path.map("join({})".format),
)


def built(node: tuple[str, dict[str, str], Any]) -> Any:
    name, attributes, content = node
    element = etree.Element(name, attributes)
    if isinstance(content, str):
        element.text = content
    else:
        element.extend([built(child) for child in content])
    return element


def cells(path: Path, root: Any, columns: list[str]) -> list[list[str | None]]:
    path.write_bytes(etree.tostring(root))
    request = ReadRequest(path, "a.xml", Limits(), {}, "//N", tuple(columns))
    return [list(row.values())[3:] for batch in xml.read(request) for row in batch.to_pylist()]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents, st.lists(path_texts, min_size=1, max_size=6, unique=True))
def test_a_walk_gives_what_each_path_means(tmp_path: Path, node: Any, columns: list[str]) -> None:
    root = etree.Element("R")
    root.append(built(node))
    paths = [tree_paths.compiled(column) for column in columns]
    expected = [[asked(row, path) for path in paths] for _, row in etree.iterwalk(root, tag="{*}N")]
    assert cells(tmp_path / "a.xml", root, columns) == expected


def test_rows_between_what_they_see_get_it_as_it_is_then(tmp_path: Path) -> None:
    """By hand: a row sees what stood before it, however its neighbours saw it."""
    root = etree.fromstring("<R><G x='1'><A>1</A><N/><N/><A>2</A><N/></G><G><N/><A>3</A><N/></G></R>")
    assert cells(tmp_path / "a.xml", root, ["count(../A)", "../A", "../@x", "../../G/A"]) == [
        ["1", "1", "1", None],
        ["1", "1", "1", None],
        ["2", "1", "1", None],
        ["0", None, None, "1"],
        ["1", "3", None, "1"],
    ]


def test_conditions_count_among_the_elements_that_passed_those_before(tmp_path: Path) -> None:
    """By hand."""
    root = etree.fromstring("<R><N><A x='1'>a</A><A x='2'>b</A><B>c</B><A x='3'>b</A></N></R>")
    columns = ["A[2]", "A[3]/@x", "*[3]", "A[.='b'][2]/@x", "A[2][.='a']|B", "count(A[.='b'])", "join(*)", "A[4]"]
    assert cells(tmp_path / "a.xml", root, columns) == [["b", "3", "c", "3", "c", "2", "a b c b", None]]


def test_a_step_behind_an_attribute_is_refused() -> None:
    with pytest.raises(PathError, match="has a step behind an attribute"):
        xml.check_path("A/@x/B", "//N", {})
