"""Case of `make bench`: files that nobody can read, set aside, beside what it takes to read, hash and compress them.

Both figures are processor time of one process, so that what else the machine does counts little.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import zstandard

from gateway import init as homes
from gateway import readers
from gateway.home import open_home
from gateway.intake.take import Intake
from gateway.synthetic.edi import interchange
from gateway.transports.folder import Folder
from tests.conftest import NOW

FILES_PER_S_MIN = 400


def kinds() -> tuple[Callable[[int], tuple[str, bytes]], ...]:
    """Makers of (name, bytes) by number: an unknown format, and broken, empty and cut-off files of what is read."""
    draw = random.Random(1)
    whole = interchange("945", "SW", NOW.date(), 1, [["W06*F*1*20261105*S1", "W27*M*UPSN"]])
    return (
        lambda n: (f"{n}.bin", draw.randbytes(200)),
        lambda n: (f"stock-{n}.csv", b"sku;qty\n1;\xff\xfe\n" + str(n).encode()),
        lambda n: (f"{n}.xlsx", b"PK\x03\x04" + draw.randbytes(300)),
        lambda n: (f"{n}.xml", b"<a><b>%d</a>" % n),
        lambda n: (f"{n}.edi", whole[: 110 + n % 40].replace(b"000000001", b"%09d" % n)),
        lambda n: (f"{n}.csv", b""),
    )


def drop_unreadable(to: Path, count: int) -> None:
    """So many files of all kinds, one after the other."""
    made = kinds()
    to.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        name, content = made[number % len(made)](number)
        (to / name).write_bytes(content)


def bare(folder: Path) -> float:
    """Seconds of a processor to read, hash and compress the files of a folder."""
    begun = time.process_time()
    for path in folder.iterdir():
        content = path.read_bytes()
        hashlib.sha256(content).hexdigest()
        zstandard.ZstdCompressor(level=1).compress(content)
    return time.process_time() - begun


def set_aside(home: Path) -> None:
    """In a process of its own: take what waits; prints how many files were set aside a second."""
    least = bare(home / "inbound" / "3pl-east")
    with readers.bounded(), open_home(home, now=NOW) as gateway:
        folder = Folder(home, gateway.settings)
        begun, files = time.perf_counter(), 0
        for receipts in Intake(gateway).take(folder.poll()):
            for receipt in receipts:
                folder.settle(receipt.drop)
                files += len(receipt.files)
        seconds = time.perf_counter() - begun
    said = "as fast as demanded" if files / seconds >= FILES_PER_S_MIN else f"LESS THAN {FILES_PER_S_MIN}"
    print(
        f"unreadable files {files:,}: {seconds:.2f} s, {files / seconds:,.0f} files/s, {said}; "
        f"bare reading, hash and compression {least:.2f} s; ratio {seconds / least:.1f}"
    )


def unreadable(count: int) -> None:
    """Many files that nobody can read, in one pass."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        homes.lay_down(home, examples=True)
        drop_unreadable(home / "inbound" / "3pl-east", count)
        code = f"from tests.bench_bad_path import Path, set_aside; set_aside(Path({str(home)!r}))"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)


CASES: dict[str, Callable[[], None]] = {"unreadable-5k": lambda: unreadable(5_000)}
