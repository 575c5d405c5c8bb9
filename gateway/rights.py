"""Rights on files and folders: who has a place, who may work in it, and the command that gives a right."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

from gateway.person import user

SHARED_FOLDER_MODE = 0o2770
"""The group writes here too, and what is put in has the folder's group."""
SHARED_FILE_MODE = 0o660


def owner_of(status: os.stat_result) -> str:
    """The user that has a file, as the system names it."""
    try:
        return pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        return f"user {status.st_uid}"


def group_named(number: int) -> str:
    """A group as the system names it."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def ownership(path: Path) -> str:
    """Who owns a place, and who asks: "it belongs to ann (group staff, mode 0600), and this is gateway"."""
    try:
        status = path.stat()
    except OSError:
        return f"this is {user()}"
    mode = stat.S_IMODE(status.st_mode)
    return (
        f"it belongs to {owner_of(status)} (group {group_named(status.st_gid)}, mode {mode:04o}), and this is {user()}"
    )


def chmod_to_read(path: Path) -> str:
    """The command by which a file's owner, or root, lets this process read it."""
    quoted, group = shlex.quote(str(path)), os.getegid()
    with suppress(OSError):
        if path.stat().st_gid in (group, *os.getgroups()):
            return f"chmod g+r {quoted}"
    return f"chgrp {group_named(group)} {quoted} && chmod g+r {quoted}"


def make_shared_folder(path: Path) -> None:
    """Make a folder in which the members of its group work too. Raises OSError if that is forbidden."""
    # In no other way is a folder made at once with the rights of its group; and the umask of this process is that of
    # all its threads, whose files would be the group's too meanwhile.
    made = subprocess.run(["mkdir", "--", str(path)], umask=0o007, capture_output=True, check=False)
    if made.returncode:
        path.mkdir(SHARED_FOLDER_MODE & 0o777)  # What keeps it from being made is said once more, as an OSError.
    if not path.stat().st_mode & stat.S_ISGID:
        # It comes from the folder above; a service may be forbidden to set it (`RestrictSUIDSGID`).
        with suppress(OSError):
            path.chmod(SHARED_FOLDER_MODE)
