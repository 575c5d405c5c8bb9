"""`gateway backup`: a copy of a home as it stood after one commit, made while others commit.

The catalog is copied first, in one step. What it leads to is on the disk before a commit and never changed, and files
that were merged into others stay for a day (`maintenance.KEPT`): what is copied after the catalog belongs to it.

Wherever the ledger lies, its backup is a home of the plain kind: a SQLite catalog, data and archive in one folder.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.atomic import abandoned, sync_folder
from gateway.errors import HouseError
from gateway.failures import explained
from gateway.ledger import lake, verify
from gateway.ledger.sqlite_catalog import CATALOG, WAL_AND_SHARED_MEMORY
from gateway.ledger.store import Bytes, Store, store_of
from gateway.settings import Config, Ledger

STAMP = "%Y%m%dT%H%M%SZ"
MUTABLE = ("config.toml", "mappings", "templates", "outbound")
"""What a home has besides its ledger. Files that wait in `inbound` are left out: their senders have them."""
RULES = ("config.toml", "mappings", "templates")
"""What decides how files are read and booked."""
BESIDE = ("gateway-id", "delivered", "notifications.json")
"""What lies beside the ledger's tables and archive, and is needed to go on."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made and verified: its folder, and how many files of the ledger were copied and linked."""

    folder: Path
    copied: int
    linked: int


def back_up(home: Path, config: Config, target: Path) -> Backup:
    """Make a new folder in `target`, named by the instant (UTC), that is a home with the same ledger; verify it.

    Files of the ledger that the backup before has already are linked to it, where the file system can do that. Raises
    HouseError where there is no ledger, where the backup cannot be written, or is not what was committed: nothing
    is left of it then, and the backups before it stay.
    """
    with closing(store_of(home, config)) as store:
        return _back_up(home, config, store, target)


def _back_up(home: Path, config: Config, store: Store, target: Path) -> Backup:
    if not store.exists():
        raise HouseError("back up", store.catalog.name, "Run `gateway once` first.", "there is no ledger yet")
    own = [Path(place.uri) for place in (store.data, store.archive) if "://" not in place.uri]
    if any(
        target.resolve().is_relative_to(place.resolve())
        for place in (store.folder, *own, *(home / name for name in MUTABLE))
    ):
        raise HouseError(
            "back up to", str(target), "Choose a folder outside of the home.", "the backup would copy itself"
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        for left in abandoned(target):
            shutil.rmtree(left)
        earlier = sorted(path for path in target.glob("[0-9]*T*Z") if (path / "ledger" / CATALOG).exists())
        made = target / datetime.now(UTC).strftime(STAMP)
        if made.exists():
            raise HouseError("back up to", str(made), "Run the backup again.", "a backup of this second exists already")
        unfinished = target / f".{made.name}.{os.getpid()}.tmp"
        try:
            # Before the catalog: a backup's ledger may be ahead of its anchor, and never behind it.
            _copy_anchors(home, config, unfinished)
            done = _fill(home, store, unfinished, earlier[-1] if earlier else None)
            _verify(unfinished, config)
            _keep_mode(home, unfinished)
            _keep_mode(store.folder, unfinished / "ledger")
            # Many small files: syncing everything once takes less than syncing each.
            os.sync()
            unfinished.replace(made)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        sync_folder(target)
    except (OSError, sqlite3.Error) as error:
        cause = str(error.strerror) if isinstance(error, OSError) else str(error)
        refused = HouseError("back up to", str(target), "Check disk space and permissions.", cause)
        raise explained(error, "back up to", str(target), target) or refused from error
    return Backup(made, *done)


def duplicate(home: Path, config: Config, folder: Path) -> None:
    """Make `folder` a home with the same ledger, settings, mappings and templates, to try something in.

    It is neither verified nor synced to the disk. Raises HouseError where there is no ledger.
    """
    with closing(store_of(home, config)) as store:
        if not store.exists():
            raise HouseError("copy", store.catalog.name, "Run `gateway once` first.", "there is no ledger yet")
        _fill(home, store, folder, None, RULES)


def copy_rules(home: Path, folder: Path) -> None:
    """Copy what decides how files are read and booked into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    _copy_present((home / name for name in RULES), folder)


def _fill(
    home: Path, store: Store, folder: Path, earlier: Path | None, beside: Sequence[str] = MUTABLE
) -> tuple[int, int]:
    """(files copied, files linked) of tables and archive; `beside` names what else of the home is copied."""
    kept = folder / "ledger"
    kept.mkdir(parents=True)
    store.catalog.copy(kept / CATALOG)
    copied = linked = 0
    for bytes_, place, needed in ((store.data, "data", referenced(kept / CATALOG)), (store.archive, "files", None)):
        for name, size in belonging(bytes_, needed):
            copy, before = kept / place / name, earlier / "ledger" / place / name if earlier else None
            copy.parent.mkdir(parents=True, exist_ok=True)
            if before is not None and _linked(before, copy, size):
                linked += 1
            else:
                bytes_.fetch(name, copy)
                copied += 1
    # After the catalog: a file for a partner is written before the catalog says so.
    _copy_present((home / name for name in beside), folder)
    _copy_present((store.folder / name for name in BESIDE), kept)
    return copied, linked


def _copy_anchors(home: Path, config: Config, folder: Path) -> None:
    """Copy the anchors of the audit chain that lie in the home."""
    for place in config.audit.anchor:
        if "://" not in place and not Path(place).is_absolute() and (home / place).exists():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(home / place, folder / place)
            for above in Path(place).parents:
                _keep_mode(home / above, folder / above)


def referenced(catalog: Path) -> set[str]:
    """Names, without folders, of the data files that a catalog leads to."""
    with closing(sqlite3.connect(catalog)) as con:
        rows = con.execute("select path from ducklake_data_file union select path from ducklake_delete_file").fetchall()
    return {Path(path).name for (path,) in rows}


def belonging(place: Bytes, needed: set[str] | None) -> list[tuple[str, int]]:
    """(name, size) of the files of a place that are needed; of the whole archive where that is None.

    Raises HouseError where a data file is gone.
    """
    found = list(place.files())
    if needed is None:
        return [(name, size) for name, size in found if name.endswith(".zst")]
    found = [(name, size) for name, size in found if Path(name).name in needed]
    if lost := needed - {Path(name).name for name, _ in found}:
        raise HouseError(
            "back up",
            f"data file {min(lost)}",
            "`gateway verify` names all that is lost; restore it from a backup.",
            "it is gone",
        )
    return found


def _linked(before: Path, copy: Path, size: int) -> bool:
    """Whether the earlier backup has the file, and the new one shares it now."""
    try:
        if before.stat().st_size != size:
            return False
        copy.hardlink_to(before)
    except OSError:
        return False
    return True


def _copy_present(places: Iterable[Path], folder: Path) -> None:
    """Copy files and folders that are there, without what is hidden: temporary files of others."""
    for place in places:
        if place.is_dir():
            (folder / place.name).mkdir(exist_ok=True)
            _copy_present((path for path in place.iterdir() if not path.name.startswith(".")), folder / place.name)
            _keep_mode(place, folder / place.name)
            continue
        try:
            shutil.copy2(place, folder / place.name)
        except FileNotFoundError:
            continue  # Replaced or removed since the listing, or never there.


def _keep_mode(folder: Path, copy: Path) -> None:
    """Give a folder's copy its mode: who restores it by `cp -a` has the rights of before."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    try:
        copy.chmod(mode)
    except PermissionError:  # A service may be forbidden to set the group's bit (`RestrictSUIDSGID`).
        copy.chmod(mode & 0o777)


def _verify(folder: Path, config: Config) -> None:
    settings = config.model_copy(update={"ledger": Ledger(threads=config.ledger.threads)})
    with lake.open_lake(folder, settings, read_only=True) as copied:
        findings = verify.verify(copied)
    if findings:
        first = findings[0]
        raise HouseError(
            "verify the backup of",
            str(folder.parent),
            "Run `gateway verify`: if it finds nothing, the damage is in the backup before; begin in a new folder.",
            f"{len(findings)} findings, the first: {first.table} {first.row}: {first.message}",
        )
    # Of the connection, not of the ledger.
    shutil.rmtree(folder / "ledger" / "tmp", ignore_errors=True)
    for suffix in WAL_AND_SHARED_MEMORY:
        (folder / "ledger" / f"{CATALOG}{suffix}").unlink(missing_ok=True)
