"""Workbooks for people: sheets, styles, and the books that are made of them."""

FINANCE, OPERATIONS = "finance", "operations"
"""Folders below outbound/: of the exception workbooks, and of the reconciliation workbooks."""
CURRENT = "current"
"""The folder below outbound/ of the newest issue of each."""
