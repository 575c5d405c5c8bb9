"""The reader of spreadsheets."""
