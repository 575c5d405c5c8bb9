"""Exceptions: how they open, change and close."""
