"""Whatever is tampered with is found, and the row is named."""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway import settings as configuration
from gateway.ledger import archive, catalog_statistics, verify
from gateway.ledger.commit import Commit, run_commit
from gateway.ledger.connection import METADATA
from gateway.ledger.lake import open_lake
from gateway.ledger.maintenance import maintain
from gateway.ledger.verify import Finding
from gateway.model import TABLES
from gateway.settings import Config
from tests.ledger.conftest import catalog, inlined, post
from tests.processes import command, process_of

Tamper = Callable[[sqlite3.Connection], object]


def check(home: Path) -> list[Finding]:
    with open_lake(home, configuration.load(home), read_only=True) as ledger:
        return verify.verify(ledger)


def texts(findings: list[Finding]) -> list[str]:
    return [f"{f.table} | {f.row} | {f.message}" for f in findings]


def named(findings: list[Finding], table: str, row: str, said: str = "") -> bool:
    return any(f.table == table and row in f.row and said in f.message for f in findings)


@pytest.fixture(scope="session")
def _flushed(tmp_path_factory: pytest.TempPathFactory, _business: Path) -> Path:
    home = Path(shutil.copytree(_business, tmp_path_factory.mktemp("flushed") / "home"))
    with open_lake(home, configuration.load(home)) as ledger:
        maintain(ledger)
    return home


@pytest.fixture
def flushed(tmp_path: Path, _flushed: Path) -> Path:
    """The business with its rows in sealed data files."""
    return Path(shutil.copytree(_flushed, tmp_path / "flushed"))


def test_what_nobody_touched_is_right_and_the_command_says_so(business: Path, flushed: Path) -> None:
    assert texts(check(flushed)) == []
    done = CliRunner().invoke(cli.app, ["-C", str(business), "verify"])
    assert (done.exit_code, done.stdout) == (0, "The ledger is intact: every row is as it was committed.\n")
    with catalog(business) as raw:
        raw.execute(f"update {inlined(raw, 'journal_line')} set memo = 'nothing' where row_id = 3")
    done = CliRunner().invoke(cli.app, ["-C", str(business), "verify"])
    assert done.exit_code == 1
    assert "journal_line entry_id E" in done.stdout and "was changed after its commit" in done.stdout


# --- rows in the catalog ------------------------------------------------------------------------------


def row_of(raw: sqlite3.Connection, table: str, number: int, column: str) -> str:
    row = raw.execute(f'select "{column}" from {inlined(raw, table)} where row_id = ?', [number]).fetchone()
    return str(row[0])


EDITS = [
    ("journal_line", "debit", "123456.7800"),
    ("journal_line", "account", "9999"),
    ("journal_line", "date", "2020-02-29"),
    ("journal_line", "memo", None),
    ("journal_line", "line_no", 7),
    ("journal_line", "row_hash", "1"),
    ("inventory_movement", "qty", "1.0001"),
    ("inventory_movement", "occurred_at", "2026-10-02 00:00:00.000001+00"),
    ("inventory_movement", "source_key", "00000000-0000-0000-0000-000000000000"),
    ("file", "test_flag", 1),
    ("file", "reason", "released"),
    ("fault", "message", "all is well"),
    ("exception_event", "status", "CLOSED"),
    ("stock_value", "unit_cost", "0.000001"),
]


def test_every_edited_value_is_found_in_its_row(business: Path) -> None:
    """Values that changed places too, and an identity that was emptied."""
    rows = []
    with catalog(business) as raw:
        for number, (table, column, value) in enumerate(EDITS):
            # In the table of files there are eight rows only.
            place = number % 7 if table == "file" else number
            identity = next(name for name in verify._IDENTITY if name in [c.name for c in TABLES[table].all_columns])
            rows.append((table, f"{identity} {row_of(raw, table, place, identity)}"))
            raw.execute(f'update {inlined(raw, table)} set "{column}" = ? where row_id = ?', [value, place])
        lines = inlined(raw, "journal_line")
        for place in (8, 9):
            entry, line = (row_of(raw, "journal_line", place, column) for column in ("entry_id", "line_no"))
            rows.append(("journal_line", f"entry_id {entry}, line_no {line}"))
        raw.execute(f"update {lines} set debit = credit, credit = debit where row_id in (8, 9)")
        raw.execute(f"update {lines} set entry_id = null, line_no = null where row_id = 12")
        rows.append(("journal_line", "entry_id ?, line_no ?"))
        assert raw.total_changes == len(rows)
    findings = check(business)
    for table, row in rows:
        assert named(findings, table, row, "was changed after its commit"), (table, row)
    assert len([f for f in findings if "was changed" in f.message]) == len(rows), "and no other row is accused"


def test_rows_that_were_deleted_doubled_or_moved_to_another_commit_are_found(business: Path) -> None:
    """Where rows name an earlier snapshot, questions as of an earlier day would be answered with other rows."""
    with catalog(business) as raw:
        table = inlined(raw, "inventory_movement")
        after = row_of(raw, "inventory_movement", 6, "record_id")
        seq = row_of(raw, "inventory_movement", 5, "commit_seq")
        raw.execute(f"delete from {table} where row_id = 5")

        table = inlined(raw, "journal_line")
        doubled, other = (row_of(raw, "journal_line", number, "entry_id") for number in (4, 10))
        raw.execute(f"insert into {table} select * from {table} where row_id = 4")
        for number, names in ((10, "1"), (11, "99"), (12, None)):
            raw.execute(f"update {table} set commit_seq = ? where row_id = ?", [names, number])

        moved = row_of(raw, "journal_line", 8, "commit_seq")
        raw.execute(f"update {table} set begin_snapshot = 2 where row_id = 8")
        for number, moment in ((3, "2025-12-31 23:59:59+00"), (4, "2027-01-01 00:00:00+00")):
            raw.execute("update ducklake_snapshot set snapshot_time = ? where snapshot_id = ?", [moment, number])
    findings = check(business)
    assert named(
        findings, "inventory_movement", f"audit row {seq} (file.committed 945-20261002.edi)", "committed 9 rows, has 8"
    )
    assert named(findings, "inventory_movement", after, "1 rows are missing before it")

    assert named(findings, "journal_line", doubled, "is there twice")
    assert named(findings, "journal_line", "audit row", "committed")
    assert named(findings, "journal_line", other, "comes after rows of audit row")
    assert named(findings, "journal_line", "audit row 1 (file.committed items.csv)", "committed 0 rows, has 1")
    assert named(findings, "journal_line", "audit row 99", "no such audit row covers them")
    assert named(findings, "journal_line", "audit row None", "no such audit row covers them")

    assert named(findings, "journal_line", f"audit row {moved}", "has rows in snapshot 2")
    assert named(findings, "audit_log", "seq", "its snapshot 3 says 2025-12-31 23:59:59+00")
    assert named(findings, "audit_log", "seq", "its snapshot 4 says 2027-01-01 00:00:00+00")


def test_what_the_lake_itself_was_made_to_delete_or_change_is_found(business: Path, business_config: Config) -> None:
    """A table without any of its rows too, and a row that was forged with its hash: it still misses the sum."""
    spec = TABLES["exception_event"]
    hashed = verify.row_hash(spec, {c.name: f'"{c.name}"' for c in spec.all_columns})
    with open_lake(business, business_config) as ledger:
        ledger.con.execute("delete from lake.journal_line where line_no = 2")
        ledger.con.execute("delete from lake.journal_source")
        ledger.con.execute("update lake.exception_event set note = 'forged'")
        ledger.con.execute(f"update lake.exception_event set row_hash = {hashed}")
    findings = check(business)
    assert named(findings, "journal_line", "audit row", "has")
    assert named(findings, "journal_line", "entry_id", "missing before it")
    assert named(findings, "journal_source", "audit row", "has 0")
    assert named(findings, "exception_event", "audit row", "holds other rows")
    assert not named(findings, "exception_event", "", "was changed after its commit"), "its hash is right"


# --- the chain ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "edits",
    [
        [
            ("at", "2026-01-01 00:00:00+00"),
            ("actor", "somebody else"),
            ("action", "books"),
            ("subject", "other.csv"),
            ("detail", "{}"),
            ("detail", "no JSON"),
            ("detail", '{"rows": {"file": ["x", 1], "fault": 7}}'),
            ("detail", '{"rows": []}'),
        ],
        [
            ("detail", "[]"),
            ("hash", "0" * 64),
            ("previous_hash", "0" * 64),
            ("subject", None),
            ("at", None),
            ("seq", None),
            ("seq", 77),
        ],
    ],
)
def test_every_edited_audit_row_is_found(business: Path, edits: list[tuple[str, Any]]) -> None:
    with catalog(business) as raw:
        for number, (column, value) in enumerate(edits):
            raw.execute(f'update {inlined(raw, "audit_log")} set "{column}" = ? where row_id = ?', [value, number])
    findings = check(business)
    for number, (column, value) in enumerate(edits, 1):
        row = f"seq {value if column == 'seq' else number}"
        assert named(findings, "audit_log", row, "was changed after it was written"), (number, column, value)


def test_deleted_audit_rows_are_found(business: Path) -> None:
    with catalog(business) as raw:
        table = inlined(raw, "audit_log")
        seqs = [seq for (seq,) in raw.execute(f"select seq from {table} order by seq").fetchall()]
        deleted = [seqs[0], seqs[4], seqs[-2]]
        raw.executemany(f"delete from {table} where seq = ?", [[seq] for seq in deleted])
    findings = check(business)
    for seq in deleted:
        assert any(f"audit row {seq}" in f.row for f in findings), "rows of a commit that is not there"
        assert named(findings, "audit_log", f"seq {seq + 1}", "a row is missing or doubled")
        assert named(findings, "audit_log", f"seq {seq + 1}", "does not follow from the row before it")


@pytest.mark.parametrize("counts_corrected", [False, True])
def test_the_newest_audit_row_cannot_be_removed_alone(business: Path, counts_corrected: bool) -> None:
    """It covers no rows (workbooks that were written): the catalog's counts and its list of snapshots know of it."""
    with catalog(business) as raw:
        table = inlined(raw, "audit_log")
        [snapshot] = raw.execute(f"select max(begin_snapshot) from {table}").fetchone()
        assert raw.execute(f"delete from {table} where seq = (select max(seq) from {table})").rowcount == 1
        if counts_corrected:
            raw.execute(
                "update ducklake_table_stats set record_count = record_count - 1, next_row_id = next_row_id - 1 "
                "where table_id = (select table_id from ducklake_table where table_name = 'audit_log')"
            )
    findings = check(business)
    assert named(findings, "audit_log", f"snapshot {snapshot}", "was removed")
    assert len(findings) == (1 if counts_corrected else 2), texts(findings)


def test_audit_rows_that_changed_places_are_found(business: Path) -> None:
    """Two rows with their numbers exchanged, and two with everything but their numbers exchanged."""
    with catalog(business) as raw:
        table = inlined(raw, "audit_log")
        raw.execute(f"update {table} set seq = 5 - seq where seq in (2, 3)")
        columns = '"at", actor, action, subject, detail, previous_hash, hash'
        rows = raw.execute(f"select {columns}, seq from {table} where seq in (6, 7) order by seq").fetchall()
        for row, seq in zip(rows, (7, 6), strict=True):
            raw.execute(f"update {table} set ({columns}) = (?, ?, ?, ?, ?, ?, ?) where seq = ?", [*row[:-1], seq])
    findings = check(business)
    for first in (2, 6):
        for seq in (first, first + 1):
            assert named(findings, "audit_log", f"seq {seq}", "was changed after it was written")
        assert named(findings, "audit_log", f"seq {first + 2}", "does not follow") or named(
            findings, "audit_log", f"seq {first}", "does not follow"
        )


def test_the_last_commit_cannot_be_cut_off(business: Path) -> None:
    """With every row of it, so that what remains is in itself consistent."""
    with catalog(business) as raw:
        last = raw.execute("select max(snapshot_id) from ducklake_snapshot").fetchone()[0]
        for (table,) in raw.execute("select table_name from ducklake_inlined_data_tables").fetchall():
            raw.execute(f"delete from {table} where begin_snapshot = ?", [last])
        for table in ("ducklake_snapshot", "ducklake_snapshot_changes"):
            raw.execute(f"delete from {table} where snapshot_id = ?", [last])
    # It is the record of the workbooks: an audit row without rows of other tables.
    assert named(check(business), "audit_log", "statistics", "number of rows")


# --- what the catalog believes ------------------------------------------------------------------------


def own(raw: sqlite3.Connection, table: str, column: str) -> tuple[int, int]:
    """(table's number, column's number)."""
    return tuple(
        raw.execute(  # type: ignore[return-value]
            "select t.table_id, c.column_id from ducklake_table t join ducklake_column c using (table_id) "
            "where t.table_name = ? and c.column_name = ?",
            [table, column],
        ).fetchone()
    )


def test_every_figure_that_hides_rows_is_found(business: Path) -> None:
    changes = {
        "date": "max_value = '2020-01-01', min_value = '2020-01-01'",
        "debit": "max_value = '1.0000'",
        "recorded_at": "max_value = '2026-01-01 00:00:00+00'",
        "account": "min_value = '9'",
        "memo": "max_value = 'A'",
        "commit_seq": "min_value = '100'",
        "sku": "contains_null = 0",
    }
    with catalog(business) as raw:
        for column, change in changes.items():
            raw.execute(
                f"update ducklake_table_column_stats set {change} where table_id = ? and column_id = ?",
                own(raw, "journal_line", column),
            )
    with open_lake(business, configuration.load(business), read_only=True) as ledger:
        hidden = ledger.con.execute("select count(*) from journal_line where date > date '2026-01-01'").fetchone()
        assert hidden == (0,), "this is what such an edit is good for"
        [finding] = verify.verify(ledger)
    assert (finding.table, finding.row) == ("journal_line", "statistics")
    assert finding.message.endswith(", ".join(sorted(changes)))


def test_every_figure_that_hides_a_data_file_is_found(flushed: Path) -> None:
    with catalog(flushed) as raw:
        for table, column, change in (
            ("journal_line", "date", "max_value = '2020-01-01', min_value = '2020-01-01'"),
            ("fault", "code", "null_count = 3"),
        ):
            raw.execute(
                f"update ducklake_file_column_stats set {change} where table_id = ? and column_id = ?",
                own(raw, table, column),
            )
        raw.execute("update ducklake_data_file set record_count = 1 where table_id = ?", own(raw, "file", "name")[:1])
        assert raw.total_changes == 3
    findings = check(flushed)
    assert named(findings, "journal_line", data_file(flushed, "journal_line").name, "date")
    assert named(findings, "fault", data_file(flushed, "fault").name, "code")
    assert named(findings, "file", data_file(flushed, "file").name, "number of rows")


SAMPLES = {
    "BIGINT": "-7",
    "BOOLEAN": "true",
    "DATE": "2026-10-31",
    "DECIMAL(18,4)": "-1.5000",
    "DECIMAL(18,6)": "1.500000",
    "DECIMAL(18,8)": "1.00000000",
    "DECIMAL(24,12)": "0.923456789012",
    "TIMESTAMP WITH TIME ZONE": "2026-10-31 08:00:00.5+00",
    "UBIGINT": "18446744073709551615",
    "UUID": "00000000-0000-0000-0000-000000000001",
    "VARCHAR": "a",
}


def test_every_type_of_the_model_is_compared_and_every_row_has_a_name() -> None:
    assert all(verify._label(table) for table in TABLES.values())
    with duckdb.connect() as con:
        for kind, value in SAMPLES.items():
            assert con.execute(f"select {catalog_statistics._sorted(f'try_cast({value!r} as {kind})')}").fetchone() != (
                None,
            )
    assert set(SAMPLES) == set(catalog_statistics.KINDS)


# --- data files ---------------------------------------------------------------------------------------


def data_file(home: Path, table: str) -> Path:
    [path] = (home / "ledger" / "data" / "main" / table).glob("*.parquet")
    return path


def written_again(home: Path, path: Path, table: pa.Table) -> None:
    """Rewrite a data file and adapt what the catalog knows of it: how somebody would do it who knows the lake."""
    pq.write_table(table, path, compression="zstd")
    content = path.read_bytes()
    with catalog(home) as raw:
        raw.execute(
            "update ducklake_data_file set file_size_bytes = ?, footer_size = ?, record_count = ? where path like ?",
            [len(content), struct.unpack("<I", content[-8:-4])[0], table.num_rows, f"%{path.name}"],
        )
        assert raw.total_changes == 1


def edited(table: pa.Table, row: int, column: str, value: Any) -> pa.Table:
    index = table.schema.get_field_index(column)
    values = table.column(column).to_pylist()
    values[row] = value
    return table.set_column(index, table.schema.field(index), pa.array(values, table.schema.field(index).type))


def test_what_was_rewritten_in_data_files_is_found(flushed: Path) -> None:
    """A value, in its row; a row taken out, between its neighbours; a file that the catalog does not fit."""
    path = data_file(flushed, "journal_line")
    before = pq.read_table(path)
    entry, line = before.column("entry_id")[5].as_py(), before.column("line_no")[5].as_py()
    written_again(flushed, path, edited(before, 5, "credit", Decimal("7.0000")))

    faults = data_file(flushed, "fault")
    rows = pq.read_table(faults)
    written_again(flushed, faults, pa.concat_tables([rows.slice(0, 20), rows.slice(21)]))
    after = rows.column("fault_id")[21].as_py()

    unfit = data_file(flushed, "inventory_movement")
    pq.write_table(pq.read_table(unfit), unfit, compression="zstd")

    findings = check(flushed)
    assert named(findings, "journal_line", f"entry_id {entry}, line_no {line}", "was changed after its commit")
    assert named(findings, "journal_line", entry, "entry is not balanced")
    assert named(findings, "journal_line", path.name, "sealed")
    with open_lake(flushed, configuration.load(flushed), read_only=True) as ledger:
        assert ledger.con.execute("select count(document) from journal_line").fetchone() == (before.num_rows,)
    assert named(findings, "fault", f"fault_id {after}", "1 rows are missing before it")
    assert named(findings, "inventory_movement", unfit.name, "bytes, was written with")
    assert named(findings, "inventory_movement", "data", "cannot be read")


@pytest.mark.parametrize(
    "damages",
    [{"journal_line": "removed", "fault": "emptied", "audit_log": "cut"}, {"file": "text"}],
    ids=["several", "files"],
)
def test_a_data_file_that_cannot_be_read_is_named_and_the_others_are_checked(
    flushed: Path, damages: dict[str, str]
) -> None:
    paths = {table: data_file(flushed, table) for table in damages}
    for table, damage in damages.items():
        content = paths[table].read_bytes()
        if damage == "removed":
            paths[table].unlink()
        else:
            paths[table].write_bytes({"emptied": b"", "cut": content[:-50], "text": b"x" * len(content)}[damage])
    other = next((flushed / "ledger" / "files").rglob("*.zst"))
    other.unlink()
    findings = check(flushed)
    for table, path in paths.items():
        assert named(findings, table, path.name)
        assert named(findings, table, "data", "cannot be read")
    assert "file" in damages or named(findings, "file", other.stem, "not in the archive")


def test_any_byte_of_a_sealed_data_file_counts(flushed: Path) -> None:
    draw = random.Random(7)
    path = data_file(flushed, "journal_line")
    whole = path.read_bytes()
    # Among the rows, and in what describes them at the end.
    for first, end in ((0, len(whole) // 2), (len(whole) * 9 // 10, len(whole))):
        content = bytearray(whole)
        content[draw.randrange(first, end)] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        # In a process of its own: the database may not survive what it reads there.
        process = process_of(command, log := flushed.with_suffix(".log"), "-C", str(flushed), "verify")
        process.start()
        process.join(60)
        code, printed = process.exitcode, log.read_text()
        assert code is not None and (code < 0 or (code == 1 and path.name in printed)), printed


# --- the archive --------------------------------------------------------------------------------------


def test_every_archived_file_that_was_touched_is_named(business: Path) -> None:
    with open_lake(business, configuration.load(business), read_only=True) as ledger:
        rows = ledger.con.execute("select name, sha256 from file where state <> 'DUPLICATE' order by name").fetchall()
    paths = {name: business / "ledger" / "files" / archive.name_of(sha256) for name, sha256 in rows}
    changed, cut, gone, folder = list(paths)[:4]
    content = paths[changed].read_bytes()
    paths[changed].write_bytes(content[:40] + bytes([content[40] ^ 4]) + content[41:])
    paths[cut].write_bytes(paths[cut].read_bytes()[:-20])
    paths[gone].unlink()
    paths[folder].unlink()
    paths[folder].mkdir()
    findings = check(business)
    said = {changed: "", cut: "other bytes in the archive", gone: "not in the archive", folder: "archive:"}
    for name, sha256 in rows[:4]:
        assert named(findings, "file", f"{name} {sha256}", said[name])
    assert len(findings) == 4


def test_the_archive_may_be_left_out(business: Path, business_config: Config) -> None:
    shutil.rmtree(business / "ledger" / "files")
    with open_lake(business, business_config, read_only=True) as ledger:
        assert verify.verify(ledger, archive=False) == []
        assert Counter(finding.table for finding in verify.verify(ledger)) == {"file": 7, "mapping": 6}


# --- sums ---------------------------------------------------------------------------------------------


def test_an_unbalanced_entry_is_found_even_if_it_was_committed(home: Path, config: Config) -> None:
    with open_lake(home, config) as ledger:
        post(ledger, 1, 3)

        def work(commit: Commit) -> None:
            commit.insert(
                "journal_line",
                (
                    "select 'E9' as entry_id, 1 as line_no, 5.00::decimal(18,4) as debit, 0::decimal(18,4) as credit, "
                    "'USD' as currency"
                ),
            )
            commit.insert("journal_source", "select 'E10' as entry_id, 1 as line_no, 'r' as record_id")
            commit.audit("tester", "posted", "half an entry")
            for event in ("CLOSED", "REOPENED"):
                line = "1::bigint as line_no, 0.0::decimal(18,4) as debit, 0.0::decimal(18,4) as credit"
                commit.insert("period_event", f"select 'EU' as entity, '2026-10' as period, '{event}' as event")
                commit.audit("tester", "period", event)
                commit.insert(
                    "journal_line", f"select '{event}' as entry_id, 'EU' as entity, '2026-09' as period, {line}"
                )
                commit.audit("tester", "posted", "before the end of October")

        run_commit(ledger, work)
        findings = verify.verify(ledger)
    assert [(f.table, f.row, f.message) for f in findings] == [
        ("journal_line", "E9 USD", "entry is not balanced"),
        ("period_event", "CLOSED line 1", "journal line was posted in a closed period"),
        ("journal_source", "E10 line 1", "link to a journal line that does not exist"),
    ]


def test_an_entry_that_was_committed_twice_is_found(home: Path, config: Config) -> None:
    """Each time it balances, so that only its id shows it."""
    with open_lake(home, config) as ledger:
        post(ledger, 1, 1)

        def work(commit: Commit) -> None:
            commit.insert("journal_line", "select * exclude (row_hash, commit_seq) from lake.journal_line")
            commit.audit("tester", "posted", "once more")

        run_commit(ledger, work)
        [(entry,)] = ledger.con.execute("select distinct entry_id from lake.journal_line").fetchall()
        findings = verify.verify(ledger)
    assert {(f.table, f.message) for f in findings} == {("journal_line", "journal line comes twice")}
    assert {f.row for f in findings} == {f"{entry} line {number}" for number in range(1, len(findings) + 1)}


def test_the_findings_of_one_check_are_bounded(home: Path, config: Config) -> None:
    with open_lake(home, config) as ledger:
        post(ledger, 1, 200)
    (home / "config.toml").write_text('[entities.US]\ncurrency = "USD"\n')
    with catalog(home) as raw:
        raw.execute(f"update {inlined(raw, 'journal_line')} set memo = 'x'")
    findings = check(home)
    assert len(findings) == verify.FINDINGS_MAX


def test_the_metadata_is_where_it_is_looked_for(home: Path, config: Config) -> None:
    with open_lake(home, config, read_only=True) as ledger:
        assert ledger.con.execute(f"select count(*) from {METADATA}.ducklake_table").fetchone() == (len(TABLES) + 1,)


def test_a_row_of_every_table_can_be_named() -> None:
    for table in TABLES.values():
        assert "coalesce(cast(" in verify._label(table)
