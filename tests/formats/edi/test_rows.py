"""Small interchanges of several files share tables: each file's rows are what they are when it is read alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import FileError
from gateway.formats.edi import edifact, interchange, x12
from gateway.formats.edi.segments import Delimiters, tokenize
from gateway.reading import Reading, ReadRequest
from gateway.settings import Limits

COLUMNS = ("W06/02", "N1[01=SF]/02", "W12/03", "W12/05", "W03/01", "count(W12)", "GS/08", "ISA/13", "SE/01", "LX/01")
LIMITS = Limits()


def isa(control: int, element: str = "*", terminator: str = "~") -> str:
    return (
        element.join(
            [
                "ISA",
                "00",
                " " * 10,
                "00",
                " " * 10,
                "ZZ",
                "3PLEAST".ljust(15),
                "ZZ",
                "ACME".ljust(15),
                "261105",
                "1200",
                "U",
                "00401",
                f"{control:09d}",
                "0",
                "P",
                ">",
            ]
        )
        + terminator
    )


def shipment(control: int, lines: int) -> list[str]:
    """The segments of a 945."""
    body = [f"W06*F*{control}*20261105*S{control}"] + (["N1*SF*East*92*E"] if control % 2 else [])
    for n in range(1, lines + 1):
        body += [f"LX*{n}"] * (n % 2) + [f"W12*CC*{n}*{n}*0*EA**VN*SKU-{n}"]
    body += ["W03*3*3*LB"] * (lines % 3 > 0)
    return ["ST*945*0001", *body, f"SE*{len(body) + 2}*0001"]


interchanges = st.tuples(
    st.integers(1, 99),
    st.lists(st.integers(0, 4), max_size=3),
    st.sampled_from(["*", "|"]),
    st.sampled_from(["~", "'", "\n"]),
    st.sampled_from(["whole", "no group", "cut off", "half a segment", "acknowledgement"]),
)


def written(parts: Sequence[tuple[int, list[int], str, str, str]]) -> bytes:
    text = ""
    for control, sets, element, terminator, how in parts:
        segments = [s for n, lines in enumerate(sets) for s in shipment(control + n, lines)]
        if how != "no group":
            segments = [f"GS*SW*A*B*20261105*1200*{control}*X*004010", *segments, f"GE*{len(sets)}*{control}"]
        if how == "acknowledgement":
            segments.insert(0, f"TA1*{control:09d}*261105*1200*A*000")
        segments.append(f"IEA*1*{control:09d}")
        if how == "cut off":
            segments = segments[: len(segments) // 2]
        body = "".join(f"{segment.replace('*', element)}{terminator}" for segment in segments)
        text += isa(control, element, terminator) + (body[:-2] if how == "half a segment" else body)
        if how in ("cut off", "half a segment"):
            break
    return text.encode()


def readings(paths: Sequence[Path], each: str, wanted: Sequence[frozenset[int] | None]) -> list[Reading]:
    return [
        x12.read(ReadRequest(path, path.name, LIMITS, {}, each, COLUMNS, units))
        for path, units in zip(paths, wanted, strict=True)
    ]


def alone(reading: Reading) -> list[dict[str, object]]:
    return [row for batch in reading for row in batch.to_pylist()]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(st.lists(interchanges, min_size=1, max_size=3), min_size=2, max_size=5),
    each=st.sampled_from(["ST", "W12", "LX/W12", "TA1"]),
    wanted=st.lists(st.none() | st.frozensets(st.integers(0, 5)), min_size=5, max_size=5),
)
def test_files_read_together_give_the_rows_that_each_gives_alone(
    tmp_path: Path,
    files: list[list[tuple[int, list[int], str, str, str]]],
    each: str,
    wanted: list[frozenset[int] | None],
) -> None:
    paths = [tmp_path / f"{n}.edi" for n in range(len(files))]
    for path, parts in zip(paths, files, strict=True):
        path.write_bytes(written(parts))
        x12.forget()
    expected = [alone(reading) for reading in readings(paths, each, wanted[: len(paths)])]
    together = readings(paths, each, wanted[: len(paths)])
    found: list[list[dict[str, object]]] = [[] for _ in paths]
    units: dict[object, set[tuple[int, object]]] = {}
    for batch, place in together[0].together(together[1:]):
        places = np.broadcast_to(np.asarray(place), batch.num_rows).tolist()
        for of, row in zip(places, batch.to_pylist(), strict=True):
            found[of].append(row)
    for of, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        for one, other in zip(ours, theirs, strict=True):
            units.setdefault(one.pop("_unit"), set()).add((of, other.pop("_unit")))
            assert one == other
    assert all(len(of) == 1 for of in units.values()), "a unit is one unit of one file"
    assert [reading.received for reading in together] == [len(rows) for rows in expected]
    x12.forget()


@pytest.mark.parametrize("stretch_bytes", [50, 1 << 20])
def test_units_without_rows_are_noted_whether_files_are_read_together_or_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stretch_bytes: int
) -> None:
    monkeypatch.setattr(interchange, "STRETCH_BYTES", stretch_bytes)
    readings = []
    for number, counts in enumerate(((2, 0, 1), (1,), (0, 0))):
        sets = [segment for count in counts for segment in shipment(7, count)]
        head = isa(number) + "GS*SW*3PLEAST*ACME*20261105*1200*1*X*004010~"
        path = tmp_path / f"{number}.edi"
        path.write_text(head + "~".join(sets) + f"~GE*{len(counts)}*1~IEA*1*{number:09d}~")
        wanted = frozenset({0, 1}) if number == 2 else None
        readings.append(x12.read(ReadRequest(path, path.name, LIMITS, {}, "LX/W12", ("W12/03",), wanted)))
    for _ in readings[0].together(readings[1:]):
        pass
    found = [[(one.code, one.message, one.position) for one in reading.faults] for reading in readings]
    assert found == [
        [("WITHOUT_ROWS", "LX/W12", "segment 11")],
        [],
        [("WITHOUT_ROWS", "LX/W12", "segment 3"), ("WITHOUT_ROWS", "LX/W12", "segment 7")],
    ]


def test_a_file_with_too_many_rows_is_named_though_it_is_read_with_others(tmp_path: Path) -> None:
    paths = [tmp_path / "few.edi", tmp_path / "many.edi"]
    for path, lines in zip(paths, (1, 9), strict=True):
        path.write_bytes(written([(1, [lines], "*", "~", "whole")]))
    limits = Limits(rows_per_file_max=5)
    first, *others = [x12.read(ReadRequest(path, path.name, limits, {}, "W12", COLUMNS)) for path in paths]
    with pytest.raises(FileError, match=r"many\.edi.*rows_per_file_max"):
        list(first.together(others))


def test_a_group_header_is_never_that_of_the_interchange_before(tmp_path: Path) -> None:
    grouped = (
        b"UNB+UNOC:3+A+B+261105:1200+1'UNG+INVRPT+A+B+261105:1200+77+UN+D:96A'UNH+1+INVRPT:D:96A:UN'UNT+2+1'"
        b"UNE+1+77'UNZ+1+1'"
    )
    plain = b"UNB+UNOC:3+A+B+261105:1200+2'UNH+1+INVRPT:D:96A:UN'UNT+2+1'UNZ+1+2'"
    for n, content in enumerate((grouped, plain)):
        (tmp_path / f"{n}.edi").write_bytes(content)
    columns = ("UNG/5", "UNB/5")
    first, second = [
        edifact.read(ReadRequest(tmp_path / f"{n}.edi", f"{n}.edi", LIMITS, {}, "UNH", columns)) for n in range(2)
    ]
    rows = [row for batch, _ in first.together([second]) for row in batch.to_pylist()]
    assert [(row["UNG/5"], row["UNB/5"]) for row in rows] == [("77", "1"), (None, "2")]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.text("AB1 ^>", max_size=4), min_size=1, max_size=4), min_size=9, max_size=12),
    st.integers(1, 4),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_few_segments_give_the_texts_that_many_give(
    segments: list[list[str]], element: int, component: int, repetition: int
) -> None:
    data = "".join("*".join(["SEG", *cells]) + "~" for cells in segments).encode()
    table = tokenize(data, Delimiters(ord("*"), ord(">"), ord("~"), ord("^")))
    every = np.arange(len(table))
    many = table.text(every, element, component, repetition).to_pylist()
    few = [table.text(every[n : n + 1], element, component, repetition)[0].as_py() for n in every.tolist()]
    assert few == many
