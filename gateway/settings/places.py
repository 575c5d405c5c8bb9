"""Folders that `config.toml` names: what the gateway takes from a drop folder it removes, so each must be apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from gateway.errors import HomeFault
from gateway.settings.raw import at, list_of, table_of
from gateway.toml_faults import Place, spelled

_SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr")
"""Folders of the system: neither they nor what lies in them is a drop folder."""
_SHARED = (
    "/",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/spool",
    "/var/tmp",
    "/usr/local",
)
"""Folders of many programs or users: a drop folder may lie in one, but may not be one."""
_ALLOWED = ("/dev/shm", "/usr/local")
_OWN = ("inbound", "outbound", "mappings")


def faults(home: Path, raw: dict[str, Any], place: Place) -> list[HomeFault]:
    """Drop folders that overlap something else, folders for delivery not below `outbound/`, partners' names, a lost
    key."""
    own = home.resolve()
    return [*_drops(own, raw, place), *_deliveries(raw, place), *_partners(raw, place), *_verify_key(own, raw, place)]


def partner_below(home: Path, file: Path) -> str:
    """The partner whose drop folder below the home's inbound/ a file lies in, however deep; "" if it lies elsewhere."""
    inbound, place = (home / "inbound").resolve(), file.resolve()
    return place.relative_to(inbound).parts[0] if place.parent != inbound and place.is_relative_to(inbound) else ""


def _verify_key(home: Path, raw: dict[str, Any], place: Place) -> Iterator[HomeFault]:
    """The public key of anchors that is not there: `gateway verify` could not check a signature."""
    path = ("audit", "verify_key_file")
    name = at(raw, path)
    if isinstance(name, str) and name and not (home / name).is_file():
        fix = "put the public key there, as PEM: `openssl pkey -in PRIVATE -pubout`"
        yield HomeFault(*place(*path), f'`{spelled(path)}`: there is no file "{name}"', fix)


def _drops(home: Path, raw: dict[str, Any], place: Place) -> Iterator[HomeFault]:
    taken = _taken(home, raw)
    for number, drop in enumerate(list_of(raw, "folder")):
        name = drop.get("folder") if isinstance(drop, dict) else None
        if not isinstance(name, str):
            continue
        path = ("folder", number, "folder")
        folder = _resolved(home, name)
        wrong = "it cannot be resolved" if folder is None else _wrong(home, folder, taken)
        if wrong:
            fix = "name a folder that holds nothing but what this partner drops"
            yield HomeFault(*place(*path), f'`{spelled(path)}` cannot be "{name}": {wrong}', fix)
        if folder is not None:
            taken.append((folder, f"the drop folder `{spelled(path)}`"))


def _taken(home: Path, raw: dict[str, Any]) -> list[tuple[Path, str]]:
    """Folders that the gateway uses for something else, and what they are."""
    found = [(home / name, f"{name}/ of the home") for name in _OWN]
    ledger = table_of(raw, "ledger")
    for key, usual in (("path", "ledger"), ("data", ""), ("archive", "")):
        name = ledger.get(key, usual)
        if isinstance(name, str) and name and "://" not in name and (folder := _resolved(home, name)) is not None:
            found.append((folder, f"the ledger (`ledger.{key}`)"))
    return found


def _wrong(home: Path, folder: Path, taken: list[tuple[Path, str]]) -> str:
    """ "" or what a drop folder overlaps."""
    if home.is_relative_to(folder):
        return "it is the home, or lies above it"
    for other, what in taken:
        if folder.is_relative_to(other) or other.is_relative_to(folder):
            return f"it overlaps {what}"
    if str(folder) in (*_SHARED, str(_home_of_user())):
        return f"{folder} is a folder of the system or of many programs"
    if any(folder.is_relative_to(one) for one in _SYSTEM) and not any(folder.is_relative_to(one) for one in _ALLOWED):
        return f"{folder} is a folder of the system"
    return ""


def _home_of_user() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _resolved(home: Path, name: str) -> Path | None:
    """Where the folder lies when links are followed, None if that cannot be known."""
    try:
        return (home / name).resolve()
    except (OSError, RuntimeError, ValueError):  # A link that leads to itself; a zero byte.
        return None


def _deliveries(raw: dict[str, Any], place: Place) -> Iterator[HomeFault]:
    for kind in ("sftp", "ftps", "s3"):
        for number in range(len(list_of(raw, kind))):
            folders = at(raw, (kind, number, "deliver"))
            for folder in folders if isinstance(folders, list) else ():
                if isinstance(folder, str) and not _is_below(folder):
                    path = (kind, number, "deliver")
                    message = f'`{spelled(path)}` cannot name "{folder}": it is no folder below outbound/'
                    yield HomeFault(*place(*path), message, 'write it as in deliver = ["finance"]')


def _is_below(folder: str) -> bool:
    path = PurePosixPath(folder)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in folder


def _partners(raw: dict[str, Any], place: Place) -> Iterator[HomeFault]:
    """Names that cannot be those of folders in inbound/, outbound/ and mappings/."""
    for name in table_of(raw, "partners"):
        if "/" in name or name.startswith(".") or not name.isprintable() or not name:
            path = ("partners", name)
            message = f"`{spelled(path)}`: the name of a partner is that of its folders, and none can be called so"
            yield HomeFault(*place(*path), message, "use letters, digits and hyphens")
