"""Files that are read by a process of its own: the same rows, within bounds, whatever ends it."""

from __future__ import annotations

import io
import os
import pickle
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from gateway import formats, reader_client, reader_process, readers
from gateway.answers import envelopes
from gateway.answers.envelopes import Findings
from gateway.errors import FileError
from gateway.home import Home
from gateway.intake.again import again
from gateway.mapping.apply.repeated import Repeated
from gateway.mapping.language.repeat import Repeat
from gateway.reader_client import ReaderProcess
from gateway.reading import ReadRequest
from gateway.settings import Limits
from gateway.transports.folder import Folder
from tests.conftest import taken
from tests.formats.test_contract import SAMPLES, Sample, outcome, request, samples

Put = Callable[[str, str, bytes | str], Path]


@pytest.fixture(scope="module")
def reader() -> Iterator[readers.Elsewhere]:
    elsewhere = readers.Elsewhere()
    yield elsewhere
    elsewhere.end()


@samples
def test_it_gives_what_is_read_here(reader: readers.Elsewhere, sample: Sample, tmp_path: Path) -> None:
    asked = request(tmp_path / "a", sample)
    expected = outcome(formats.named(sample.format).read(asked))
    assert outcome(reader.read(sample.format, asked)) == expected
    if sample.units:
        interchange = formats.interchange_of(sample.format)
        assert interchange is not None
        assert reader.units(sample.format, asked) == interchange.units(asked)
    reader.forget()


def test_names_that_columns_have_in_the_file_are_known_here_too(reader: readers.Elsewhere, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Artikel,Qty\nA,1\n")
    options = {"other_names": {"SKU": ["Artikel"]}}
    rows = reader.read("delimited", ReadRequest(tmp_path / "a.csv", "a.csv", Limits(), options))
    assert (rows.columns, rows.headings) == (("SKU", "Qty"), {"SKU": "Artikel"})
    reader.forget()


def test_files_are_read_together_also_where_something_is_done_to_the_rows_of_one(
    reader: readers.Elsewhere, tmp_path: Path
) -> None:
    asked = []
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"SKU,Qty\n{name},1\n")
        asked.append(ReadRequest(tmp_path / name, name, Limits()))
    first, second = (reader.read("delimited", one) for one in asked)
    repeat = Repeat(cell="SKU", separator="|", parts="(?P<name>.*)")
    other = Repeated(second, repeat, asked[1], ())
    places = [(place, batch.num_rows) for batch, place in first.together([other])]
    assert places == [(0, 1), (1, 1)]
    assert (first.received, other.received) == (1, 1)


def test_a_file_that_is_refused_is_refused_alike(reader: readers.Elsewhere, tmp_path: Path) -> None:
    asked = request(tmp_path / "a", SAMPLES["xml"], b"<D><N>")
    with pytest.raises(FileError, match="not well-formed") as caught:
        outcome(reader.read("xml", asked))
    assert (caught.value.position, caught.value.code) == ("line 1", "FILE_REJECT")


def rows(reader: readers.Elsewhere, path: Path, format_: str, each: str, limits: Limits, **options: object) -> int:
    asked = ReadRequest(path, path.name, limits, options, each, (".",))
    return sum(batch.num_rows for batch in reader.read(format_, asked))


def test_too_much_processor_time_or_memory_costs_that_file_alone(reader: readers.Elsewhere, tmp_path: Path) -> None:
    slow, greedy = tmp_path / "slow.json", tmp_path / "greedy.xml"
    slow.write_text("[" + ",".join(['{"a":1}'] * 800_000) + "]")
    greedy.write_text("<D><W>" + "<N>1</N>" * 300_000 + "</W></D>")
    limits = Limits(cpu_s_max=1)
    with pytest.raises(FileError, match=r"more than 1 s of processor time to read \(limits.cpu_s_max\)"):
        rows(reader, slow, "json", "/", limits)
    with pytest.raises(FileError, match=r"more than 64 MB of memory to read \(limits.memory_mb_max\)"):
        rows(reader, greedy, "xml", "//N", Limits(memory_mb_max=64), whole=["W"])
    small = tmp_path / "small.json"
    small.write_text('[{"a":1},{"a":2}]')
    assert rows(reader, small, "json", "/", limits) == 2


def test_each_file_has_its_own_budget(reader: readers.Elsewhere, tmp_path: Path) -> None:
    """Eight files that together take more than the second that each may take."""
    path = tmp_path / "a.json"
    path.write_text("[" + ",".join(['{"a":1}'] * 60_000) + "]")
    assert {rows(reader, path, "json", "/", Limits(cpu_s_max=1)) for _ in range(8)} == {60_000}


@pytest.mark.parametrize("opened", [False, True], ids=["before a file is opened", "before its rows are read"])
def test_killed_from_outside_it_starts_again_and_the_file_is_read(
    reader: readers.Elsewhere, tmp_path: Path, opened: bool
) -> None:
    asked = request(tmp_path / "a", SAMPLES["x12"])
    reading = reader.read("x12", asked)
    process = reader.process._process
    assert process is not None
    process.kill()
    process.wait()
    reading = reading if opened else reader.read("x12", asked)
    assert sum(batch.num_rows for batch in reading) == 3


def empty_sets(count: int) -> bytes:
    """An interchange of so many sets without content."""
    sets = b"".join(b"UNH+%d+INVRPT:D:96A:UN'UNT+2+%d'" % (n, n) for n in range(count))
    return b"UNB+UNOC:3+A+B+261101:0100+1'%bUNZ+%d+1'" % (sets, count)


def looked_at(reader: readers.Elsewhere, folder: Path, contents: dict[str, bytes]) -> dict[str, str]:
    """What is seen of files that are asked for together, or why it cannot be seen."""
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    asked = {name: reader.look(ReadRequest(folder / name, name, Limits(memory_mb_max=40))) for name in contents}
    seen = {}
    for name, looked in asked.items():
        try:
            seen[name] = " ".join(looked().looks)
        except FileError as error:
            seen[name] = error.cause
    return seen


def test_of_files_that_are_looked_at_together_only_the_hostile_one_is_refused(
    reader: readers.Elsewhere, tmp_path: Path
) -> None:
    contents = {
        "a": SAMPLES["x12"].content,
        "hostile": empty_sets(60_000),
        "b": SAMPLES["xml"].content,
    }
    assert looked_at(reader, tmp_path, contents) == {
        "a": "x12",
        "hostile": "it takes more than 40 MB of memory to read (limits.memory_mb_max)",
        "b": "xml",
    }


def test_interchanges_that_are_to_be_answered_are_read_within_the_same_bounds(
    reader: readers.Elsewhere, tmp_path: Path
) -> None:
    asked = request(tmp_path / "a", SAMPLES["x12"])
    found = Findings(reader.units("x12", asked).units)
    assert reader.work(envelopes.interchanges, asked, found) == envelopes.interchanges(asked, found) != []
    (tmp_path / "hostile").write_bytes(empty_sets(60_000))
    with pytest.raises(FileError, match="more than 40 MB of memory to read"):
        hostile = ReadRequest(tmp_path / "hostile", "hostile", Limits(memory_mb_max=40))
        reader.work(envelopes.interchanges, hostile, Findings())


def test_killed_while_it_looks_at_several_it_looks_at_all_of_them_again(
    reader: readers.Elsewhere, tmp_path: Path
) -> None:
    reader.described(request(tmp_path / "a", SAMPLES["x12"]), ["x12"])
    process = reader.process._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    looks = [reader.look(request(tmp_path / f"{n}", SAMPLES["x12"])) for n in range(40)]
    process.kill()
    assert {tuple(looked().looks) for looked in looks} == {("x12",)}


def test_more_is_asked_at_once_than_pipes_hold(reader: readers.Elsewhere, tmp_path: Path) -> None:
    """Answers of some megabytes before questions of as many: neither side waits for the other."""
    (tmp_path / "long").write_bytes(empty_sets(4_000))
    long = ReadRequest(tmp_path / "long", "long", Limits())
    short = request(tmp_path / "a", SAMPLES["x12"])
    looks = [reader.look(long) for _ in range(5)]
    looks += [reader.look(replace(short, name=f"{n}" * 15_000)) for n in range(10, 90)]
    assert {tuple(looked().looks) for looked in looks} == {("edifact",), ("x12",)}


@pytest.mark.parametrize("memfd", [True, False], ids=["in memory", "in a file without a name"])
def test_many_rows_are_handed_over_in_shared_memory(memfd: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not memfd:
        monkeypatch.delattr(os, "memfd_create")
    here, there = socket.socketpair()
    source, target = os.pipe()
    batch = pa.RecordBatch.from_pydict({"a": [f"{n:040}" for n in range(10_000)]})
    with here, there, os.fdopen(target, "wb") as pipe, os.fdopen(source, "rb") as answers:
        sender = reader_process._Answers(pipe, there)
        sender.put_rows(batch, 3)
        sender.put_rows(batch[:2], 4)
        pipe.close()
        kinds = []
        process = readers.ReaderProcess()
        process._files, process._process = here, type("_", (), {"stdout": answers})()  # type: ignore[assignment]
        for expected in (batch, batch[:2]):
            kind, rows = pickle.load(answers)
            buffer = process._shared(rows.size) if rows.shared else process._inline(rows.size)
            assert pa.ipc.open_stream(buffer).read_next_batch() == expected
            kinds.append((kind, rows.place, rows.shared))
        process._process = None
    assert kinds == [("rows", 3, True), ("rows", 4, False)]


def test_batches_that_are_held_hold_no_descriptor(reader: readers.Elsewhere, tmp_path: Path) -> None:
    """A piece of rows is some hundred batches, and a process may have about a thousand files open."""
    path = tmp_path / "a.csv"
    path.write_text("A,B\n" + f"{'x' * 500},y\n" * 60_000)
    reader.process.start()
    before = len(list(Path("/proc/self/fd").iterdir()))
    held = list(reader.read("delimited", ReadRequest(path, "a.csv", Limits())))
    assert len(held) > 5 and len(list(Path("/proc/self/fd").iterdir())) == before
    assert sum(batch.num_rows for batch in held) == 60_000 and held[0]["B"][0].as_py() == "y"


STARTS = """
import time
from gateway import readers
with readers.bounded():
    readers._elsewhere.process.start()
    readers._elsewhere.forget()  # It answers: until then it imports, and on a busy machine that takes its time.
    print(readers._elsewhere.process._process.pid, flush=True)
    time.sleep(60)
"""


def test_it_ends_with_who_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        if not running(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    raise AssertionError("it outlived who started it")


def running(pid: int) -> bool:
    """A process that ended and that nobody waited for is a zombie (Z)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def zipped(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as container:
        for name, content in files.items():
            container.writestr(name, content)
    return made.getvalue()


def listed_often(times: int) -> bytes:
    """A zip whose directory lists its one file, with a name of 60,000 characters, so often."""
    made = zipped({"a" * 60_000: "a"})
    begin, end = made.index(b"PK\x01\x02"), made.index(b"PK\x05\x06")
    directory = made[begin:end] * times
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(directory), begin, 0)
    return made[:begin] + directory + tail


def test_a_file_that_takes_too_much_is_set_aside_and_the_others_are_taken(gateway: Home, drop: Put) -> None:
    limits = gateway.settings.limits
    object.__setattr__(
        gateway.settings, "limits", limits.model_copy(update={"memory_mb_max": 100, "cell_bytes_max": 200_000_000})
    )
    head = "date,location,sku,status,quantity,unit-cost\n"
    drop("own-warehouse", "opening-1.csv", f"{head}2026-09-01,MAIN,SKU-1,AVAILABLE,5,2.00\n")
    drop("own-warehouse", "opening-2.csv", f"{head}2026-09-02,MAIN,SKU-1,AVAILABLE,{'9' * 120_000_000},2.00\n")
    drop("own-warehouse", "opening-3.csv", f"{head}2026-09-03,MAIN,SKU-1,AVAILABLE,7,2.00\n")
    drop("own-warehouse", "opening-4.zip", listed_often(2_000))
    good = zipped({"opening-5.csv": f"{head}2026-09-05,MAIN,SKU-1,AVAILABLE,9,2.00\n"})
    drop("own-warehouse", "opening-5.zip", good)
    with readers.bounded():
        receipts = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
        files = {file.name: file for receipt in receipts for file in receipt.files}
        assert {name: file.state for name, file in files.items()} == {
            "opening-1.csv": "ACCEPTED",
            "opening-2.csv": "QUARANTINED",
            "opening-3.csv": "ACCEPTED",
            "opening-4.zip": "QUARANTINED",
            "opening-5.csv": "ACCEPTED",
        }
        for name in ("opening-2.csv", "opening-4.zip"):
            assert "more than 100 MB of memory to read" in files[name].reason
        [result] = again(gateway, files["opening-2.csv"].file_id, force=False)
    assert (result.state, "limits.memory_mb_max" in result.reason) == ("QUARANTINED", True)


def test_a_process_that_does_nothing_is_ended_and_its_file_set_aside(
    gateway: Home, drop: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a thread finds no memory to start with: who waits for it would wait for ever."""
    monkeypatch.setattr(reader_client, "STALL_S", 0.3)
    head = "date,location,sku,status,quantity,unit-cost\n"
    drop("own-warehouse", "opening-1.csv", f"{head}2026-09-01,MAIN,SKU-1,AVAILABLE,5,2.00\n")
    send = ReaderProcess._send

    def stopped(self: ReaderProcess) -> None:
        send(self)
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)

    with readers.bounded():
        monkeypatch.setattr(ReaderProcess, "_send", stopped)
        [receipt] = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
        monkeypatch.undo()
        [file] = receipt.files
        assert file.state == "QUARANTINED" and "did nothing for" in file.reason
        drop("own-warehouse", "opening-2.csv", f"{head}2026-09-02,MAIN,SKU-1,AVAILABLE,5,2.00\n")
        [receipt] = [
            one
            for one in taken(gateway, Folder(gateway.folder, gateway.settings).poll())
            if one.drop.name == "opening-2.csv"
        ]
        assert receipt.files[0].state == "ACCEPTED"


def test_the_process_imports_nothing_from_the_folder_where_somebody_stands(
    gateway: Home, drop: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stand" / "gateway").mkdir(parents=True)
    (tmp_path / "stand" / "numpy.py").write_text("raise SystemExit('of a stranger')\n")
    monkeypatch.chdir(tmp_path / "stand")
    drop(
        "own-warehouse",
        "opening-1.csv",
        "date,location,sku,status,quantity,unit-cost\n2026-09-01,MAIN,S,AVAILABLE,5,2\n",
    )
    with readers.bounded():
        [receipt] = taken(gateway, Folder(gateway.folder, gateway.settings).poll())
    assert receipt.files[0].state == "ACCEPTED"


def test_a_file_has_its_memory_beside_what_the_files_before_it_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """300 MB were used at the start, 350 are now: 50 and its own 100. What was left counts as 100 at the most."""
    megabyte, used, bounds = 1 << 20, [300], []
    monkeypatch.setattr(reader_process, "_data_bytes", lambda: used[0] * megabyte)
    monkeypatch.setattr(resource, "setrlimit", lambda what, values: bounds.append((what, values[0])))
    reader = reader_process.Reader()
    for used[0] in (300, 350, 900, 200):
        reader.bound(Limits(memory_mb_max=100), begins=True)
        reader.bound(Limits(memory_mb_max=100), 0.5)
    assert [most // megabyte for what, most in bounds if what == resource.RLIMIT_DATA] == [400, 450, 500, 400]
