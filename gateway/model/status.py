"""The inventory status machine: exclusive buckets and the moves between them (GS1 CBV dispositions)."""

from __future__ import annotations

ON_HAND = (
    "RECEIVING",
    "AVAILABLE",
    "RESERVED",
    "ALLOCATED",
    "QC_HOLD",
    "DAMAGED",
    "RETURN_PENDING_INSPECTION",
    "RESALE_READY",
    "QUARANTINE",
    "REFURBISH",
    "VENDOR_RETURN",
    "LIQUIDATE",
    "SCRAP",
)
MOVING = ("IN_TRANSIT", "XFER_TRANSIT", "RETURN_TRANSIT", "MISSING")
OUTSIDE = ("SUPPLIER", "CUSTOMER", "ADJUST", "SINK")
STATUSES = ON_HAND + MOVING + OUTSIDE

_MOVES = {
    "SUPPLIER": ("IN_TRANSIT", "RECEIVING", "AVAILABLE", "QC_HOLD", "DAMAGED"),
    "IN_TRANSIT": ("RECEIVING", "AVAILABLE", "QC_HOLD", "DAMAGED"),
    "RECEIVING": ("AVAILABLE", "QC_HOLD", "DAMAGED"),
    "AVAILABLE": (
        "RESERVED",
        "ALLOCATED",
        "CUSTOMER",
        "XFER_TRANSIT",
        "QC_HOLD",
        "DAMAGED",
        "VENDOR_RETURN",
        "LIQUIDATE",
    ),
    "RESERVED": ("AVAILABLE", "ALLOCATED", "CUSTOMER"),
    "ALLOCATED": ("RESERVED", "CUSTOMER"),
    "XFER_TRANSIT": ("RECEIVING", "AVAILABLE", "DAMAGED"),
    "QC_HOLD": ("AVAILABLE", "DAMAGED", "REFURBISH", "VENDOR_RETURN", "SCRAP"),
    "QUARANTINE": ("AVAILABLE", "DAMAGED", "REFURBISH", "VENDOR_RETURN", "SCRAP"),
    "CUSTOMER": ("RETURN_TRANSIT", "RETURN_PENDING_INSPECTION"),
    "RETURN_TRANSIT": ("RETURN_PENDING_INSPECTION",),
    "RETURN_PENDING_INSPECTION": (
        "RESALE_READY",
        "QUARANTINE",
        "REFURBISH",
        "DAMAGED",
        "VENDOR_RETURN",
        "LIQUIDATE",
        "SCRAP",
    ),
    "REFURBISH": ("RESALE_READY", "SCRAP", "LIQUIDATE"),
    "RESALE_READY": ("AVAILABLE",),
    "DAMAGED": ("QC_HOLD", "REFURBISH", "VENDOR_RETURN", "LIQUIDATE", "SCRAP"),
    "SCRAP": ("SINK",),
    "VENDOR_RETURN": ("SUPPLIER",),
    "LIQUIDATE": ("CUSTOMER",),
    "MISSING": ON_HAND,
}


def allowed(origin: str, target: str) -> bool:
    """Whether units may move from one status to the other.

    A bucket on hand may be adjusted against ADJUST either way and may go MISSING; a status may also stay
    the same (a move between locations).
    """
    if origin == target:
        return origin in ON_HAND or origin == "XFER_TRANSIT"
    if "ADJUST" in (origin, target):
        return {origin, target} - {"ADJUST"} <= {*ON_HAND, "MISSING"}
    if target == "MISSING":
        return origin in ON_HAND
    return target in _MOVES.get(origin, ())


MOVES: tuple[tuple[str, str], ...] = tuple(
    (origin, target) for origin in STATUSES for target in STATUSES if allowed(origin, target)
)
