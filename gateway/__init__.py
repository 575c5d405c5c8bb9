"""Integration gateway: partner files in, a reconciled canonical ledger, workbooks out."""

__version__ = "0.1.0"

import os

# Arrow's allocator hands freed memory back after 10 ms, and asks for it again with the next block of a file: a sixth
# of the time of a large file went into that. It reads this when it is loaded, so it is set before anything else.
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "10000")
