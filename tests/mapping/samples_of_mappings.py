"""Small homes for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

STOCK = """\
feed    = "acme.stock"
partner = "acme"

[file]
match  = ["*stock*.csv"]
format = "delimited"

[[record]]
type = "inventory_snapshot"
key  = ["location", "sku", "as_of"]

[record.fields]
location = { constant = "DC1" }
as_of    = { from = "Date", formats = ["%Y-%m-%d"] }
scope    = { constant = "FULL" }
sku      = "SKU"
status   = { constant = "AVAILABLE" }
qty      = "On Hand"
"""

PACK = """\
# A pack.
feed    = "standard.x12.846"
partner = "standard"

[file]
format      = "x12"
transaction = "846"
summary     = ["CTT"]

[[record]]
type = "inventory_snapshot"
each = "LIN/QTY"
key  = ["BIA/03", "LIN/03", "QTY/01"]

[record.fields]
location = "N1[WH]/04"
as_of    = { from = "BIA/04", formats = ["ymd"] }
scope    = { constant = "FULL" }
sku      = "LIN/03"
status   = { constant = "AVAILABLE" }
qty      = "QTY/02"
"""


def write(home: Path, name: str, text: str | bytes) -> Path:
    """Put a file below the home's `mappings`."""
    path = home / "mappings" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
