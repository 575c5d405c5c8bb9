"""Where the ledger lies."""

from __future__ import annotations

from gateway.settings.strict import Strict


class Ledger(Strict):
    """Where the lake lives. Relative paths are below the home."""

    path: str = "ledger"
    threads: int = 0
