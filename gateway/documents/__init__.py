"""Documents that partners get from the ledger: stock, orders, transfers, returns."""
