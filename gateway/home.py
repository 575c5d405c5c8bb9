"""A home, opened: its settings, mappings, rules and ledger."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from gateway import settings
from gateway.books import feeds
from gateway.books.posting import reference
from gateway.books.reconcile.tables import Recon
from gateway.books.rules import load as load_rules
from gateway.books.stock import views
from gateway.ledger import lake
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.connection import transaction
from gateway.mapping.library import load
from gateway.master_data import MasterData
from gateway.settings import Config

T = TypeVar("T")

PACKS = "standard"
"""The partner of the packs, and the entity whose books their samples are read for."""
PACKS_CURRENCY = "USD"
"""Of amounts in samples that name none."""


class Home:
    """An open home: settings, ledger, rules, mappings and clock.

    folder      where it lies
    settings    `config.toml`
    lake        its ledger
    rules       chart of accounts, posting rules, exception codes
    library     its mappings and lookups
    feeds       the files that are expected
    master      items and aliases that files are read with
    reconciled  whether the connection's reconciliation tables show the ledger as it stands
    kept_texts  versions of mappings whose text is in the archive, as far as it was looked for
    """

    def __init__(
        self,
        folder: Path,
        settings: Config,
        ledger: lake.Lake,
        now: datetime | None = None,
        last: load.Library | None = None,
    ) -> None:
        """`last` are the mappings of before, for those that are broken now. Raises HouseError for broken rules."""
        self.folder, self.settings, self.lake = folder, settings, ledger
        self._now = now
        self.rules = load_rules(folder)
        self.library = load.load_all(folder, last)
        self.reconciled = False
        self.kept_texts: set[str] = set()
        self.master = MasterData(ledger.con)
        with transaction(ledger.con):
            reference.prepare(ledger.con, settings, self.rules)
            views.create_views(ledger.con)
            views.hold(ledger.con, settings.hold)
        self.feeds = feeds.feeds_of(self.library, settings)

    def reloaded(self, settings: Config) -> Home:
        """The same ledger under these settings and the mappings that are on disk now.

        A mapping that is broken now stays as it was. Raises HouseError for broken rules; this home stays good then.
        """
        return Home(self.folder, settings, self.lake, self._now, self.library)

    @property
    def partners(self) -> set[str]:
        """Every partner that a mapping or `config.toml` names."""
        return {loaded.mapping.partner for loaded in self.library.mappings.values()} | set(self.settings.partners)

    @property
    def now(self) -> datetime:
        """The instant that the books are looked at: given, or the present."""
        return self._now or datetime.now(UTC)

    @property
    def context(self) -> Recon:
        """What the reconciliations are given now."""
        return Recon(self.settings, self.now, self.feeds, self.rules, self.rules.registry)

    def commit(self, work: Callable[[Commit], T]) -> T:
        """Do the work in one commit. Raises what the work raises, HouseError if the ledger stays locked."""
        self.reconciled = False
        return run_commit(self.lake, work)


@contextmanager
def open_home(
    folder: Path, *, now: datetime | None = None, read_only: bool = False, scratch: bool = False
) -> Iterator[Home]:
    """Open a home. With `scratch` nothing is written: an absent ledger is replaced by an empty one."""
    config = settings.load(folder)
    if not scratch:
        with lake.open_lake(folder, config, read_only=read_only) as ledger:
            yield Home(folder, config, ledger, now)
        return
    if lake.exists(folder, config):
        with lake.open_lake(folder, config, read_only=True) as ledger:
            yield Home(folder, config, ledger, now)
        return
    with _throwaway(folder, config, now) as home:
        yield home


@contextmanager
def open_samples(folder: Path) -> Iterator[Home]:
    """A home with its master data, but an empty ledger: what a sample becomes does not depend on deliveries.

    Packs may be tried in it too, for an entity of their own.
    """
    config = settings.load(folder)
    config = config.model_copy(
        update={
            "entities": {**config.entities, **_of_packs().entities},
            "partners": {**config.partners, **_of_packs().partners},
        }
    )
    known = None
    if lake.exists(folder, config):
        with open_home(folder, read_only=True) as home:
            known = home.master.tables()
    with _throwaway(folder, config, None) as home:
        if known is not None:
            home.master.replace(*known)
        yield home


@contextmanager
def open_packs(folder: Path) -> Iterator[Home]:
    """A home for the samples of the packs: what they become does not depend on our settings and items, only on the
    rules and lookups."""
    with _throwaway(folder, _of_packs(), None) as home:
        yield home


def _of_packs() -> Config:
    return Config(
        entities={PACKS: settings.Entity(currency=PACKS_CURRENCY)}, partners={PACKS: settings.Partner(entity=PACKS)}
    )


@contextmanager
def _throwaway(folder: Path, config: Config, now: datetime | None) -> Iterator[Home]:
    """A home with an empty ledger that is removed afterwards."""
    temporary = Path(tempfile.mkdtemp(prefix="gateway-"))
    try:
        with open_apart(folder, config, now, str(temporary)) as home:
            yield home
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def open_apart(
    folder: Path, config: Config, now: datetime | None, path: str = settings.Ledger().path
) -> Iterator[Home]:
    """A home with a plain ledger in the folder `path`, wherever its settings say that it lies, and without anchors."""
    apart = config.model_copy(
        update={
            "ledger": settings.Ledger(path=path, threads=config.ledger.threads),
            "audit": config.audit.model_copy(update={"anchor": ()}),
        }
    )
    with lake.open_lake(folder, apart) as ledger:
        yield Home(folder, apart, ledger, now)
