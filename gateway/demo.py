"""`gateway demo`: two weeks of a synthetic business through a home of its own, compared with what was planted."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

from rich.console import Console

from gateway import init as homes
from gateway import synthetic
from gateway.home import open_home
from gateway.ledger import verify
from gateway.once import run_once
from gateway.reports import exceptions, journal

Key = tuple[str, str]


def run(folder: Path, out: Console, progress: bool) -> bool:
    """Make the home from scratch, generate, run one pass, print what was found. Returns whether it agrees with the
    truth."""
    shutil.rmtree(folder, ignore_errors=True)
    homes.lay_down(folder, examples=True)
    truth = synthetic.generate(folder)
    out.print(f"A synthetic business: {truth.files} files in {folder}/inbound")
    with open_home(folder, now=truth.now) as home:
        done = run_once(home, progress=progress)
        con = home.lake.con
        found = exceptions.keys(con)
        totals = journal.trial_balance(con)
        findings = verify.verify(home.lake)
    states = Counter(file.state for file in done.files)
    rows = sum(file.received for file in done.files)
    out.print(f"Files: {', '.join(f'{n} {state.lower()}' for state, n in sorted(states.items()))}; {rows} rows")
    for sums in totals:
        out.print(f"Journal {sums['entity']}: debit {sums['debit']} = credit {sums['credit']} {sums['currency']}")
    for line in done.books.lines:
        out.print(f"{line.title}: {line.matched} matched, {line.timing} in time, {line.open} open")
    agreed = _compare(folder / "truth.csv", found, out)
    out.print(f"Ledger verified: {findings if findings else 'nothing was touched'}")
    out.print("Workbooks:")
    for path in done.workbooks:
        out.print(f"  {path}")
    out.print(f"Your own file next: gateway -C {folder} suggest FILE")
    return agreed and not findings


def _compare(path: Path, found: set[Key], out: Console) -> bool:
    with path.open(encoding="utf-8", newline="") as source:
        planted = {(row["code"], row["business_key"]) for row in csv.DictReader(source) if row["code"] != "NONE"}
    missed, extra = planted - found, found - planted
    out.print(f"Exceptions: {len(found)} open, {len(planted & found)} of {len(planted)} planted were found")
    for what, keys in (("not found", missed), ("found but not planted", extra)):
        for code, key in sorted(keys):
            out.print(f"  {what}: {code} {key}")
    return not missed and not extra
