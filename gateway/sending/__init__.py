"""What partners are told of the ledger as `[[send]]` asks: chosen, recorded with control numbers, then written."""
