"""How far long work is, as a bar on the terminal of whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counted(what: str, total: int, *, shown: bool) -> Iterator[Callable[[int], object]]:
    """Takes how many more of `total` are done; `shown` as a bar on standard error, which goes at the end."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress  # Slow to load, and hardly anybody watches.

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)
