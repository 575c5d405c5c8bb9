"""Integration gateway: partner files in, a reconciled canonical ledger, workbooks out."""

__version__ = "0.1.0"

import os

# Arrow's allocator hands freed memory back after 10 ms, and asks for it again with the next block of a file: a sixth
# of the time of a large file went into that. It reads this when it is loaded, so it is set before anything else.
os.environ.setdefault("MIMALLOC_PURGE_DELAY", "10000")
# Nothing here multiplies matrices, and a thread for each processor to do so would take address space that
# `ulimit -v` may not grant. Its library reads this when it is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
