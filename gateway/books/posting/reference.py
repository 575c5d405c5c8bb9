"""Small relations that posting, the books and reports join: accounts by role, channels, entities."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from gateway.books.posting.rules import PostingRules
from gateway.settings import Config
from gateway.sql import lay

ACCOUNTS, CHANNELS, ENTITIES = "chart_role", "channel_config", "entity_config"
"""Names of the relations: (role, account, account_name, control), (channel, revenue, settlement_days),
(entity, functional, timezone)."""

_ACCOUNTS = pa.schema(
    [("role", pa.utf8()), ("account", pa.utf8()), ("account_name", pa.utf8()), ("control", pa.bool_())]
)
_CHANNELS = pa.schema([("channel", pa.utf8()), ("revenue", pa.utf8()), ("settlement_days", pa.int32())])
_ENTITIES = pa.schema([("entity", pa.utf8()), ("functional", pa.utf8()), ("timezone", pa.utf8())])


def prepare(con: duckdb.DuckDBPyConnection, config: Config, rules: PostingRules) -> None:
    """Make the three relations."""
    accounts = [(role, one.number, one.name, one.control) for role, one in rules.chart.accounts.items()]
    lay(con, ACCOUNTS, accounts, _ACCOUNTS)
    channels = [(name, one.revenue, one.settlement_days) for name, one in config.channels.items()]
    lay(con, CHANNELS, channels, _CHANNELS)
    entities = [(name, one.currency, one.timezone) for name, one in config.entities.items()]
    lay(con, ENTITIES, entities, _ENTITIES)
