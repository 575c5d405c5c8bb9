"""`config.toml` → checked settings. All faults are reported at once, each with its line and the fix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.errors import HomeFault, HomeFaultsError, HouseError
from gateway.settings import places, references
from gateway.settings.config import Config
from gateway.toml_faults import Shape, read
from gateway.toml_lines import Lines

FILE = "config.toml"
FILE_BYTES_MAX = 16_000_000


class SettingsError(HomeFaultsError):
    """`config.toml` cannot be used."""

    def __init__(self, home: str, faults: Sequence[HomeFault]) -> None:
        super().__init__("use the settings of", home, faults)


def load(home: Path) -> Config:
    """Read `<home>/config.toml`.

    Raises SettingsError with every fault of the file at once, HouseError if there is no such file.
    """
    path = home / FILE
    if not path.exists():
        raise HouseError("read configuration", str(path), *_no_home(home))
    raw, text, faults = read(path, FILE, FILE_BYTES_MAX)
    if raw is None:
        raise SettingsError(str(home), faults)
    return parse(raw, str(home), text, home)


def parse(raw: dict[str, Any], home: str = FILE, text: str = "", folder: Path | None = None) -> Config:
    """Check settings already read from TOML; `text` is what they were read from, for the lines of faults.

    The folders that they name are checked where `folder`, the home's, is given.

    Raises SettingsError with all faults.
    """
    lines = Lines(text)

    def place(*path: str | int) -> tuple[str, int]:
        return FILE, lines.of(*path)

    faults = references.faults(raw, place)
    if folder is not None:
        faults += places.faults(folder, raw, place)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(home, [*Shape(Config, FILE).faults(error, raw, place), *faults]) from None
    if faults:
        raise SettingsError(home, faults)
    return config


def _no_home(folder: Path) -> tuple[str, str]:
    """(the fix, what is wrong) of a folder that has no settings."""
    above = next((one for one in folder.absolute().parents if (one / FILE).is_file()), None)
    cause = "that is a file" if folder.is_file() else "there is none" if folder.is_dir() else "there is no such folder"
    if above is not None:
        return f"Name the home with -C: {above} is one.", cause
    return "Run `gateway init` there, or name a home with -C.", cause
