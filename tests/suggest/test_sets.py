"""Interchanges whose sets no pack reads: the segments that stand there are drafted."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import suggest
from gateway.errors import HouseError
from gateway.home import Home
from tests.conftest import tried

GROCERY = [
    "G50*N*20261101*PO-1001",
    "N1*BY*RetailCo*92*RC-1",
    "G68*12*CA*15.50**VN*MUG-BLUE",
    "G69*Stoneware mug",
    "G68*3*CA*31.25**VN*LAMP-01",
    "G69*Desk lamp",
    "G76*15*CA",
]
CHANGE = [
    "BGM+230+CH-7+4",
    "DTM+137:20261105:102",
    "RFF+ON:4500012345",
    "CUX+2:EUR:9",
    "LIN+1+3+4000000000017:EN",
    "QTY+21:12",
    "PRI+AAA:3.85",
    "LIN+2+2+4000000000024:EN",
    "QTY+21:7",
    "PRI+AAA:9.50",
    "UNS+S",
    "CNT+2:2",
]


def x12(kind: str, body: list[str]) -> str:
    head = "ISA*00*          *00*          *ZZ*ACME           *ZZ*GATEWAY        *261105*0615*U*00401*000000001*0*P*>"
    lines = [f"ST*{kind}*0001", *body, f"SE*{len(body) + 2}*0001"]
    return "~\n".join([head, "GS*OG*ACME*GATEWAY*20261105*0615*1*X*004010", *lines, "GE*1*1", "IEA*1*000000001", ""])


def edifact(kind: str, body: list[str]) -> str:
    head = "UNB+UNOC:3+4012345000009:14+4099999000003:14+261105:0700+X1"
    lines = [f"UNH+1+{kind}:D:96A:UN:EAN008", *body, f"UNT+{len(body) + 2}+1"]
    return "'\n".join([head, *lines, "UNZ+1+X1", ""])


def drafted(tmp_path: Path, text: str, table: str | None = None) -> tuple[Path, suggest.Draft]:
    file = tmp_path / "sets.edi"
    file.write_text(text)
    [draft] = suggest.drafts([file], {}, "acme", table)
    return file, draft


@pytest.mark.parametrize(
    ("text", "kind", "rows"),
    [
        (
            x12("875", GROCERY),
            ("x12", "875", "ZZ/ACME"),
            [
                ("PO-1001", "2026-11-01", "MUG-BLUE", "12.0000", "186.0000"),
                ("PO-1001", "2026-11-01", "LAMP-01", "3.0000", "93.7500"),
            ],
        ),
        (
            edifact("ORDCHG", CHANGE),
            ("edifact", "ORDCHG", "14/4012345000009"),
            [
                ("4500012345", "2026-11-05", "4000000000017", "12.0000", "46.2000"),
                ("4500012345", "2026-11-05", "4000000000024", "7.0000", "66.5000"),
            ],
        ),
    ],
    ids=["x12", "edifact"],
)
def test_a_set_that_no_pack_reads_is_drafted_and_the_draft_reads_it(
    reader: Home, tmp_path: Path, text: str, kind: tuple[str, str, str], rows: list[tuple[str, ...]]
) -> None:
    """By hand: quantity times price is 12 × 15.50, 3 × 31.25, 12 × 3.85 and 7 × 9.50."""
    file, draft = drafted(tmp_path, text)
    assert [line.value.strip('"') for line in draft.file] == list(kind)
    assert draft.todo == ["order_line.channel"]
    assert "sure" not in {line.certainty for record in draft.records for line in record.fields}
    path = tmp_path / "mappings" / "acme" / "sets.toml"
    path.parent.mkdir(parents=True)
    path.write_text(
        suggest.text(draft).replace('# TODO channel = { constant = "…" }', 'channel = { constant = "shop" }')
    )
    found = tried(reader, path, file, tmp_path / "mappings")["records"]["order_line"]
    assert [
        (one["order_id"], one["ordered_at"][:10], one["sku"].removeprefix("?"), one["qty"], one["list_amount"])
        for one in found
    ] == rows


def test_a_set_that_fits_no_table_asks_for_one_and_a_bank_file_for_a_mapping(tmp_path: Path) -> None:
    text = x12("864", ["BMG*00*Hello", "MIT*1*Note", "MSG*One", "MSG*Two"])
    with pytest.raises(HouseError, match=r"its columns fit no table.* --table order_line"):
        drafted(tmp_path, text)
    assert drafted(tmp_path, text, "order_line")[1].records[0].type == "order_line"
    with pytest.raises(HouseError, match="no pack reads its sets: MT940"):
        drafted(tmp_path, ":20:A\n:25:123\n:28C:1\n:60F:C261101EUR1,\n:62F:C261101EUR1,\n-\n")
