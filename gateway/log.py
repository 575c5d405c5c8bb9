"""Events of the program, for the person who runs it.

The library behind them loads with the first event: it takes a third of the time of a command that has none.
"""

from __future__ import annotations

import sys
from typing import Any

from gateway.display import visible_event


class Log:
    """The program's log: `log.warning("event", key=value)`."""

    def __init__(self) -> None:
        self._begin: bool | None = None

    def to_stderr(self, *, terminal: bool) -> None:
        """Write events to standard error: as text on a terminal, otherwise as a line of JSON for each."""
        self._begin = terminal
        if "structlog" in sys.modules:
            # Whoever captures events afterwards must not lose them to the first one.
            self._set_up()

    def _set_up(self) -> None:
        if self._begin is not None:
            _configure(terminal=self._begin)
            self._begin = None

    def __getattr__(self, level: str) -> Any:
        import structlog

        self._set_up()
        return getattr(structlog.get_logger(), level)


def _configure(*, terminal: bool) -> None:
    import structlog

    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            visible_event,
            renderer,
        ],
        # The standard error of the moment: it may be replaced while the program runs.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


log = Log()
