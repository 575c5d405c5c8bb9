"""The bound on the processor time that the database takes for rows: it is in this process and cannot be ended alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from gateway.errors import FileError

LOOK_S = 0.5


@contextmanager
def within(con: duckdb.DuckDBPyConnection, cpu_s_max: int, subject: str) -> Iterator[None]:
    """Interrupt the connection once this process has used so much time. Raises FileError then, for `subject`."""
    end = time.process_time() + cpu_s_max
    over, done = threading.Event(), threading.Event()

    def look() -> None:
        while not done.wait(LOOK_S):
            if time.process_time() > end:
                over.set()
                con.interrupt()

    watch = threading.Thread(target=look, name="watch", daemon=True)
    watch.start()
    try:
        yield
    except duckdb.InterruptException:
        if not over.is_set():
            raise
        raise FileError(
            subject,
            f"its rows take more than {cpu_s_max} s of processor time to translate (limits.cpu_s_max)",
            "Look at the file and its mapping. To read it, raise `cpu_s_max` under [limits], then `gateway replay` it.",
        ) from None
    finally:
        done.set()
        watch.join()
