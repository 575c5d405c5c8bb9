"""What partners are told of the ledger: stock, orders, transfers, returns."""
