"""Shared fixtures: a home with the example partners, and the public samples where they are at hand."""

from __future__ import annotations

import functools
import gc
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway import init as homes
from gateway.books.reconcile import Outcome
from gateway.home import Home, open_home, open_samples
from gateway.intake.attempt import attempt
from gateway.intake.crash_suspects import Suspects
from gateway.intake.result import Receipt
from gateway.intake.take import Intake
from gateway.mapping.library.load import load_file
from gateway.mapping.library.samples import by_mapping
from gateway.settings import Limits
from gateway.transports.transport import Drop

if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and hasattr(os, "sched_setaffinity"):
    # A processor for each worker: the ledgers here are small, and a database's threads would only wait for one another.
    # One process alone runs with all of them, as the gateway does; so does the worker that there is beyond them, which
    # works while others wait for a server or a process.
    processors = dict(enumerate(sorted(os.sched_getaffinity(0))))
    number = int(worker.removeprefix("gw"))
    os.sched_setaffinity(0, {processors[number]} if number in processors else processors.values())


def pytest_collection_finish() -> None:
    """What was collected stays to the end: looking through it again and again for garbage takes time."""
    gc.collect()
    gc.freeze()


# A traceback with the values of every frame, as the library shows it where it finds "rich", takes seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

CORPUS = Path(__file__).parent.parent.parent / "shared" / "corpus"
MAPPINGS = Path(__file__).parents[1] / "mappings"
_samples_of_family = functools.cache(by_mapping)
NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


def samples_of(pack: Path) -> list[Path]:
    """The samples of a pack that ships: to find them, all packs of its family are read, and those once."""
    return _samples_of_family(pack.parent).get(pack, [])


def require_or_skip(available: object, what: str) -> None:
    """Skip the test where a tool is missing, but fail in CI: there every tool must be installed."""
    if available:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed, and CI must have it")
    pytest.skip(f"{what} is not installed")


@pytest.fixture
def limits() -> Limits:
    return Limits()


def _lay_down(path: Path, *, examples: bool) -> Path:
    """A home with an empty ledger, for tests to copy: making one takes a second.

    It lacks the files that nothing reads but `gateway check` and `gateway init`: two thirds of all.
    """
    homes.lay_down(path, examples=examples)
    for unread in (path / "mappings" / "examples", *path.glob("mappings/**/samples")):
        shutil.rmtree(unread, ignore_errors=True)
    with open_home(path):
        pass
    return path


@pytest.fixture(scope="session")
def laid_down(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the example partners active and an empty ledger, for `home` to copy."""
    return _lay_down(tmp_path_factory.mktemp("laid-down") / "home", examples=True)


@pytest.fixture(scope="session")
def _without_partners(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _lay_down(tmp_path_factory.mktemp("without-partners") / "home", examples=False)


@pytest.fixture
def home(tmp_path: Path, laid_down: Path) -> Path:
    """A home with the example partners active and an empty ledger."""
    return Path(shutil.copytree(laid_down, tmp_path / "home"))


@pytest.fixture
def bare_home(tmp_path: Path, _without_partners: Path) -> Path:
    """A home without partners, and with an empty ledger."""
    return Path(shutil.copytree(_without_partners, tmp_path / "home"))


@pytest.fixture
def gateway(home: Path) -> Iterator[Home]:
    with open_home(home, now=NOW) as opened:
        yield opened


def reconcile_only(home: Path, *letters: str) -> None:
    """Leave a home these of the reconciliations that ship: each takes time in every pass, whatever a test looks at."""
    path = home / "mappings" / "reconciliations.toml"
    head, *blocks = re.split(r"^(?=\[\[reconciliation\]\]$)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    kept = {letter: [block for block in blocks if f'letter = "{letter}"' in block.splitlines()] for letter in letters}
    path.write_text(head + "".join(block for letter in letters for block in kept[letter]), encoding="utf-8")
    assert all(kept.values()), "a reconciliation that does not exist"


@pytest.fixture
def hardly_reconciled(home: Path) -> None:
    """Of the reconciliations only the cheapest, for tests that look at none."""
    reconcile_only(home, "j")


@pytest.fixture
def without_workbooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes write no workbooks: they take a quarter of a pass, and only tests of workbooks look at them."""
    monkeypatch.setattr("gateway.once.write_workbooks", lambda *_, **__: [])


@pytest.fixture
def without_books(monkeypatch: pytest.MonkeyPatch, without_workbooks: None) -> None:
    """Passes take files and answer partners, and no more."""
    monkeypatch.setattr("gateway.once.run_books", lambda home: Outcome())


@pytest.fixture
def drop(home: Path) -> Callable[[str, str, bytes | str], Path]:
    """Drops a file into a partner's folder."""

    def put(partner: str, name: str, content: bytes | str) -> Path:
        path = home / "inbound" / partner / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put


def taken(gateway: Home, drops: Iterable[Drop], suspects: Suspects | None = None) -> list[Receipt]:
    """Take files; the receipts of all commits together."""
    return [receipt for receipts in Intake(gateway, suspects).take(list(drops)) for receipt in receipts]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home that has seen nothing, to try packs and other mappings in."""
    path = tmp_path_factory.mktemp("reader")
    homes.lay_down(path, examples=False)
    with open_samples(path) as opened:
        yield opened


def tried(reader: Home, mapping: Path, file: Path, mappings: Path = MAPPINGS) -> dict[str, Any]:
    """What a mapping without faults makes of a file."""
    loaded, faults = load_file(mapping, mappings)
    assert faults == [] and loaded is not None
    return attempt(reader, loaded, file)


def corpus(folder: str, *patterns: str) -> list[Path]:
    """Public sample files of a family, none where the samples are not at hand."""
    return sorted(path for pattern in patterns or ("*",) for path in (CORPUS / folder).glob(pattern))


def case(name: str) -> Path:
    """The folder of a reported input; the test is skipped where the inputs are not at hand."""
    path = CORPUS.parent / "cases" / name
    if not path.is_dir():
        pytest.skip(f"the reported input {name} is not beside the checkout")
    return path
