"""Readers of text tables: delimited and fixed width."""
