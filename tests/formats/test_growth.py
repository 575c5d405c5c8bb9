"""Four times as much of what a file can hold much of takes about four times as long. At night only: it takes time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import formats
from gateway.reading import ReadRequest
from gateway.settings import Limits
from tests.formats.test_contract import SAMPLES

NIGHTLY = int(os.environ.get("MUTATIONS", "16")) >= 10_000
MUCH = 20_000
TIMES_MAX = 8
"""Four would be in proportion, sixteen the square."""

Grown = Callable[[int], str]


def _attributes(n: int) -> str:
    return " ".join(f"a{number}='1'" for number in range(n))


def _keys(n: int) -> str:
    return ",".join(f'"k{number}":1' for number in range(n))


def _bai(summaries: str, rows: str) -> str:
    return (
        f"01,1,2,261101,0200,1,,,2/\n02,3,1,1,261101,2359,USD,2/\n03,12,USD,{summaries}/\n{rows}"
        "49,1,2/\n98,1,1,4/\n99,1,1,6/\n"
    )


def _x12(more: Grown) -> Grown:
    return lambda n: SAMPLES["x12"].content.decode().replace("GE*2", f"{more(n)}GE*2", 1)


GROWN: dict[str, tuple[str, str | None, tuple[str, ...], Grown]] = {
    "attributes": ("xml", "//N", ("@a5", "@none"), lambda n: f"<D><N {_attributes(n)}/></D>"),
    "attributes around rows": ("xml", "//N", ("../@none",), lambda n: f"<D {_attributes(n)}>{'<N/>' * n}</D>"),
    "children of an open element": ("xml", "//N", ("../H",), lambda n: f"<D>{'<H>1</H>' * n * 4}<N/></D>"),
    "siblings between rows": ("xml", "//N", ("../H", "../K"), lambda n: f"<D>{'<H>1</H><N/>' * n}</D>"),
    "elements around rows": ("xml", "//N", ("../../H",), lambda n: f"<D>{'<H/>' * n}{'<S><N/></S>' * n}</D>"),
    "keys": ("json", "/", ("a",), lambda n: f'[{{{_keys(n)},"k{n - 1}":2}}]'),
    "values passed over": ("json", "r", ("a",), lambda n: f'{{"x":[1{",[1]" * n}],"r":[{{"a":1}}]}}'),
    "type codes": ("bai2", "03", ("03[015]/amount",), lambda n: _bai("015,1,,," * n, "")),
    "continuations": ("bai2", "16", ("16/text",), lambda n: _bai("015,1,,", "16,115,1,,B,C,x\n" + "88,a,d\n" * n)),
    "sets": ("x12", "LX/W12", ("W12/08",), _x12(lambda n: "ST*945*0002~SE*2*0002~" * n)),
    "sets without an end": ("x12", "LX/W12", ("W12/08",), _x12(lambda n: "ST*945*0002~" * n)),
    "broken rows": ("delimited", None, (), lambda n: "a,b\n" + "1\n" * n),
}


@pytest.mark.skipif(not NIGHTLY, reason="takes a minute; `make nightly` runs it")
@pytest.mark.parametrize(("format_", "each", "columns", "grown"), GROWN.values(), ids=GROWN)
def test_time_grows_in_proportion(
    format_: str, each: str | None, columns: tuple[str, ...], grown: Grown, tmp_path: Path
) -> None:
    def seconds(n: int) -> float:
        path = tmp_path / str(n)
        path.write_text(grown(n))
        formats.forget()
        request = ReadRequest(path, path.name, Limits(), each=each, columns=columns)
        began = time.process_time()
        interchange = formats.interchange_of(format_)
        if interchange is not None:
            interchange.units(request)
        for _ in formats.named(format_).read(request):
            pass
        return time.process_time() - began

    seconds(100)
    few, many = (min(seconds(n) for _ in range(2)) for n in (MUCH, 4 * MUCH))
    assert many < max(TIMES_MAX * few, 0.2)
