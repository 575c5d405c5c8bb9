"""What receipts cost: the invoice's price for the units that are invoiced, the order's for the others."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from gateway.books.procurement import purchase_rows, purchases
from gateway.books.procurement.matching import match
from gateway.sql import lay

COSTS = "_receipt_costs"
_COSTS = pa.schema([("record_id", pa.utf8()), ("value", pa.int64()), ("basis", pa.utf8())])


def lay_costs(con: duckdb.DuckDBPyConnection, items: str) -> str:
    """Name of a relation (record_id, value, basis): what orders and invoices say that receipts of these items cost.

    items  relation of (entity, sku)
    value  in 1/10,000 of the entity's currency; None with the basis MISSING where no rate converts the price
    """
    rows = []
    if purchase_rows.any_known(con):
        found = purchases.gather(con, items)
        for key, receipts in found.receipts.items():
            for one in match(receipts, found.billed.get(key, ()), found.minor(key.entity)).costs:
                if one.basis != "RECEIPT" and (one.value is not None or one.basis == "MISSING"):
                    rows.append((one.record_id, one.value, one.basis))
    lay(con, COSTS, rows, _COSTS)
    return COSTS
