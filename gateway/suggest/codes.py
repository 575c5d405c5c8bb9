"""Partners' codes for fields with fixed values: what the usual words mean."""

from __future__ import annotations

from gateway.model import MAPPABLE
from gateway.model.status import STATUSES
from gateway.suggest.words import meant

_STATUS = {
    "AVAILABLE": "available; good; ok; sellable; salable; unrestricted; free; new; in stock; i.o.; "
    "einwandfrei; neu; gut; bueno; bon; buono",
    "DAMAGED": "damaged; defective; broken; unsellable; bad; kaputt; ausschuss",
    "RESERVED": "reserved",
    "ALLOCATED": "allocated; committed; picked",
    "QC_HOLD": "hold; on hold; blocked; quality hold; qc; qc hold; inspection; qualitatsprufung",
    "QUARANTINE": "quarantine; quarantined",
    "RETURN_PENDING_INSPECTION": "returns; return",
    "IN_TRANSIT": "in transit; inbound; unterwegs; transit",
    "SCRAP": "scrap; scrapped; schrott",
}
_WORDS: dict[str, dict[str, str]] = {
    "direction": {
        "CRDT": "c; cr; crdt; credit; h; haben; bij; in",
        "DBIT": "d; dr; db; dbit; debit; s; soll; af; out",
    },
    "bank_line.status": {"BOOK": "booked; gebucht; completed; posted", "PDNG": "pending; vorgemerkt"},
    "line_status": {
        "OPEN": "open; offen; new",
        "CLOSED": "closed; done; completed; erledigt",
        "CANCELLED": "cancelled; canceled; storniert",
        "HELD": "held; on hold",
    },
    "stage": {
        "AUTHORISED": "authorised; authorized; approved",
        "RECEIVED": "received; arrived",
        "INSPECTED": "inspected; checked",
        "REFUNDED": "refunded; credited",
        "CLOSED": "closed",
    },
    "tracking": {"NONE": "none; no; keine", "LOT": "lot; batch; charge", "SERIAL": "serial; serial number"},
}
_TABLES = {
    name: {meant(word.strip()) or (word.strip(),): ours for ours, words in given.items() for word in words.split(";")}
    for name, given in ({"status": _STATUS} | _WORDS).items()
}


def ours(table: str, name: str, text: str) -> str:
    """Our value for a partner's code of a field with fixed values; "" for one that the usual words do not say."""
    column = MAPPABLE[table].column(name)
    if column is None or not column.values:
        return ""
    same = next((value for value in column.values if value.casefold() == text.strip().casefold()), "")
    if same:
        return same
    words = _TABLES.get(f"{table}.{name}") or _TABLES.get("status" if column.values == STATUSES else name, {})
    return words.get(meant(text) or (text.strip().casefold(),), "")


def stock_status(text: str) -> str:
    """The status of stock that the name of a column says, "" where it says none."""
    return ours("inventory_snapshot", "status", text)
