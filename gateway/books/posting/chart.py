"""The chart of accounts: the roles that posting rules name, each with its account."""

from __future__ import annotations

from gateway.settings import Strict


class Account(Strict):
    """An account of the chart. A control account is kept from records: a manual entry on it needs an approval."""

    number: str
    name: str
    control: bool = False


class Chart(Strict):
    """The chart of accounts: role of a posting rule → account."""

    accounts: dict[str, Account]

    @property
    def has_control(self) -> bool:
        """Whether any account is marked as a control account; an older chart has none."""
        return any(one.control for one in self.accounts.values())
