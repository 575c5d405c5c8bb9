"""The way of a file: archived, claimed, translated, written, settled."""
