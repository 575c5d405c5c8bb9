"""What `gateway check` need not read again: the same content of everything that a verdict depends on."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.mapping.library import verdicts
from gateway.mapping.library.verdicts import Verdicts

FILES = {
    "config.toml": "",
    "mappings/posting.toml": "",
    "mappings/lookups/reasons.csv": "code,value\n1,A\n",
    "mappings/acme/stock.toml": "",
    "mappings/acme/orders.toml": "",
    "mappings/acme/samples/stock.csv": "1",
    "mappings/acme/samples/stock.csv.expected.json": "{}",
    "mappings/acme/samples/master-data.csv": "sku\nA\n",
    "mappings/standard/x12/846.toml": "",
    "mappings/standard/x12/samples/846.edi": "ISA",
}
OWN, PACK = "mappings/acme/stock.toml", "mappings/standard/x12/846.toml"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    opened(tmp_path).note([tmp_path / OWN, tmp_path / PACK])
    return tmp_path


def opened(home: Path, items: str = "item A") -> Verdicts:
    return Verdicts(home, home / "ledger" / "tmp" / "checked.json", lambda: items)


def held(home: Path, items: str = "item A") -> tuple[bool, bool]:
    """Whether the verdicts on the partner's mapping and on the pack hold."""
    one = opened(home, items)
    return one.holds(home / OWN), one.holds(home / PACK)


def test_a_verdict_holds_while_nothing_changed_and_for_what_was_noted_alone(home: Path) -> None:
    assert held(home) == (True, True)
    assert not opened(home).holds(home / "mappings/acme/orders.toml")
    assert held(home, items="item B") == (True, True)  # acme's samples bring their own, those of packs know none
    (home / "mappings/acme/samples/master-data.csv").unlink()
    opened(home).note([home / OWN])
    assert (held(home), held(home, items="item B")) == ((True, True), (False, True))


def test_rules_end_the_verdict_on_a_pack_whose_expectation_says_what_its_rows_post(home: Path) -> None:
    (home / "mappings/standard/x12/samples/846.edi.expected.json").write_text('{"entries": []}')
    opened(home).note([home / PACK])
    assert held(home) == (True, True)
    (home / "mappings/posting.toml").write_text("#")
    assert held(home) == (False, False)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("config.toml", (False, False)),
        ("mappings/posting.toml", (False, True)),
        ("mappings/lookups/reasons.csv", (False, False)),
        (OWN, (False, True)),
        ("mappings/acme/orders.toml", (False, True)),
        ("mappings/acme/samples/stock.csv", (False, True)),
        ("mappings/acme/samples/stock.csv.expected.json", (False, True)),
        ("mappings/acme/samples/master-data.csv", (False, True)),
        (PACK, (False, False)),
        ("mappings/standard/x12/samples/846.edi", (True, False)),
    ],
)
def test_whatever_a_verdict_depends_on_ends_it_even_with_the_same_size_and_time(
    home: Path, name: str, holds: tuple[bool, bool]
) -> None:
    path = home / name
    before = path.stat()
    path.write_text(FILES[name].swapcase() + "#")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert held(home) == holds
    path.write_text(FILES[name])
    assert held(home) == (True, True)
    path.unlink()
    assert held(home) == holds


@pytest.mark.parametrize("name", ["mappings/acme/more.toml", "mappings/acme/samples/new.csv", "mappings/lookups/x.csv"])
def test_a_file_that_is_new_ends_a_verdict(home: Path, name: str) -> None:
    (home / name).write_text("")
    assert not opened(home).holds(home / OWN)


def _tomorrow(patch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Clock:
            return cls(2031, 1, 1, tzinfo=UTC)

    patch.setattr(verdicts, "datetime", Clock)


def _program(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("gateway.__version__", "99")


@pytest.mark.parametrize("other", [_tomorrow, _program])
def test_another_day_or_program_judges_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, other: Callable[[pytest.MonkeyPatch], None]
) -> None:
    other(monkeypatch)
    assert held(home) == (False, False)


def test_what_cannot_be_read_or_kept_is_checked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = home / "ledger" / "tmp" / "checked.json"
    for text in ("", "[]", '{"acme/stock.toml": 1}', '{"acme/stock.toml": ""}'):
        kept.write_text(text)
        assert held(home) == (False, False)
    kept.unlink()
    kept.mkdir()
    opened(home).note([home / OWN])
    assert held(home) == (False, False)
    kept.rmdir()
    opened(home).note([home / OWN])
    assert held(home) == (True, False)

    def refused(path: Path) -> bytes:
        raise PermissionError(path)

    monkeypatch.setattr(verdicts.Path, "read_bytes", refused)
    one = opened(home)
    one.note([home / OWN])
    assert not one.holds(home / OWN)
