"""Small relations that posting, the books and reports join: accounts by role, channels, entities, sources of rates."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from gateway.books.coins import digits
from gateway.books.posting.rules import PostingRules
from gateway.settings import Config
from gateway.sql import lay

ACCOUNTS, CHANNELS, ENTITIES, RATE_SOURCES = "chart_role", "channel_config", "entity_config", "rate_config"
"""Names of the relations: (role, account, account_name, control), (channel, revenue, settlement_days),
(entity, functional, digits of that currency, timezone), (days that a rate may be old, source, rank of the source; a row
without a source where none is preferred)."""

_ACCOUNTS = pa.schema(
    [("role", pa.utf8()), ("account", pa.utf8()), ("account_name", pa.utf8()), ("control", pa.bool_())]
)
_CHANNELS = pa.schema([("channel", pa.utf8()), ("revenue", pa.utf8()), ("settlement_days", pa.int32())])
_ENTITIES = pa.schema(
    [("entity", pa.utf8()), ("functional", pa.utf8()), ("digits", pa.int32()), ("timezone", pa.utf8())]
)
_RATE_SOURCES = pa.schema([("days", pa.int32()), ("source", pa.utf8()), ("rank", pa.int32())])


def lay_accounts(con: duckdb.DuckDBPyConnection, name: str, rules: PostingRules) -> None:
    """Make a relation of the accounts of a chart, with the columns of ACCOUNTS."""
    accounts = [(role, one.number, one.name, one.control) for role, one in rules.chart.accounts.items()]
    lay(con, name, accounts, _ACCOUNTS)


def prepare(con: duckdb.DuckDBPyConnection, config: Config, rules: PostingRules) -> None:
    """Make these relations."""
    lay_accounts(con, ACCOUNTS, rules)
    channels = [(name, one.revenue, one.settlement_days) for name, one in config.channels.items()]
    lay(con, CHANNELS, channels, _CHANNELS)
    entities = [(name, one.currency, digits(one.currency), one.timezone) for name, one in config.entities.items()]
    lay(con, ENTITIES, entities, _ENTITIES)
    days, sources = config.rates.days, config.rates.sources
    ranked: list[tuple[int, str | None, int]] = [(days, source, rank) for rank, source in enumerate(sources)]
    lay(con, RATE_SOURCES, ranked or [(days, None, 0)], _RATE_SOURCES)
