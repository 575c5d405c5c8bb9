"""Which mapping a file belongs to."""
