"""Secrets come from the environment; the settings only name the variable."""

from __future__ import annotations

import os


def secret_of(variable: str) -> str:
    """The secret that an environment variable holds, "" if there is none."""
    return os.environ.get(variable, "") if variable else ""
