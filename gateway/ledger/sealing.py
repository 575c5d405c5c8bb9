"""The data files' SHA-256 in the audit chain: whatever byte of a sealed file changes, it is found.

Rows have hashes of their own; sealing covers what surrounds them in a file and steers how it is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from gateway.ledger.connection import METADATA
from gateway.ledger.store import Bytes, Store
from gateway.sql import literal

ACTION = "files.sealed"
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file of the newest snapshot: its place among the data, and the size that the catalog has for it."""

    place: str
    bytes: int

    @property
    def name(self) -> str:
        """Its name alone; no two data files have the same."""
        return self.place.rpartition("/")[2]


def files(con: duckdb.DuckDBPyConnection, store: Store, tables: Iterable[str]) -> list[tuple[str, DataFile]]:
    """(table, data file) of these tables, in their order."""
    # Each table costs two milliseconds, and a small one has no file.
    having = {
        name
        for (name,) in con.execute(
            f"""select distinct table_name from {METADATA}.ducklake_table join {METADATA}.ducklake_data_file
            using (table_id)"""
        ).fetchall()
    }
    each = [
        f"""select {number} as number, {literal(table)} as name, data_file, data_file_size_bytes
        from ducklake_list_files('lake', {literal(table)})"""
        for number, table in enumerate(tables)
        if table in having
    ]
    if not each:
        return []
    rows = con.execute(
        f"select name, data_file, data_file_size_bytes from ({' union all '.join(each)}) order by number, 2"
    )
    return [(name, DataFile(path.removeprefix(store.data.uri), size)) for name, path, size in rows.fetchall()]


def seals(con: duckdb.DuckDBPyConnection, at: str = "") -> dict[str, str]:
    """Name of a data file → SHA-256, from the audit rows of the snapshot that `at` names (the newest)."""
    rows = con.execute(f"select detail from lake.audit_log {at} where action = '{ACTION}' order by seq").fetchall()
    found: dict[str, str] = {}
    for (detail,) in rows:
        try:
            found.update(json.loads(detail).get("files", {}))
        except (ValueError, AttributeError):
            continue  # The chain names an audit row that can no longer be read.
    return found


def sha256(data: Bytes, place: str) -> str:
    """SHA-256 of a file, hex. Raises OSError."""
    digest = hashlib.sha256()
    with data.open(place) as source:
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def difference(data: Bytes, file: DataFile, seal: str | None) -> str:
    """ "" or how a data file is not as it was written; without a seal only its size is compared."""
    try:
        size = data.size(file.place)
        if size != file.bytes:
            return f"has {size} bytes, was written with {file.bytes}"
        if seal is not None and sha256(data, file.place) != seal:
            return "has other bytes than when it was sealed"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""
