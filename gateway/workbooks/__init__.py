"""Workbooks for people: sheets, styles, and the books that are made of them."""
