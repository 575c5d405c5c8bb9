"""Readers of interchanges: X12 and EDIFACT."""
