"""The chart of accounts: the roles that posting rules name, each with its account."""

from __future__ import annotations

from gateway.settings import Strict


class Account(Strict):
    """An account of the chart."""

    number: str
    name: str


class Chart(Strict):
    """The chart of accounts: role of a posting rule → account."""

    accounts: dict[str, Account]
