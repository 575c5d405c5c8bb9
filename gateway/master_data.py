"""Items and aliases as files are read with them: kept in memory, read again when they changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from gateway.mapping.language.loaded import Loaded

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = ("item", "item_alias", "location")


class MasterData:
    """The items and aliases in force. They are read when somebody asks for them first."""

    _items, _aliases = "master_item", "master_alias"

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._counts: object = None

    def relations(self) -> tuple[str, str]:
        """Names of two relations: items (sku, base_uom), and aliases (alias_partner, id_type, external_id, sku,
        pack_qty, valid_from, valid_to)."""
        if self._counts is None:
            self.refresh()
        return self._items, self._aliases

    def refresh(self) -> None:
        """Take over what the ledger holds now."""
        row = self._con.execute("select (select count(*) from item), (select count(*) from item_alias)").fetchone()
        if row == self._counts:
            return
        self._counts = row
        self._con.execute(
            f"create or replace temp table {self._items} as select distinct sku, base_uom from item_current"
        )
        self._con.execute(
            f"""create or replace temp table {self._aliases} as
            select alias_partner, id_type, external_id, sku, pack_qty, valid_from, valid_to from item_alias_current"""
        )

    def tables(self) -> tuple[pa.Table, pa.Table]:
        """(items, aliases) as Arrow tables: SKUs with base units, and the other names of items with their days."""
        items, aliases = map(self._con.table, self.relations())
        return items.to_arrow_table(), aliases.to_arrow_table()

    def digest(self) -> str:
        """A text that changes with them."""
        texts = "select md5(string_agg(t::text, chr(10) order by t::text)) from {} t"
        return " ".join(str(self._con.execute(texts.format(name)).fetchone()) for name in self.relations())

    def replace(self, items: pa.Table, aliases: pa.Table) -> None:
        """Read files with these and not with the ledger's; nothing is written."""
        for name, table in zip(self.relations(), (items, aliases), strict=True):
            self._con.register(f"_{name}", table)
            self._con.execute(f"create or replace temp table {name} as select * from _{name}")
            self._con.unregister(f"_{name}")


def is_master_data(loaded: Loaded) -> bool:
    """Whether a feed brings items, aliases or locations: what other files are read with."""
    return any(record.type in TABLES for record in loaded.mapping.record)
