"""Case of `make bench`: what a command costs in a small home, beside an interpreter that loads two large libraries.

Processor time of the command and of what it starts, the least of three runs, so that what else the machine does counts
little. The modules are compiled by the first run, as in an installed program.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from gateway import init as homes

RUNS = 3
MAPPING = """feed    = "feinkost.stock"
partner = "feinkost"

[file]
match  = ["stock*.csv"]
format = "delimited"

[[record]]
type = "inventory_snapshot"
key  = ["location", "sku", "as_of"]

[record.fields]
location = { constant = "FEINKOST" }
as_of    = { from = "day", formats = ["%Y-%m-%d"] }
scope    = { constant = "FULL" }
sku      = "sku"
status   = { constant = "AVAILABLE" }
qty      = "qty"
"""


def small_home(home: Path) -> Path:
    """One partner, one feed, four files taken; the path of a fifth beside the home."""
    homes.lay_down(home, examples=False)
    folders = home / "mappings" / "feinkost", home / "inbound" / "feinkost"
    for folder in folders:
        folder.mkdir(parents=True)
    (folders[0] / "stock.toml").write_text(MAPPING)
    with (home / "config.toml").open("a") as settings:
        settings.write('\n[partners.feinkost]\nentity = "US"\n')
    texts = [f"day,sku,qty\n2026-11-0{day},A,1\n2026-11-0{day},B,2\n" for day in range(1, 6)]
    for day, text in enumerate(texts[:4], 1):
        (folders[1] / f"stock-{day}.csv").write_text(text)
    fifth = home.with_name("stock-5.csv")
    fifth.write_text(texts[4])
    return fifth


def cost(compiled: str, *arguments: str) -> float:
    """Seconds of a processor that Python and its children need with these arguments, the least of some runs.

    compiled  folder that keeps the compiled modules
    """
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    least = float("inf")
    for _ in range(RUNS):
        with subprocess.Popen(
            [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
        ) as started:
            _, status, used = os.wait4(started.pid, 0)
            started.returncode = os.waitstatus_to_exitcode(status)
            said = started.stderr.read().decode() if started.stderr else ""
        if started.returncode not in (0, 1):  # 1: something needs a person
            raise RuntimeError(f"{' '.join(arguments)} ended with {started.returncode}: {said}")
        least = min(least, used.ru_utime + used.ru_stime)
    return least


def commands() -> None:
    """Each command that answers and ends."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        fifth = str(small_home(home))
        program = ("-m", "gateway", "-C", str(home))
        subprocess.run([sys.executable, *program, "once"], stdout=subprocess.DEVNULL, check=False)
        subprocess.run([sys.executable, *program, "check"], stdout=subprocess.DEVNULL, check=False)
        compiled = str(Path(folder) / "compiled")
        bare = cost(compiled, "-c", "import duckdb, pyarrow")
        print(f"commands in a small home; `import duckdb, pyarrow` takes {bare:.2f} s of a processor")
        for words in (
            ("--help",),
            ("tables",),
            ("fields", "item"),
            ("notify",),
            ("query", "select name from file"),
            ("stock",),
            ("status",),
            ("verify",),
            ("maintain",),
            ("check",),
            ("suggest", fifth),
            ("try", "feinkost/stock", fifth),
            ("once",),
        ):
            seconds = cost(compiled, *program, *words)
            print(f"command {words[0]}: {seconds:.2f} s, ratio {seconds / bare:.1f}")


CASES: dict[str, Callable[[], None]] = {"commands": commands}
