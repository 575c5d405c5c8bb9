"""XML: paths, surroundings, positions, encodings, memory, clear refusals."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway import formats
from gateway.errors import FileError, HouseError
from gateway.formats.path_errors import PathError
from gateway.formats.tree import xml
from gateway.formats.tree.xml_paths import text_of
from gateway.reading import Reading, ReadRequest
from gateway.settings import Limits

CAMT = """<?xml version="1.0"?><Document xmlns="urn:x"><S><Acct>A1</Acct><Bal><Cd>OPBD</Cd><Amt>5</Amt></Bal>
<N><Amt Ccy="EUR">1.00</Amt><D><E>first</E></D></N><N><Amt Ccy="USD"> 2 </Amt></N></S></Document>"""


def read(
    path: Path, content: bytes | str, each: str, *columns: str, limits: Limits | None = None, **options: Any
) -> Reading:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return xml.read(ReadRequest(path, "sample.xml", limits or Limits(), options, each, columns))


def rows(reading: Reading) -> list[list[Any]]:
    found = [list(row.values()) for batch in reading for row in batch.to_pylist()]
    assert [row[0] for row in found] == list(range(len(found)))
    assert reading.received == len(found)
    return [[row[1], *row[3:]] for row in found]


def test_paths_reach_ancestors(tmp_path: Path) -> None:
    columns = ("Amt", "Amt/@Ccy", "../Acct", "../Bal[Cd='OPBD']/Amt", "D/E|D/X")
    assert rows(read(tmp_path / "a.xml", CAMT, "//N", *columns)) == [
        ["/Document/S/N[1]", "1.00", "EUR", "A1", "5", "first"],
        ["/Document/S/N[2]", "2", "USD", "A1", "5", None],
    ]


def test_repeated_elements_are_counted_and_joined(tmp_path: Path) -> None:
    content = "<R><N><T><E>A</E></T><T><E> B </E><E/></T></N><N/></R>"
    found = rows(read(tmp_path / "a.xml", content, "//N", "count(T)", "join(T/E)", "T/E"))
    assert [row[1:] for row in found] == [["2", "A B", "A"], ["0", None, None]]


def test_each_row_sees_what_stood_before_it_and_the_attributes_around_it(tmp_path: Path) -> None:
    """By hand: row k has k siblings H before it, of which every second has the code b."""
    many = 700  # more than a piece of the document
    body = "".join(f"<H><T>{'ab'[n % 2]}</T><V>{n}</V></H><N/>" for n in range(many))
    columns = ("../H/V", "../H[2]/V", "../H[T='b']/V", "../H[T='b'][2]/V", "count(../H)", "../@x", "../K")
    found = rows(read(tmp_path / "a.xml", f"<D x='7'>{body}</D>", "//N", *columns))
    assert found[:4] == [
        ["/D/N[1]", "0", None, None, None, "1", "7", None],
        ["/D/N[2]", "0", "1", "1", None, "2", "7", None],
        ["/D/N[3]", "0", "1", "1", None, "3", "7", None],
        ["/D/N[4]", "0", "1", "1", "3", "4", "7", None],
    ]
    assert found[-1] == [f"/D/N[{many}]", "0", "1", "1", "3", str(many), "7", None]


DEEP = """<?xml version="1.0"?>
<!-- a comment --><?hint x?>
<R xmlns:a="urn:1" xmlns:b="urn:2" a:day="mon"><H no="7"><Id>H1</Id></H>
 <a:G kind="x"><Id>G1</Id><b:L nr="1"><Id>L1</Id><Q>1</Q><Q>2</Q><Id>second</Id></b:L><Note>between</Note>
  <L><Q/><!-- <Q>9</Q> -->mixed <i>text</i><Sub><L><Q>inner</Q></L></Sub></L></a:G>
 <a:G><Id>G2</Id><L><Q><![CDATA[a<b]]></Q></L><Note>after</Note></a:G>
</R>"""


def test_namespaces_attributes_positions_and_nested_rows(tmp_path: Path) -> None:
    columns = ("Id", "Q[2]", "Q", "@nr", "../@kind", "../Id", "../../H/@no", "../../@day", "../Note")
    assert rows(read(tmp_path / "a.xml", DEEP, "//G/L", *columns)) == [
        ["/R/G/L[1]", "L1", "2", "1", "1", "x", "G1", "7", "mon", None],
        ["/R/G/L[2]", None, None, "", None, "x", "G1", "7", "mon", "between"],
        ["/R/G[2]/L[1]", None, None, "a<b", None, None, "G2", "7", "mon", None],
    ]
    assert [row[0] for row in rows(read(tmp_path / "a.xml", DEEP, "/R/G/L", "Q"))] == [
        "/R/G/L[1]",
        "/R/G/L[2]",
        "/R/G[2]/L[1]",
    ]
    assert [row[0] for row in rows(read(tmp_path / "a.xml", DEEP, "//L", "Q"))] == [
        "/R/G/L[1]",
        "/R/G/L[2]/Sub/L[1]",
        "/R/G/L[2]",
        "/R/G[2]/L[1]",
    ]
    assert rows(read(tmp_path / "a.xml", DEEP, "//a:L", "."))[1] == ["/R/G/L[2]/Sub/L[1]", "inner"]
    assert rows(read(tmp_path / "a.xml", DEEP, "/R", "@day", "G[Id='G2']/L/Q")) == [["/R[1]", "mon", "a<b"]]
    assert rows(read(tmp_path / "a.xml", DEEP, "//Nothing", "Q")) == []


def test_what_stands_behind_a_row_never_reaches_it(tmp_path: Path) -> None:
    content = "<R><T>1</T><N/><T>2</T><N/><T>3</T></R>"
    assert [row[1:] for row in rows(read(tmp_path / "a.xml", content, "//N", "../T", "../T[2]", "count(../T)"))] == [
        ["1", None, "1"],
        ["1", "2", "2"],
    ]


@pytest.mark.parametrize(
    ("codec", "declared"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("iso-8859-1", "ISO-8859-1"),
        ("cp1252", "windows-1252"),
        ("utf-8", None),
    ],
)
def test_encodings(tmp_path: Path, codec: str, declared: str | None) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    content = f"{head}<R><N>é</N></R>".encode(codec)
    assert rows(read(tmp_path / "a.xml", content, "//N", ".")) == [["/R/N[1]", "é"]]
    assert xml.sniff(content, "a.xml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CAMT[:-14], "not well-formed"),
        (CAMT[:150], "not well-formed"),
        (CAMT.replace("<Document", '<!DOCTYPE d [<!ENTITY x "y">]><Document'), "DOCTYPE"),
        (CAMT.replace("<Document", '<!DOCTYPE d SYSTEM "file:///etc/passwd"><Document'), "DOCTYPE"),
        (CAMT.replace("<Document", f"<!-- {'x' * 200_000} --><!DOCTYPE d><Document"), "DOCTYPE"),
        (CAMT.replace('<?xml version="1.0"?>', "<!DOCTYPE d>").encode("utf-16"), "DOCTYPE"),
        (CAMT + "<more/>", "not well-formed"),
        (CAMT.replace("first", "&secret;"), "not well-formed"),
        (CAMT.replace("first", "\x01"), "not well-formed"),
        (CAMT.replace("first", "é").encode("cp1252"), "not well-formed"),
        ("", "not well-formed"),
        ("no markup", "not well-formed"),
        ("<R>" * 300 + "</R>" * 300, "not well-formed|deeper"),
        ("<R>" * 70 + "<N/>" + "</R>" * 70, "deeper than 64"),
    ],
)
def test_broken_documents_are_refused(tmp_path: Path, content: bytes | str, message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        rows(read(tmp_path / "a.xml", content, "//N", "Amt"))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("<R>\n" * 70 + "<N/>" + "</R>" * 70, 71),
        ("<R>\n" * 70 + "<X>" + "x" * 20_000 + "</X><N/>" + "</R>" * 70, 71),
        ("<R>\n" * 70 + "<!--" + "x" * 20_000 + "-->\n" + "</R>" * 70, 70),
    ],
    ids=["at a row", "at another element", "at the inmost element that is open"],
)
def test_a_document_that_is_nested_too_deep_is_refused_with_the_line(tmp_path: Path, content: str, line: int) -> None:
    with pytest.raises(FileError, match="deeper than 64") as caught:
        rows(read(tmp_path / "a.xml", content, "//N", "Amt"))
    assert caught.value.position == f"line {line}"


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"file_bytes_max": 10}, "file_bytes_max"),
        ({"rows_per_file_max": 1}, "rows_per_file_max"),
        ({"xml_text_bytes_max": 3}, "xml_text_bytes_max"),
        ({"xml_depth_max": 2}, "deeper than 2"),
    ],
)
def test_limits_are_held(tmp_path: Path, limit: dict[str, int], message: str) -> None:
    with pytest.raises(FileError, match=message):
        rows(read(tmp_path / "a.xml", CAMT, "//N", "Amt", limits=Limits(**limit)))


DTD = 'SYSTEM "http://xml.example.com/1.2/order.dtd"'


@pytest.mark.parametrize("begin", ["", '<?xml version="1.0"?>\n<!-- <x> --><?hint y?>\n'])
@pytest.mark.parametrize("dtd", [DTD, "PUBLIC '-//X//Order' 'order.dtd'"])
def test_a_named_dtd_is_passed_over_where_allowed_and_never_read(tmp_path: Path, begin: str, dtd: str) -> None:
    (tmp_path / "order.dtd").write_text('<!ELEMENT R ANY><!ATTLIST R added CDATA "by the DTD">')
    content = f"{begin}<!DOCTYPE R {dtd}><R><N>1</N></R>"
    assert rows(read(tmp_path / "a.xml", content, "//N", ".", "../@added", doctype=True)) == [["/R/N[1]", "1", None]]
    with pytest.raises(FileError, match="DOCTYPE"):
        rows(read(tmp_path / "a.xml", content, "//N", "."))


@pytest.mark.parametrize(
    ("doctype", "message"),
    [
        (f'R {DTD} [<!ENTITY x "y">]', "DOCTYPE"),
        ('R [<!ENTITY x "y">]', "DOCTYPE"),
        (f'R {DTD}><!-- <!DOCTYPE R [<!ENTITY x "y">]', "not well-formed"),
        (f"R {DTD}", "not well-formed"),
    ],
)
def test_a_doctype_that_defines_something_is_refused_even_where_a_dtd_may_be_named(
    tmp_path: Path, doctype: str, message: str
) -> None:
    with pytest.raises(FileError, match=message):
        rows(read(tmp_path / "a.xml", f"<!DOCTYPE {doctype}><R><N>&x;</N></R>", "//N", ".", doctype=True))
    hidden = f"<!-- <!DOCTYPE R {DTD}> --><!DOCTYPE {doctype}><R><N>&x;</N></R>"
    with pytest.raises(FileError, match=message):
        rows(read(tmp_path / "a.xml", hidden, "//N", ".", doctype=True))


def test_a_document_without_what_it_must_contain_is_refused(tmp_path: Path) -> None:
    content = "<R><Request><N>1</N></Request></R>"
    assert len(rows(read(tmp_path / "a.xml", content, "//N", ".", contains=["Request", "N"]))) == 1
    with pytest.raises(FileError, match="the document has no Header and no Order"):
        rows(read(tmp_path / "a.xml", content, "//N", ".", contains=["Order", "Request", "Header"]))


def test_what_stands_behind_a_row_is_in_reach_inside_a_whole_element(tmp_path: Path) -> None:
    events = "".join(f"<E><L><N>{n}</N><N/></L><Step>{'x' * 40_000}{n}</Step></E><Step>out</Step>" for n in range(3))
    content = f"<R>{events}<N>last</N><Step>no</Step></R>"
    found = rows(read(tmp_path / "a.xml", content, "//N", ".", "../../Step", "../Step", whole=["E"]))
    assert [[*row[:2], (row[2] or "")[-1:], row[3]] for row in found] == [
        ["/R/E/L/N[1]", "0", "0", None],
        ["/R/E/L/N[2]", "", "0", None],
        ["/R/E[2]/L/N[1]", "1", "1", None],
        ["/R/E[2]/L/N[2]", "", "1", None],
        ["/R/E[3]/L/N[1]", "2", "2", None],
        ["/R/E[3]/L/N[2]", "", "2", None],
        ["/R/N[1]", "last", "", "out"],
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"root": ["Order"]}, "is a Document, expected Order"), ({"body": ["T", "U"]}, "holds a S, expected T or U")],
)
def test_a_document_of_another_kind_is_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(FileError, match=message):
        rows(read(tmp_path / "a.xml", CAMT, "//N", "Amt", **options))


@pytest.mark.parametrize("each", ["//N", "/Document/S/N"])
def test_a_document_in_an_envelope_is_read_and_checked_as_one_without(tmp_path: Path, each: str) -> None:
    inner = CAMT.partition("?>")[2]
    sent = f'<E xmlns="urn:e"><H xmlns="urn:h"><N/></H><B>{inner}</B></E>'
    options: dict[str, Any] = {"root": ["Document"], "body": ["S"]}
    found = rows(read(tmp_path / "a.xml", sent, each, "Amt", "../Acct", **options))
    assert [row[1:] for row in found if row[1]] == [["1.00", "A1"], ["2", "A1"]]
    with pytest.raises(FileError, match="holds a S, expected T"):
        rows(read(tmp_path / "a.xml", sent, each, "Amt", root=["Document"], body=["T"]))
    with pytest.raises(FileError, match="is a E, expected Document"):
        rows(read(tmp_path / "a.xml", sent.replace("urn:e", "urn:x"), each, "Amt", **options))


@pytest.mark.parametrize("before", ["\n", "\r\n  ", "\ufeff\n"])
def test_blank_lines_before_the_declaration_are_passed_over(tmp_path: Path, before: str) -> None:
    assert [row[1] for row in rows(read(tmp_path / "a.xml", before + CAMT, "//N", "Amt", root=["Document"]))] == [
        "1.00",
        "2",
    ]
    assert "root Document" in xml.describe(ReadRequest(tmp_path / "a.xml", "a.xml", Limits()))


def test_a_document_without_rows_is_noted(tmp_path: Path) -> None:
    reading = read(tmp_path / "a.xml", CAMT, "//Ntry", "Amt")
    assert rows(reading) == []
    assert [(fault.code, fault.message) for fault in reading.faults] == [("WITHOUT_ROWS", "//Ntry")]


def test_a_second_document_behind_the_first_is_named(tmp_path: Path) -> None:
    for second in (CAMT, "<more/>"):
        with pytest.raises(FileError, match="Send each document as a file of its own"):
            rows(read(tmp_path / "a.xml", CAMT + "\n" + second, "//N", "Amt"))


def test_a_document_without_its_body_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="empty, expected S"):
        rows(read(tmp_path / "a.xml", "<Document/>", "//N", "Amt", root=["Document"], body=["S"]))
    assert len(rows(read(tmp_path / "a.xml", CAMT, "//N", "Amt", root=["Document"], body=["S"]))) == 2


@pytest.mark.parametrize(
    ("each", "column", "message"),
    [
        ("", "Amt", "what is a row"),
        ("N", "Amt", "what is a row"),
        ("//N[1]", "Amt", "what is a row"),
        ("//N", "Amt[", "path"),
        ("//N", "A/../B", "beginning"),
        ("//N", "..", "name after"),
        ("//N", "A[B>1]", "condition"),
        ("//N", "", "path"),
    ],
)
def test_paths_that_are_none_show_the_syntax(tmp_path: Path, each: str, column: str, message: str) -> None:
    with pytest.raises(HouseError, match=message):
        read(tmp_path / "a.xml", CAMT, each, column)


@pytest.mark.parametrize(("each", "whole"), [("//N", []), ("//Acct", []), ("//Nothing", []), ("//C", ["N"])])
def test_memory_does_not_grow_with_the_document(
    tmp_path: Path, each: str, whole: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in elements that are still in the tree, because lxml's memory is not Python's."""
    body = "".join(f"<N><A>{n}</A><B><C>x</C></B></N>" for n in range(30_000))
    most = 0
    original = xml.Tree.prune

    def prune(tree: xml.Tree) -> tuple[int, Any]:
        nonlocal most
        found = original(tree)
        most = max(most, sum(1 for _ in tree.root.iter()))
        return found

    monkeypatch.setattr(xml.Tree, "prune", prune)
    tracemalloc.start()
    found = rows(read(tmp_path / "a.xml", f"<R><Acct>1</Acct>{body}</R>", each, "../Acct", whole=whole))
    tracemalloc.stop()
    assert len(found) == {"//N": 30_000, "//C": 30_000, "//Acct": 1}.get(each, 0)
    assert most < 100


name = st.sampled_from("NABT")
tree = st.recursive(
    st.tuples(name, st.text("ab ", max_size=3)),
    lambda inner: st.tuples(name, st.lists(inner, max_size=4)),
    max_leaves=25,
)


def built(node: tuple[str, Any]) -> Any:
    element = etree.Element(node[0])
    if isinstance(node[1], str):
        element.text = node[1]
    else:
        element.extend([built(child) for child in node[1]])
    return element


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree, st.integers(1, 60))
def test_streamed_rows_are_those_of_the_whole_tree(tmp_path: Path, node: tuple[str, Any], chunk: int) -> None:
    root = etree.Element("R")
    root.append(built(node))
    expected = [
        [
            text_of(element),
            next((text_of(a) for a in element.iterchildren("A")), None),
            next((text_of(t) for t in list(element.itersiblings("T", preceding=True))[::-1]), None),
            str(sum(1 for _ in element.itersiblings("N", preceding=True)) + 1),
        ]
        for element in root.iter("N")
    ]
    whole = xml.CHUNK_BYTES
    xml.CHUNK_BYTES = chunk
    try:
        found = rows(read(tmp_path / "a.xml", etree.tostring(root), "//N", ".", "A", "../T"))
    finally:
        xml.CHUNK_BYTES = whole
    assert sorted([[*row[1:], row[0].rpartition("[")[2][:-1]] for row in found], key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("path", ["Line/ /Qty", "Line/{Qty", "../Line[@a b='1']/Qty", "Line/1st"])
def test_a_step_that_names_no_element_is_refused(path: str) -> None:
    with pytest.raises(PathError):
        xml.check_path(path, "//Line", {})


@pytest.mark.parametrize("name", ["", " ", "a b", "9", "cbc:ID", "*"])
@pytest.mark.parametrize("option", ["root", "body", "contains", "whole"])
def test_a_name_that_no_element_can_have_is_a_fault_of_the_mapping(option: str, name: str) -> None:
    assert f'no element can be called "{name}"' in str(formats.options_fault("xml", {option: ["Document", name]}))
