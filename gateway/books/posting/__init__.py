"""The journal: chart of accounts, posting rules, entries."""
