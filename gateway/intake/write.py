"""Within a commit: a load's records, reversals, entries, faults and files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from gateway.books.isolation import DATA_ERRORS, why
from gateway.books.posting import kept_rules
from gateway.books.posting.entries import Entries
from gateway.books.posting.rules import PostingRules
from gateway.errors import Fault
from gateway.fault_codes import ROW_DOUBLED, UNIT_UNKNOWN
from gateway.intake import mapping_texts, records
from gateway.intake.duplicates import Compared, compare, lay_files
from gateway.intake.result import FileResult
from gateway.intake.taken import Load, Taken
from gateway.intake.verdict import REASON_CHARS_MAX, Verdict, verdicts
from gateway.ledger.commit import FEW_ROWS, Commit
from gateway.sql import instant, literal


@dataclass(frozen=True, slots=True)
class ToPost:
    """New records with sign 1 and those that they replace with sign −1, for the posting rules of their table.

    rules  those by which the records that are replaced were posted, None for today's
    """

    table: str
    relation: str
    columns: Sequence[str]
    rules: PostingRules | None = None


class PostingError(Exception):
    """The entries of a load cannot be worked out, as where a sum is too large for its column; nothing may be
    committed."""

    def __init__(self, load: Load, why: str) -> None:
        self.load, self.why = load, why
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Act:
    """Why a load is written.

    action   what the audit trail says was done
    by       the person who asked for it, "" where it came by itself
    comment  why, in that person's words
    force    what is held is released
    """

    action: str = "file.committed"
    by: str = ""
    comment: str = ""
    force: bool = False

    @property
    def words(self) -> str:
        """Who released a file and why, for its reason; "" where nobody did or it is not said."""
        said = ": ".join(part for part in (f"released by {self.by}" if self.by else "released", self.comment) if part)
        return said if self.force and (self.by or self.comment) else ""


POSTED = ("ACCEPTED", "RELEASED")
"""States of a file whose rows have posted."""
COMMITTED = Act()
"""A file came and is taken."""


def write(
    con: duckdb.DuckDBPyConnection, commit: Commit, rules: PostingRules, load: Load, act: Act = COMMITTED
) -> list[FileResult]:
    """Write a load with its audit row. A held file writes its faults alone, unless it is released.

    Raises PostingError where the entries of its rows cannot be worked out.
    """
    versions = versions_of(con, load.files)
    compared = compare(con, load, versions)
    commit.few = sum(outcome.received for outcome in load.mapped.files) <= FEW_ROWS
    for one in compared:
        records.write(commit, load, one)
    kept = None
    if load.loaded is not None and load.loaded.mapping.mode == "live" and load.posts:
        entries = post(con, rules, load, compared, "_file")
        entries.write(commit)
        entries.drop()
        kept = kept_rules.keep(commit, con, rules)
    write_faults(con, commit, load, versions)
    judged = [_explained(one, act) for one in verdicts(con, load, compared, force=act.force)]
    results = write_files(con, commit, load, judged, versions, kept)
    subject = results[0].name if len(results) == 1 else f"{len(results)} files"
    detail = {
        "feed": load.feed,
        "mapping": load.version,
        "mapping_texts": mapping_texts.hashes([load.loaded]),
        "files": [{"file_id": r.file_id, "name": r.name, "state": r.state} for r in results],
    }
    if act.comment:
        detail["comment"] = act.comment
    commit.audit(act.by or load.files[0].drop.via, act.action, subject, detail)
    return results


def _explained(verdict: Verdict, act: Act) -> Verdict:
    """The verdict on a released file, with who released it and why before the reason for which it was held."""
    if verdict.state != "RELEASED" or not act.words:
        return verdict
    return replace(verdict, reason=f"{act.words}; {verdict.reason}"[:REASON_CHARS_MAX])


def post(
    con: duckdb.DuckDBPyConnection, rules: PostingRules, load: Load, compared: Sequence[Compared], prefix: str
) -> Entries:
    """The entries of a load's rows by the posting rules, in temporary tables under the prefix. Raises PostingError."""
    entries = Entries(con, rules, prefix)
    try:
        for one in compared:
            for records in to_post(con, load, one, rules):
                if records.rules is None:
                    entries.post(records.table, records.relation, records.columns)
                else:
                    entries.post_by(records.rules, records.table, records.relation, records.columns)
        entries.convert()
    except DATA_ERRORS as error:
        raise PostingError(load, why(error)) from error
    return entries


def to_post(con: duckdb.DuckDBPyConnection, load: Load, compared: Compared, rules: PostingRules) -> Iterator[ToPost]:
    """Views of the records that posting rules take: by today's rules, and of what other rules have posted by those."""
    table, new = compared.table, compared.new
    names = [column.name for column in table.columns if column.name != "channel"]
    own_channel = table.column("channel") is not None
    channel = "channel" if own_channel else "cast(null as varchar) as channel"
    # A restatement posts what changed, under the file that said so; what else shares the commit makes no difference.
    salt = "case again when '' then n.file_id else n.file_id || '|' || again end" if compared.known else "n.file_id"
    own = ", ".join(f'"{name}"' for name in names)
    surplus = f" union all select old_id, file_id, again from {compared.surplus}" if compared.surplus else ""
    sql = (
        f"select {records.RECORD_ID} as record_id, 1 as sign, {literal(load.entity)} as entity, {channel}, file_id, "
        f"{salt} as salt, {own} from {new} n"
    )
    columns = [*names, "channel"]
    if compared.known:
        old = ", ".join(f'o."{name}"' for name in names)
        changed = f"(select old_id, file_id, again from {new}{surplus})"
        replaced = f'{changed} n join lake."{table.name}" o on o.record_id = n.old_id'
        back = (
            f"select o.record_id, -1 as sign, o.entity, {'o.channel' if own_channel else channel}, n.file_id, "
            f"{{salt}} as salt, {old} from {replaced}"
        )
        others = kept_rules.others(con, f"(select o.file_id from {replaced})", rules)
        for other in others:
            kept = kept_rules.hash_of(other)
            relation = f"{new}_back_{kept[:8]}"
            of_others = f"o.file_id in (select file_id from {kept_rules.BY_FILE} where rules = {literal(kept)})"
            sql_back = back.format(salt=f"{salt} || '|{kept[:8]}'")
            con.execute(f"create or replace temp view {relation} as {sql_back} where {of_others}")
            yield ToPost(table.name, relation, columns, other)
        by_others = ", ".join(literal(kept_rules.hash_of(other)) for other in others) or "''"
        sql += (
            f" union all {back.format(salt=salt)} "
            f"where o.file_id not in (select file_id from {kept_rules.BY_FILE} where rules in ({by_others}))"
        )
    con.execute(f"create or replace temp view {new}_post as {sql}")
    yield ToPost(table.name, f"{new}_post", columns)


def versions_of(con: duckdb.DuckDBPyConnection, files: Sequence[Taken]) -> dict[str, int]:
    """file_id → how often the file is in the ledger already."""
    listed = ", ".join(literal(file.file_id) for file in files)
    return dict(
        con.execute(f"select file_id, count(*) from lake.file where file_id in ({listed}) group by file_id").fetchall()
    )


def write_faults(con: duckdb.DuckDBPyConnection, commit: Commit, load: Load, versions: dict[str, int]) -> None:
    """Store the faults of a load with the whole source rows."""
    parts = []
    if load.mapped.faults:
        parts.append(
            f"""select _file, "position", code, column_name, value, message, hint, source_row, record_type,
                       try_cast(source_key as uuid) as source_key, '' as cause,
                       row_number() over (order by _ordinal, _record, column_name) as n from {load.mapped.faults}"""
        )
    whole = [
        (number, fault)
        for number, file in enumerate(load.files)
        for fault in (*load.mapped.files[number].held, *file.broken)
    ]
    if whole:
        con.register("_whole_faults", fault_table(whole))
        parts.append("select * from _whole_faults")
    if parts:
        files = f"""(select *, {literal(load.feed)} as feed, {literal(load.partner)} as partner,
                            {literal(load.entity)} as entity from {lay_files(con, load, versions)})"""
        insert_faults(commit, " union all by name ".join(parts), files)
    if whole:
        con.unregister("_whole_faults")


def insert_faults(commit: Commit, faults: str, files: str) -> None:
    """Store faults. `faults`: SELECT of rows as of `fault_table`; `files`: relation of file (the number that `_file`
    says), file_id, name, feed, partner, entity."""
    commit.insert(
        "fault",
        f"""select left(md5(concat_ws('|', f.file_id, code, "position", column_name, value, message)), 20)
                   as fault_id, f.file_id, f.feed, f.partner, f.entity, "position",
                   code, column_name, value, message, hint, source_row, record_type,
                   cast(source_key as uuid) as source_key,
                   case code when 'CHECK_DIGIT' then f.partner || '|' || value
                             when 'SKU_UNKNOWN' then f.partner || '|' || value
                             when 'UNMAPPED_LINE' then f.feed || '|' || value
                             when 'FIELD_UNREAD' then f.feed || '|' || column_name || '|' || value
                             when '{UNIT_UNKNOWN}' then f.feed || '|' || column_name || '|' || value
                             when 'COLUMN_UNKNOWN' then f.feed || '|' || coalesce(column_name, '')
                             when '{ROW_DOUBLED}' then f.partner || '|' || f.name || '|' || f.file_id
                             when 'ROW_REJECT' then f.partner || '|' || f.name || '|'
                                  || coalesce(nullif(column_name, ''), "position")
                             else f.partner || '|' || f.name
                                  || case when "position" = '' then '' else '|'
                                      || coalesce(nullif(cause, ''), "position") end end
                   as business_key, {instant(commit.at)} as recorded_at
            from ({faults}) d join {files} f on f.file = d._file""",
    )


def write_files(
    con: duckdb.DuckDBPyConnection,
    commit: Commit,
    load: Load,
    judged: Sequence[Verdict],
    versions: dict[str, int],
    rules: str | None,
) -> list[FileResult]:
    """Write a row for each file. The commit refuses counts that do not add up.

    rules  hash of the rules by which their rows were posted, None if none were
    """
    rows = [
        file_row(load, number, verdict, versions) | ({"rules": rules} if verdict.state in POSTED else {})
        for number, verdict in enumerate(judged)
    ]
    insert_files(con, commit, rows)
    return [result_of(file, verdict) for file, verdict in zip(load.files, judged, strict=True)]


def insert_files(con: duckdb.DuckDBPyConnection, commit: Commit, rows: Sequence[dict[str, object]]) -> None:
    """Write rows of files, as `file_row` makes them. Raises ValueError for counts that do not add up."""
    con.register("_file_rows", pa.Table.from_pylist(list(rows), _FILE_SCHEMA))
    commit.insert("file", f"select *, {instant(commit.at)} as recorded_at from _file_rows")
    con.unregister("_file_rows")


def result_of(file: Taken, verdict: Verdict) -> FileResult:
    """What became of a file by its verdict."""
    return FileResult(
        file.drop.name,
        file.drop.partner,
        file.feed,
        verdict.state,
        verdict.received,
        verdict.accepted,
        verdict.rejected,
        verdict.duplicate,
        verdict.ignored_rows,
        verdict.reason,
        file.file_id,
        verdict.fix,
    )


_TEXTS = (
    "feed",
    "entity",
    "mapping_version",
    "rules",
    "file_id",
    "sha256",
    "name",
    "container",
    "container_sha256",
    "partner",
    "drop",
    "control_no",
    "interchanges",
    "ignored_by",
    "control_total",
    "state",
    "reason",
)
_NUMBERS = ("version", "bytes", "received", "accepted", "rejected", "duplicate", "ignored", "restated")
_FILE_SCHEMA = pa.schema(
    [
        *((name, pa.utf8()) for name in _TEXTS),
        *((name, pa.int64()) for name in _NUMBERS),
        ("test_flag", pa.bool_()),
        ("arrived_at", pa.timestamp("us", "UTC")),
    ]
)


def file_row(load: Load, number: int, verdict: Verdict, versions: dict[str, int]) -> dict[str, object]:
    """The row of the table `file` for one file of a load."""
    file: Taken = load.files[number]
    total = load.mapped.files[number].control_total if load.mapped.files else None
    container, container_sha256 = file.arrival.container
    return {
        "feed": load.feed,
        "entity": load.entity,
        "mapping_version": load.version,
        "file_id": file.file_id,
        "version": versions.get(file.file_id, 0) + 1,
        "sha256": file.arrival.stored.sha256,
        "bytes": file.arrival.stored.bytes,
        "name": file.drop.name,
        "container": container or None,
        "container_sha256": container_sha256 or None,
        "partner": file.drop.partner,
        "drop": file.drop.via,
        "control_no": file.control_numbers,
        "interchanges": file.interchanges or None,
        "test_flag": file.test,
        "received": verdict.received,
        "accepted": verdict.accepted,
        "rejected": verdict.rejected,
        "duplicate": verdict.duplicate,
        "ignored": verdict.ignored_rows,
        "ignored_by": json.dumps(verdict.ignored, sort_keys=True),
        "restated": verdict.restated,
        "control_total": None if total is None else str(total),
        "arrived_at": file.drop.arrived_at,
        "state": verdict.state,
        "reason": verdict.reason,
    }


def fault_table(numbered: Sequence[tuple[int, Fault]]) -> pa.Table:
    """Faults as rows, each with the number of its file."""
    found = [fault for _, fault in numbered]
    return pa.table(
        {
            "_file": pa.array([number for number, _ in numbered], pa.int64()),
            "position": pa.array([f.position for f in found], pa.utf8()),
            "code": pa.array([f.code for f in found], pa.utf8()),
            "column_name": pa.array([f.column for f in found], pa.utf8()),
            "value": pa.array([f.value for f in found], pa.utf8()),
            "message": pa.array([f.message for f in found], pa.utf8()),
            "hint": pa.array([f.hint for f in found], pa.utf8()),
            "cause": pa.array([f.cause for f in found], pa.utf8()),
            "source_row": pa.array([json.dumps(dict(f.row)) if f.row else None for f in found], pa.utf8()),
            "record_type": pa.nulls(len(found), pa.utf8()),
            "source_key": pa.nulls(len(found), pa.utf8()),
            "n": pa.array(range(len(found)), pa.int64()),
        }
    )
