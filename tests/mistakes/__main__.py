"""The table of mistakes in print, docs/messages.md: `make pages` writes it."""

from __future__ import annotations

import sys

from tests.mistakes.page import page
from tests.mistakes.table import read

sys.stdout.write(page(read()))
