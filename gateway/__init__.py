"""Integration gateway: partner files in, a reconciled canonical ledger, workbooks out."""

__version__ = "0.1.0"
