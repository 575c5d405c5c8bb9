"""Revenue, posted from what was shipped."""
