"""`gateway restore`: a ledger from a backup, or from another home, put where config.toml says it is to lie.

The catalog comes last and in one step: until then there is no ledger, and a restoration that was cut off is begun
again.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.errors import HouseError
from gateway.ledger import lake, verify
from gateway.ledger.backup import BESIDE, belonging, referenced
from gateway.ledger.commit import newest_head
from gateway.ledger.folder_bytes import FolderBytes
from gateway.ledger.locking import WriterLock
from gateway.ledger.sqlite_catalog import SqliteCatalog
from gateway.ledger.store import Bytes, Store, store_of
from gateway.settings import Config

FILES_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: the place, how many files were copied, and how many were there already."""

    place: str
    copied: int
    present: int


def restore(home: Path, config: Config, source: Path) -> Restored:
    """Fill the empty places of a home's ledger from `source`, a folder such as `gateway backup` makes; verify it.

    Raises HouseError where there is a ledger already, or files that are not of the backup; where the backup is none,
    or damaged; and where the places cannot be written.
    """
    backup = _backup(source / "ledger")
    with closing(store_of(home, config)) as store:
        _refuse_used(store)
        try:
            store.folder.mkdir(parents=True, exist_ok=True)
            with WriterLock(store.catalog).held():
                _refuse_used(store)
                copied, present = _copy_bytes(backup, store)
                store.catalog.load(
                    backup.catalog.path, lambda new: lake.lay_out(replace(store, catalog=new), config, tables=False)
                )
            _copy_beside(backup.folder, store.folder)
        except (OSError, sqlite3.Error) as error:
            cause = str(error.strerror) if isinstance(error, OSError) else str(error)
            raise HouseError("restore", store.catalog.name, "Remove the cause and run it again.", cause) from error
        _verify(home, config)
        _state(home, config, str(source))
        return Restored(store.catalog.name, copied, present)


@dataclass(frozen=True, slots=True)
class _Backup:
    folder: Path
    catalog: SqliteCatalog
    data: Bytes
    archive: Bytes


def _backup(folder: Path) -> _Backup:
    catalog = SqliteCatalog(folder)
    if not catalog.exists():
        fix = "Name a folder that `gateway backup` made: it contains ledger/catalog.sqlite."
        raise HouseError("restore from", str(folder.parent), fix, "there is no ledger in it")
    return _Backup(folder, catalog, FolderBytes(folder / "data"), FolderBytes(folder / "files"))


def _refuse_used(store: Store) -> None:
    if store.exists():
        fix = "Name places in [ledger] that are empty, or move the ledger away."
        raise HouseError("restore", store.catalog.name, fix, "there is a ledger already")


def _copy_bytes(backup: _Backup, store: Store) -> tuple[int, int]:
    """(files copied, files that were there)."""
    needed = referenced(backup.catalog.path)
    copied = present = 0
    for source, target, wanted in (
        (backup.data, store.data, belonging(backup.data, needed)),
        (backup.archive, store.archive, belonging(backup.archive, None)),
    ):
        target.make()
        there = dict(target.files())
        if foreign := there.keys() - dict(wanted).keys():
            raise HouseError(
                "restore into",
                target.uri,
                "Name places in [ledger] that are empty.",
                f"{min(foreign)} is there and does not belong to the backup",
            )
        missing = [name for name, size in wanted if there.get(name) != size]
        _keep(source, target, missing)
        copied, present = copied + len(missing), present + len(wanted) - len(missing)
    return copied, present


def _keep(source: Bytes, target: Bytes, names: list[str]) -> None:
    """Copy files, some at a time, by way of temporary ones."""
    target.scratch.mkdir(parents=True, exist_ok=True)
    numbers = itertools.count()
    for start in range(0, len(names), FILES_AT_ONCE):
        temporaries: dict[Path, str] = {}
        try:
            for name in names[start : start + FILES_AT_ONCE]:
                temporary = target.scratch / f".restore-{next(numbers)}.{os.getpid()}.tmp"
                temporaries[temporary] = name
                source.fetch(name, temporary)
            target.keep(temporaries)
        finally:
            for temporary in temporaries:
                temporary.unlink(missing_ok=True)


def _copy_beside(source: Path, target: Path) -> None:
    """What was delivered and who was notified, where this home does not know better."""
    for name in BESIDE:
        if (target / name).exists():
            continue
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        elif (source / name).exists():
            shutil.copy2(source / name, target / name)


def _state(home: Path, config: Config, source: str) -> None:
    """Record in every anchor that the ledger went back on purpose, and from what."""
    with lake.open_lake(home, config) as restored:
        state_restored(restored, f"gateway restore {source}")


def state_restored(ledger: lake.Lake, source: str) -> int:
    """Record in every anchor that the ledger as it is now was put back on purpose, `source` is from where or why.

    Returns the number of its newest audit row. Raises HouseError where an anchor cannot be written.
    """
    head = newest_head(ledger.con)
    if head is None or ledger.anchors is None:
        return 0
    ledger.anchors.state_restored(head, source)
    return head.seq


def _verify(home: Path, config: Config) -> None:
    with lake.open_lake(home, config, read_only=True) as restored:
        findings = verify.verify(restored)
        place = restored.store.catalog.name
    if findings:
        first = findings[0]
        raise HouseError(
            "verify the restored ledger at",
            place,
            "Restore an earlier backup into other places.",
            f"{len(findings)} findings, the first: {first.table} {first.row}: {first.message}",
        )
