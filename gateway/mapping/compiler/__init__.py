"""A mapping as SQL."""
