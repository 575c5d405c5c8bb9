"""Documents that tell a partner what is in the ledger, written as text. No I/O."""
