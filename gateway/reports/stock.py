"""What is in stock now, in base units."""

from __future__ import annotations

import duckdb

from gateway.sql import Rows, literal, rows_of


def on_hand(con: duckdb.DuckDBPyConnection, sku: str = "", location: str = "") -> Rows:
    """Units of each bucket that holds some, of one item or location where it is named.

    entity, location, sku, status, qty, available (units that may be sold), held (why they may not), last_moved_at
    """
    asked = [f"{name} = {literal(value)}" for name, value in (("sku", sku), ("location", location)) if value]
    where = f"where {' and '.join(asked)}" if asked else ""
    return list(
        rows_of(
            con,
            f"""select entity, location, sku, status, qty, available, held, last_moved_at from stock {where}
            order by entity, location, sku, status""",
        )
    )
