"""The rules by which records were posted, as they were: what is taken back is taken back by them, never by today's."""

from __future__ import annotations

import hashlib
import json

import duckdb

from gateway.books.posting.chart import Chart
from gateway.books.posting.rules import Posting, PostingRules
from gateway.ledger.commit import Commit
from gateway.model.journal import POSTING_RULES
from gateway.sql import literal

TABLE = POSTING_RULES.name
BY_FILE = (
    """(select file_id, max_by(rules, version) as rules from lake.file where rules is not null group by file_id)"""
)
"""Relation as SQL: the hash of the rules by which each file was posted."""


def hash_of(rules: PostingRules) -> str:
    """What identifies rules: the SHA-256 of everything that their entries follow from."""
    return hashlib.sha256(_text(rules).encode()).hexdigest()


def keep(commit: Commit, con: duckdb.DuckDBPyConnection, rules: PostingRules) -> str:
    """Write the rules into the ledger if it does not have them, within the commit; their hash."""
    found = hash_of(rules)
    if con.execute(f"select 1 from {TABLE} where hash = {literal(found)}").fetchone() is None:
        commit.insert(
            TABLE, "select ? as hash, ? as text, ?::timestamptz as recorded_at", [found, _text(rules), commit.at]
        )
    return found


def others(con: duckdb.DuckDBPyConnection, files: str, rules: PostingRules) -> list[PostingRules]:
    """The rules other than these by which files of a relation (file_id) were posted."""
    rows = con.execute(
        f"""select distinct r.hash, r.text from {BY_FILE} f join lake.{TABLE} r on r.hash = f.rules
        where f.file_id in (select file_id from {files}) and r.hash <> {literal(hash_of(rules))} order by r.hash"""
    ).fetchall()
    return [_read(text) for _, text in rows]


def _text(rules: PostingRules) -> str:
    parts = {
        "version": rules.version,
        "chart": rules.chart.model_dump(mode="json"),
        "posting": rules.posting.model_dump(mode="json", by_alias=True),
    }
    return json.dumps(parts, sort_keys=True, ensure_ascii=False)


def _read(text: str) -> PostingRules:
    parts = json.loads(text)
    chart, posting = Chart.model_validate(parts["chart"]), Posting.model_validate(parts["posting"])
    return PostingRules(chart, posting, parts["version"])
