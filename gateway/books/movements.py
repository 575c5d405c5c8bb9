"""Which movements of stock count."""

from __future__ import annotations

IN_FORCE = """m.reversal_of is null and m.record_id not in (
    select reversal_of from inventory_movement where reversal_of is not null)"""
"""SQL: a movement `m` that nothing takes back, and that takes nothing back itself."""
