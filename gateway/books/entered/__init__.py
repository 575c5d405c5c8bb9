"""What people enter in the journal by file: opening balances and manual entries."""
