"""One verdict: what `try` says of a file is what a pass stores of it, and what a replay says again."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gateway.errors import Fault, FileError
from gateway.home import Home, open_home
from gateway.intake.again import again
from gateway.intake.attempt import attempt
from gateway.intake.result import FileResult, Receipt
from gateway.ledger import verify
from gateway.mapping.library import samples
from gateway.sql import literal, rows_of
from gateway.transports.folder import Folder
from tests.conftest import NOW, taken

STANDARD = Path(__file__).parents[2] / "mappings" / "standard"
PACKS = (
    "amazon/settlement-v2",
    "csv/orders",
    "iso20022/camt.053",
    "edifact/INVRPT",
    "spreadsheet/stock-count",
    "x12/945",
)
COUNTS = ("received", "accepted", "rejected", "duplicate", "ignored")


def whole(content: bytes, _: random.Random) -> bytes:
    return content


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) // 2, len(content))]


def line_twice(content: bytes, chance: random.Random) -> bytes:
    return b"".join(_but(content.splitlines(keepends=True), chance, lambda line: line * 2))


def letter_for_digit(content: bytes, chance: random.Random) -> bytes:
    digits = [place for place, byte in enumerate(content) if chr(byte).isdigit()]
    place = chance.choice(digits)
    return content[:place] + b"x" + content[place + 1 :]


def another_digit(content: bytes, chance: random.Random) -> bytes:
    digits = [place for place, byte in enumerate(content) if chr(byte).isdigit()]
    place = chance.choice(digits)
    return content[:place] + (b"7" if content[place] != ord("7") else b"3") + content[place + 1 :]


def _but(lines: list[bytes], chance: random.Random, change: Callable[[bytes], bytes]) -> list[bytes]:
    place = chance.randrange(len(lines))
    return [*lines[:place], change(lines[place]), *lines[place + 1 :]]


DAMAGES = (whole, another_digit, letter_for_digit, line_twice, cut)


def partner_of(pack: str) -> str:
    return re.sub("[^a-z0-9]+", "-", pack.lower())


@pytest.fixture
def opened(bare_home: Path) -> Iterator[Home]:
    """A home with one partner for each pack."""
    folder = bare_home
    for pack in PACKS:
        partner = partner_of(pack)
        (folder / "mappings" / partner).mkdir()
        (folder / "mappings" / partner / "all.toml").write_text(
            f'based_on = "standard/{pack}"\nfeed = "{partner}.all"\npartner = "{partner}"\n\n[file]\nmatch = ["*"]\n'
        )
    with open_home(folder, now=NOW) as home:
        assert home.library.faults == []
        yield home
        assert verify.verify(home.lake) == []


def stored_faults(home: Home, file: FileResult) -> list[tuple[str, ...]]:
    """The faults that the newest version of a file has."""
    rows = rows_of(
        home.lake.con,
        f"""select "position", code, message, hint from fault where file_id = {literal(file.file_id)}
        and recorded_at = (select max(recorded_at) from file where file_id = {literal(file.file_id)})""",
    )
    return sorted(tuple(row.values()) for row in rows)


def tried_faults(tried: dict[str, Any]) -> list[tuple[str, ...]]:
    return sorted((f["position"], f["code"], f["message"], f["hint"]) for f in tried["faults"])


def check(home: Home, files: dict[str, Path]) -> list[tuple[str, str]]:
    """Try a file of each partner, take them together and replay each; (partner, state) of each."""
    tried: dict[str, dict[str, Any]] = {}
    for partner, file in files.items():
        try:
            tried[partner] = attempt(home, home.library.mappings[f"{partner}.all"], file)
        except FileError as error:
            tried[partner] = {"error": error.as_fault()}
    receipts = taken(home, Folder(home.folder, home.settings).poll())
    for receipt in receipts:
        Folder(home.folder, home.settings).settle(receipt.drop)
    assert sorted(receipt.drop.partner for receipt in receipts) == sorted(files)
    return [(receipt.drop.partner, agreed(home, receipt, tried[receipt.drop.partner])) for receipt in receipts]


def agreed(home: Home, receipt: Receipt, tried: dict[str, Any]) -> str:
    """Replay a file; the state that trying, taking and replaying it agree on."""
    own = [result for result in receipt.files if result.feed]
    if not own:
        [result] = receipt.files
        assert result.state == "QUARANTINED"
        if "error" in tried and "looks like" not in result.reason:
            fault: Fault = tried["error"]
            assert fault.message in result.reason
            assert [found[1:3] for found in stored_faults(home, result)] == [(fault.code, fault.message)]
        return result.state
    [result] = own
    assert {name: getattr(result, name) for name in COUNTS} == tried["counts"]
    assert tried["held"] == (result.state == "HELD")
    assert stored_faults(home, result) == tried_faults(tried)
    [replayed] = again(home, result.file_id, force=False)
    same = ("state", "received", "rejected", "ignored", "reason")
    assert {name: getattr(replayed, name) for name in same} == {name: getattr(result, name) for name in same}
    assert replayed.accepted + replayed.duplicate == result.accepted + result.duplicate
    assert stored_faults(home, replayed) == tried_faults(tried)
    return result.state


def test_try_a_pass_and_a_replay_agree_on_samples_and_damaged_copies(opened: Home) -> None:
    """In each round a file of each pack, whose partners have nothing in common."""
    paths = {partner_of(pack): STANDARD / f"{pack}.toml" for pack in PACKS}
    given = [known for path in paths.values() if (known := samples.master_data(path)) is not None]
    opened.master.replace(*(pa.concat_tables(tables) for tables in zip(*given, strict=True)))
    accepted = set()
    for number, damage in enumerate(DAMAGES):
        files = {}
        for partner, path in paths.items():
            sample = samples.samples(path)[0]
            pack = path.relative_to(STANDARD).with_suffix("")
            file = opened.folder / "inbound" / partner / f"{number}-{sample.name}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(damage(sample.read_bytes(), random.Random(f"{pack} {sample.name} {number}")))
            files[partner] = file
        accepted |= {partner for partner, state in check(opened, files) if state == "ACCEPTED"}
    assert accepted == set(paths)
