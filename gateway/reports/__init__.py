"""Questions that everybody asks of the ledger, each answered in one place."""
