"""`gateway doctor`: what of the machine, the home and the servers would stop the gateway, and what to do about it.

Nothing is changed, and no file of a partner is opened or fetched.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from gateway import settings, transports
from gateway.doctor import credentials
from gateway.doctor.found import Found
from gateway.errors import HomeFaultsError, HouseError
from gateway.init import FOLDERS, SHARED, open_to_others
from gateway.ledger import clock, lake, locking
from gateway.ledger.store import store_of
from gateway.mapping.library import load
from gateway.model import SCHEMA_VERSION
from gateway.person import user
from gateway.rights import chmod_to_read, group_named, owner_of, ownership
from gateway.settings import Config
from gateway.transports.remote import RemoteServer

FREE_BYTES_MIN = 1 << 30
FREE_SHARE_MIN = 0.05
FILES_MAX = 10_000
"""So many files of a folder are looked at."""


def examine(home: Path, *, servers: bool = True) -> Iterator[Found]:
    """Every finding, good and bad; one broken thing hides no other. `servers` says that they may be called."""
    yield from _home(home)
    try:
        config = settings.load(home)
    except HomeFaultsError as error:
        for fault in error.faults:
            yield Found("settings", f"{fault.file}:{fault.line}: {fault.message}", fault.fix)
        return
    except HouseError as error:
        yield Found("settings", _said(error), error.hint)
        return
    yield Found("settings", "config.toml can be used")
    checks: list[Callable[[Path, Config], Iterator[Found]]] = [
        _mappings,
        _folders,
        _disk,
        _ledger,
        _locks,
        _secrets,
        _keys,
    ]
    for check in [*checks, *([_servers, _certificates] if servers else [])]:
        try:
            yield from check(home, config)
        except (HouseError, OSError) as error:
            fix = error.hint if isinstance(error, HouseError) else "Look into it: the check could not be made."
            yield Found(check.__name__.strip("_"), _said(error), fix)


def _said(error: Exception) -> str:
    return error.cause or error.subject if isinstance(error, HouseError) else str(error)


def _home(home: Path) -> Iterator[Found]:
    """Rights on the home's folders, for this user and for others."""
    missing = [name for name in (*FOLDERS, "config.toml") if not (home / name).exists()]
    if missing:
        yield Found("home", f"{', '.join(missing)} is missing in {home}", "`gateway init` lays down what is missing.")
    status = home.stat()
    owner = os.geteuid() in (0, status.st_uid)
    refused = [(name, right) for name in FOLDERS if (right := _missing_right(home / name, owner or name in SHARED))]
    for name, right in refused:
        group = group_named(status.st_gid)
        fix = f"usermod -aG {group} {user()} (then log in again), and for the group: chmod -R g+{right}X {home / name}"
        yield Found("rights", f"{user()} cannot {_VERBS[right]} {name}/: {ownership(home / name)}", fix)
    if not refused and not missing:
        can = "can read and write the home"
        if not owner:
            can = f"can read the home, drop files and edit mappings; what commits is run as {owner_of(status)}"
        yield Found("rights", f"{user()} {can}")
    if wrong := open_to_others(home):
        what, _, fix = wrong.partition(". Fix: ")
        yield Found("rights", what, fix)


_VERBS = {"r": "read", "rw": "read and write"}


def _missing_right(folder: Path, writes: bool) -> str:
    """The right that this process should have on a folder and has not, as chmod writes it; "" where none is missing."""
    wanted = os.R_OK | os.X_OK | (os.W_OK if writes else 0)
    if not folder.exists() or os.access(folder, wanted):
        return ""
    return "rw" if writes else "r"


def _mappings(home: Path, config: Config) -> Iterator[Found]:
    library = load.load_all(home)
    for fault in library.faults:
        yield Found("mappings", f"{fault.file}:{fault.line}: {fault.message}", fault.fix)
    if not library.faults:
        yield Found("mappings", f"{len(library.mappings)} mappings can be used")
    partners = {loaded.mapping.partner for loaded in library.mappings.values()}
    for name in sorted(partners | set(config.partners)):
        if not (home / "inbound" / name).is_dir() and not any(one.partner == name for one in config.folder):
            fix = f"`gateway once` or `run` makes it, or: install -d -m 2770 {home / 'inbound' / name}"
            if not any(one.partner == name for one in (*config.sftp, *config.ftps, *config.s3)):
                yield Found("partners", f"{name} has no folder inbound/{name}, and no server", fix)


def _folders(home: Path, config: Config) -> Iterator[Found]:
    """Files that wait and cannot be taken: they cannot be read, or not be removed."""
    for folder in [*sorted((home / "inbound").glob("*/")), *(Path(home, one.folder) for one in config.folder)]:
        if not folder.is_dir():
            yield Found("drop folders", f"{folder} is not there", f"mkdir -p {folder}, or correct [[folder]].")
            continue
        files = [path for path in islice(folder.iterdir(), FILES_MAX) if path.is_file() and path.name != "README.md"]
        unread = [path for path in files if not os.access(path, os.R_OK)]
        if unread:
            what = f"{len(unread)} files of {folder} cannot be read, as {unread[0].name}: {ownership(unread[0])}"
            fix = f"Its owner, or root, runs `{chmod_to_read(unread[0])}`; umask 027 where files are written."
            yield Found("drop folders", what, fix)
        if files and not os.access(folder, os.W_OK | os.X_OK):
            fix = f"Give {user()} the right to write in {folder}: what is taken is removed from it."
            yield Found("drop folders", f"{len(files)} files wait in {folder} and cannot be removed from it", fix)


def _disk(home: Path, config: Config) -> Iterator[Found]:
    places = {home: "the home", Path(tempfile.gettempdir()): "the temporary folder"}
    with closing(store_of(home, config)) as store:
        places |= dict.fromkeys((path for path in store.folders if path.exists()), "the ledger")
    seen: set[int] = set()
    for path, what in places.items():
        if (device := path.stat().st_dev) in seen:
            continue
        seen.add(device)
        usage = shutil.disk_usage(path)
        said = f"{usage.free / 1e9:,.1f} GB of {usage.total / 1e9:,.0f} GB are free where {what} lies ({path})"
        low = usage.free < min(FREE_BYTES_MIN, usage.total * FREE_SHARE_MIN)
        yield Found("disk", said, "Make room before it is full." if low else "")


def _ledger(home: Path, config: Config) -> Iterator[Found]:
    """The catalog, its version, and this machine's clock beside the newest commit."""
    if not lake.exists(home, config):
        yield Found("ledger", "there is none yet; `gateway once` or `run` makes it")
        return
    with lake.open_lake(home, config, read_only=True) as ledger:
        rows = ledger.con.execute('select max("at"), count(*) from audit_log').to_arrow_table().to_pylist()
    newest, count = rows[0].values()
    yield Found("ledger", f"it can be read: schema {SCHEMA_VERSION}, {count} commits, the newest of {newest}")
    now = datetime.now(UTC)
    clock.Clock(config.audit).check(now, newest)
    yield Found("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC fits the newest commit; `timedatectl` says whether it is kept")


def _locks(home: Path, config: Config) -> Iterator[Found]:
    if not lake.exists(home, config):
        return
    with closing(store_of(home, config)) as store:
        try:
            with locking.intake(store.catalog, store.catalog.name):
                yield Found("locks", "no gateway takes files in this home now")
        except HouseError as error:
            yield Found("locks", f"a gateway is running: {error.cause}")


def _secrets(home: Path, config: Config) -> Iterator[Found]:
    """Environment variables that the settings name: of this process, which may not be that of the service."""
    names = sorted(set(_named(config.model_dump())))
    lost = [name for name in names if not os.environ.get(name)]
    if lost:
        fix = "Set them for the service (`EnvironmentFile=`), and for this shell to try its servers."
        yield Found("secrets", f"{', '.join(lost)}: not set in this process", fix)
    elif names:
        yield Found("secrets", f"{len(names)} environment variables are set")


def _named(value: object, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _named(inner, str(name))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _named(inner, key)
    elif isinstance(value, str) and value and key.endswith("_env"):
        yield value


def _keys(home: Path, config: Config) -> Iterator[Found]:
    """Files of keys and certificates."""
    return credentials.files(home, config, datetime.now(UTC))


def _certificates(home: Path, config: Config) -> Iterator[Found]:
    """The certificates that servers show."""
    return credentials.shown(home, config, datetime.now(UTC))


def _servers(home: Path, config: Config) -> Iterator[Found]:
    """Every server, called and listed once."""
    with closing(store_of(home, config)) as store:
        lanes = transports.build(home, config, store.folder)
    for lane in lanes:
        server = lane.transport
        if isinstance(server, RemoteServer):
            try:
                yield Found(f"server {lane.name}", f"answers, and lists {server.look()} names")
            except HouseError as error:
                yield Found(f"server {lane.name}", _said(error), error.hint)
            finally:
                server.close()
