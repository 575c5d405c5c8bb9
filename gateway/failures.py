"""What the machine refuses, in one sentence with the fix: disk, rights, memory, limits."""

from __future__ import annotations

import errno
import resource
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

from gateway.errors import HouseError, first_line, lower_first
from gateway.rights import ownership

ROOM = "Make room on that disk, and run it again: nothing is half done."
READ_ONLY = "Mount it writable, or use a home that is; status, query, stock, trace, verify and try only read."
RIGHTS = "Run it as the user that owns the home, or give this user the right to that place."
MEMORY = (
    "Give it more memory (`ulimit -v`, `MemoryMax` of the service), or lower `limits.memory_mb_max` and "
    "`ledger.threads`."
)
FILES = "Raise the limit of open files (`ulimit -n`, `LimitNOFILE` of the service)."
DISK = "Check that disk, then run `gateway verify`; restore a backup if it finds damage."
ABSENT = "Name the home with -C, and bring back the file or folder if it was removed."
IN_THE_WAY = "Something else stands where a folder belongs: name the home with -C, or move it away, and run it again."

_BY_NUMBER = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EROFS: READ_ONLY,
    errno.EACCES: RIGHTS,
    errno.EPERM: RIGHTS,
    errno.EMFILE: FILES,
    errno.ENFILE: FILES,
    errno.ENOMEM: MEMORY,
    errno.EAGAIN: MEMORY,
    errno.EIO: DISK,
    errno.ESTALE: DISK,
    errno.ENOENT: ABSENT,
    errno.ENOTDIR: IN_THE_WAY,
    errno.EEXIST: IN_THE_WAY,
    errno.EFBIG: "Raise the limit of the size of files (`ulimit -f`, `LimitFSIZE` of the service).",
    errno.ENAMETOOLONG: "Use a shorter path.",
}
_BY_WORDS = (
    (("disk is full", "no space left"), ROOM),
    (("read-only file system", "readonly database", "read-only mode"), READ_ONLY),
    (("permission denied", "not permitted"), RIGHTS),
    (("unable to open database file",), f"{RIGHTS[:-1]}; or: {FILES[0].lower()}{FILES[1:]}"),
    (("too many open files",), FILES),
    (("out of memory", "cannot allocate", "failed to allocate", "failed to map segment", "new thread"), MEMORY),
    (("file too large",), _BY_NUMBER[errno.EFBIG]),
    (("i/o error", "input/output error"), DISK),
)


def explained(error: Exception, operation: str, subject: str, *places: Path) -> HouseError | None:
    """The sentence for a failure of the machine at this operation; None for any other error.

    places  where the operation writes: of a full disk the sentence says which it is, and how much is free there
    """
    if isinstance(error, OSError) and error.errno is not None:
        place = f": {error.filename}" if error.filename else ""
        hint = _BY_NUMBER.get(error.errno, "Repair the cause, and run it again.")
        named = [Path(error.filename)] if isinstance(error.filename, str) else places
        fix = room(*named) if hint is ROOM else _right(*named) if hint is RIGHTS else hint
        return HouseError(operation, subject, fix, f"{error.strerror}{place}")
    text = first_line(error)
    if isinstance(error, MemoryError):
        return HouseError(operation, subject, MEMORY, text or "there is not enough memory")
    if not isinstance(error, OSError | sqlite3.Error | ImportError | RuntimeError) and not _of_the_database(error):
        return None
    for words, hint in _BY_WORDS:
        if any(word in str(error).lower() for word in words):
            fix = room(*places) if hint is ROOM else or_limit(hint) if hint is DISK else hint
            fix = _right(*places) if hint is RIGHTS else fix
            return HouseError(operation, subject, fix, text)
    return None


def _right(*places: Path) -> str:
    """What to do about a right that is missing, and whose the first of these places is that is there."""
    for place in (path for one in places for path in (one, *one.absolute().parents)):
        with suppress(OSError):
            if place.exists():
                return f"{RIGHTS[:-1]}: of {place}, {ownership(place)}."
    return RIGHTS


def or_limit(hint: str) -> str:
    """What to do about an error of a disk, where the limit of the size of files may be met: SQLite says the same."""
    most, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if most == resource.RLIM_INFINITY:
        return hint
    limit = f"This process may write no file larger than {most:,} bytes. {_BY_NUMBER[errno.EFBIG]}"
    return f"{limit} If it is not that: {lower_first(hint)}"


def room(*places: Path) -> str:
    """What to do about a full disk: of these places the one with the least room, what is free there, what may go."""
    free = {}
    for place in places:
        there = next((path for path in (place, *place.absolute().parents) if path.exists()), None)
        if there is not None:
            usage = shutil.disk_usage(there)
            free[there] = (usage.free, usage.total)
    if not free:
        return ROOM
    there, (left, total) = min(free.items(), key=lambda item: item[1])
    return (
        f"Make room on its disk: {there} has {left / 1e6:,.1f} MB free of {total / 1e6:,.0f} MB. Outdated workbooks in "
        "outbound/, old backups and files of other programs may go, nothing in ledger/. Then run it again: nothing "
        "is half done."
    )


def _of_the_database(error: Exception) -> bool:
    # Not imported for this: a command that has not loaded it cannot have its errors.
    return any(kind.__module__.endswith("duckdb") for kind in type(error).__mro__)
