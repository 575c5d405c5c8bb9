"""`make bench`: how fast files become a committed ledger, beside what a bare library needs for the same bytes.

Every case runs in a process of its own (its peak memory is its own) on a fresh home, and right after the bare
figure that it is compared with. Compare the ratios; the seconds are those of the machine of the day. The cases that
only read a file are in `bench_readers`.

    python -m tests.bench [CASE …]     all cases, or those named
"""

from __future__ import annotations

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb

from gateway import init as homes
from gateway import readers
from gateway.home import open_home
from gateway.intake.take import Intake
from gateway.once import run_books
from gateway.synthetic.edi import interchange
from gateway.synthetic.settlements import COLUMNS
from gateway.transports.folder import Folder
from tests import bench_bad_path, bench_commands, bench_readers
from tests.conftest import taken

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
SKUS = 3_000
KINDS = (
    ("Order", "ItemPrice", "Principal"),
    ("Order", "ItemFees", "Commission"),
    ("Order", "ItemFees", "FBAPerUnitFulfillmentFee"),
    ("Order", "ItemPrice", "Tax"),
    ("Order", "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal"),
)


# --- what is dropped ----------------------------------------------------------------------------------


def items(path: Path) -> None:
    """An item master with every SKU of the benchmark."""
    rows = [f"SKU-{n:05d},Item {n},EA,5.00,USD\n" for n in range(SKUS)]
    path.write_text("sku,description,uom,standard_cost,cost_currency\n" + "".join(rows))


def settlement(path: Path, rows: int) -> None:
    """A settlement V2 of 24 columns with `rows` rows: one in 5,000 has an unknown SKU, one in 20,000 an unknown fee."""
    draw = random.Random(1)
    orders = rows // 5 + 1
    total = Decimal(0)
    with path.with_suffix(".body").open("w") as body:
        for n in range(rows - 1):
            order = n // 5
            kind, amount_type, description = KINDS[n % 5]
            if n % 20_000 == 777:
                description = "SurpriseFee"
            cents = draw.randint(100, 9_999) * (1 if amount_type == "ItemPrice" else -1)
            amount = Decimal(cents).scaleb(-2)
            total += amount
            sku = f"GONE-{order}" if n % 5_000 == 99 else f"SKU-{order % SKUS:05d}"
            day = f"2026-11-{1 + order * 14 // orders:02d}"
            body.write(
                "\t".join(
                    (
                        "12345678901",
                        "",
                        "",
                        "",
                        "",
                        "USD",
                        kind,
                        f"{100 + order % 900}-{1_000_000 + order}-{2_000_000 + order}",
                        f"m{order}",
                        "",
                        f"S{order}",
                        "Amazon.com",
                        amount_type,
                        description,
                        str(amount),
                        "AFN",
                        day,
                        f"{day} {order % 24:02d}:{order % 60:02d}:00 UTC",
                        f"{50_000_000_000 + order}",
                        "",
                        "",
                        sku,
                        "1",
                        "",
                    )
                )
                + "\n"
            )
    head = ["12345678901", "2026-11-01 00:00:00 UTC", "2026-11-15 00:00:00 UTC", "2026-11-17 00:00:00 UTC", str(total)]
    with path.open("w") as out, path.with_suffix(".body").open() as body:
        out.write("\t".join(COLUMNS) + "\n" + "\t".join([*head, "USD"] + [""] * 18) + "\n")
        while block := body.read(1 << 20):
            out.write(block)
    path.with_suffix(".body").unlink()


def shipments(path: Path, lines: int) -> None:
    """A 945 with `lines` detail lines, ten to a transaction set, about 150 bytes a line."""

    def sets() -> Iterator[list[str]]:
        for number in range(lines // 10):
            body = [
                f"W06*F*114-{number:07d}-0000001*20261105*S{number:08d}",
                "N1*SF*3PL East*92*3PL-E",
                f"N9*2I*1Z{number:014d}",
                "W27*M*UPSN*UPS GROUND COMMERCIAL",
            ]
            for place in range(1, 11):
                sku = f"SKU-{(number * 10 + place) % SKUS:05d}"
                body += [
                    f"LX*{place}",
                    f"MAN*GM*00{number:010d}{place:08d}**CP*1Z{number:014d}",
                    f"W12*CC*3*3*0*EA**VN*{sku}*****10*G*L**UP*0{number % 10_000_000_000:011d}",
                    f"G69*Item number {sku} in retail packing",
                ]
            yield [*body, "W03*30*30*LB"]

    path.write_bytes(interchange("945", "SW", NOW.date(), 7, sets()))


# --- bare figures -------------------------------------------------------------------------------------


def bare_copy(path: Path) -> float:
    """Seconds of a bare DuckDB copy of a tab-separated file to Parquet, types inferred; the median of three.

    Each in a process of its own, as the gateway has one: memory that is new costs both the same.
    """
    target = path.with_suffix(".parquet")
    sql = f"set enable_progress_bar = false; copy (from read_csv('{path}', delim='\\t', header=true)) to '{target}'"
    code = (
        f"import duckdb, time; begun = time.perf_counter(); duckdb.execute({sql!r}); print(time.perf_counter() - begun)"
    )
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        seconds.append(float(done.stdout))
    target.unlink()
    return statistics.median(seconds)


def bare_split(path: Path) -> float:
    """Seconds to read an interchange and split it into segments and elements with `bytes.split`; the median of
    three."""
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        for segment in path.read_bytes().split(b"~"):
            segment.split(b"*")
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


# --- the gateway --------------------------------------------------------------------------------------


def one_pass(home: Path) -> None:
    """In a process of its own: take what waits and run the books; prints seconds, peak memory and counts."""
    with readers.bounded(), open_home(home, now=NOW) as gateway:
        folder = Folder(home, gateway.settings)
        taken(gateway, [drop for drop in folder.poll() if drop.partner == "master-data"])
        drops = [drop for drop in folder.poll() if drop.partner != "master-data"]
        begun = time.perf_counter()
        receipts, held = [], []
        for done in Intake(gateway).take(drops):
            receipts += done
            held.append(int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20)
            for receipt in done:
                folder.settle(receipt.drop)
            # What it worked with is removed afterwards.
            committed = time.perf_counter() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        books = time.perf_counter()
        outcome = run_books(gateway)
        booked = time.perf_counter() - books
        counts = gateway.lake.con.execute(
            "select (select count(*) from journal_line), (select count(*) from journal_source), (select count(*) "
            "from fault)"
        ).fetchone()
    print(
        json.dumps(
            {
                "commit_s": committed,
                "books_s": booked,
                "held_mb": [held[0], held[-1]],
                "commit_rss_mb": peak,
                "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "files": [[f.name, f.state, f.received, f.accepted, f.rejected] for r in receipts[:3] for f in r.files],
                "entries": counts,
                "open": outcome.open,
            }
        )
    )


def measure(partner: str, files: Callable[[Path], None]) -> dict[str, object]:
    """A fresh home with the examples, `files` written into the partner's drop folder, one pass over it."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        homes.lay_down(home, examples=True)
        items(home / "inbound" / "master-data" / "items.csv")
        files(home / "inbound" / partner)
        done = subprocess.run(
            [sys.executable, "-c", f"from tests.bench import one_pass, Path; one_pass(Path({str(home)!r}))"],
            check=True,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
        return result


def settlements(rows: int) -> None:
    """Settlement V2, drop to committed lines, entries and exceptions, against a bare DuckDB copy."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settlement.txt"
        settlement(path, rows)
        bare = bare_copy(path)

        def drop(to: Path) -> None:
            path.rename(to / "settlement-1.txt")

        size = path.stat().st_size
        got = measure("amazon-us", drop)
    seconds = float(str(got["commit_s"])) + float(str(got["books_s"]))
    print(
        f"settlement V2 {rows:>9,} rows, {size / 1e6:.0f} MB: {seconds:.2f} s (commit {got['commit_s']:.2f}, books "
        f"{got['books_s']:.2f}), {rows / seconds:,.0f} rows/s, peak {got['rss_mb']:.0f} MB; bare DuckDB copy "
        f"{bare:.2f} s; "
        f"ratio {float(str(got['commit_s'])) / bare:.2f} to the commit, {seconds / bare:.2f} with the books; "
        f"{got['files']} entries {got['entries']} open {got['open']}"
    )


def warehouse(lines: int) -> None:
    """X12 945, drop to committed, against `bytes.split`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "945.edi"
        shipments(path, lines)
        bare = bare_split(path)

        def drop(to: Path) -> None:
            path.rename(to / "945-1.edi")

        size = path.stat().st_size / 1e6
        got = measure("3pl-east", drop)
    seconds = float(str(got["commit_s"])) + float(str(got["books_s"]))
    print(
        f"X12 945 {lines:>9,} lines, {size:.0f} MB: {seconds:.2f} s (commit {got['commit_s']:.2f}, books "
        f"{got['books_s']:.2f}), "
        f"{size / seconds:.1f} MB/s, peak {got['rss_mb']:.0f} MB; bare split {bare:.2f} s; ratio {seconds / bare:.2f}; "
        f"{got['files']} entries {got['entries']} open {got['open']}"
    )


def shipment_files(to: Path, count: int) -> None:
    """Small 945 interchanges, of 2 KB with 24 lines each."""
    head = [
        "N1*SF*3PL East*92*3PL-E",
        "N1*ST*Anna Example*92*C100",
        "N3*12 Long Street*Apartment 4",
        "N4*Springfield*IL*62704*US",
        "N9*BM*4471123",
        "G62*11*20261105",
        "W27*M*UPSN*United Parcel Service*CC",
    ]
    for number in range(count):
        body = [f"W06*F*114-{number:07d}-0000001*20261105*S{number:08d}", *head]
        body += [
            f"LX*{n}" if half else f"W12*CC*3*3*0*EA**VN*SKU-{(number + n) % SKUS:05d}*****10*G*L**UP*0{number:011d}"
            for n in range(1, 25)
            for half in (True, False)
        ]
        made = interchange("945", "SW", NOW.date(), number + 1, [[*body, "W03*72*72*LB"]])
        (to / f"945-{number}.edi").write_bytes(made)


def small_files(count: int) -> None:
    """Many small files in one pass."""
    got = measure("3pl-east", lambda to: shipment_files(to, count))
    print(
        f"X12 945 {count} files: commit {got['commit_s']:.2f} s, {count / float(str(got['commit_s'])):.0f} files/s, "
        f"memory after the first and the last commit {' and '.join(f'{mb:.0f}' for mb in got['held_mb'])} MB, "  # type: ignore[attr-defined]
        f"peak {got['commit_rss_mb']:.0f}; books {got['books_s']:.2f} s, peak {got['rss_mb']:.0f} MB; {got['files']} "
        f"{got['entries']} open {got['open']}"
    )


def flood(count: int) -> None:
    """Many small files dropped at once on a running daemon: until each is committed and out of the drop folder."""
    with tempfile.TemporaryDirectory() as folder:
        home, made = Path(folder) / "home", Path(folder) / "made"
        homes.lay_down(home, examples=True)
        items(home / "inbound" / "master-data" / "items.csv")
        made.mkdir()
        shipment_files(made, count)
        gateway = [sys.executable, "-c", "from gateway.cli import main; main()", "-C", str(home)]
        subprocess.run([*gateway, "once"], check=True, capture_output=True)
        with (Path(folder) / "log").open("w") as log:
            daemon = subprocess.Popen([*gateway, "run"], stdout=log, stderr=log)
        try:
            time.sleep(10)
            idle = _cpu_s(daemon.pid)
            time.sleep(20)
            idle = (_cpu_s(daemon.pid) - idle) / 20
            begun = time.perf_counter()
            for file in made.iterdir():
                file.rename(home / "inbound" / "3pl-east" / file.name)
            memory = []
            while waiting := sum(1 for _ in os.scandir(home / "inbound" / "3pl-east")):
                assert daemon.poll() is None
                memory.append((waiting, _resident_mb(daemon.pid)))
                time.sleep(1)
            seconds = time.perf_counter() - begun
        finally:
            daemon.terminate()
            daemon.wait()
        with open_home(home, read_only=True) as found:
            states = found.lake.con.execute("select state, count(*) from file where feed <> '' group by 1").fetchall()
    halves = [max(mb for waiting, mb in memory if (waiting > count / 2) == first) for first in (True, False)]
    print(
        f"daemon, X12 945 {count} files at once: {seconds:.1f} s, {count / seconds:.0f} files/s, idle before "
        f"{idle:.2%} of a processor, memory at most {halves[0]:.0f} MB in the first half and {halves[1]:.0f} in the "
        f"second; {states}"
    )


def _cpu_s(pid: int) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


CASES: dict[str, Callable[[], None]] = {
    "settlement-100k": lambda: settlements(100_000),
    "settlement-1m": lambda: settlements(1_000_000),
    "945-30k": lambda: warehouse(30_000),
    "945-300k": lambda: warehouse(300_000),
    "small-files": lambda: small_files(2_000),
    "small-files-20k": lambda: small_files(20_000),
    "daemon-20k": lambda: flood(20_000),
    "945-read": lambda: bench_readers.beside("X12 945", "x12/945", shipments, 130_000, "pyx12"),
    **bench_bad_path.CASES,
    **bench_commands.CASES,
    **bench_readers.CASES,
}


def main() -> None:
    """Run the cases that were named, or all."""
    print(f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, DuckDB {duckdb.__version__}")
    for name in sys.argv[1:] or CASES:
        CASES[name]()


if __name__ == "__main__":
    main()
