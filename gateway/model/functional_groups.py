"""The functional identifiers (GS01, data element 479) of X12 transaction sets: a group holds sets of its own kinds."""

from __future__ import annotations

_KINDS = {
    "AG": "824",
    "AN": "180",
    "AR": "943",
    "AW": "947",
    "CA": "865",
    "CD": "812",
    "FA": "997 999",
    "GF": "990",
    "IB": "846",
    "IM": "210",
    "IN": "810",
    "OW": "940",
    "PC": "860",
    "PD": "852",
    "PO": "850",
    "PR": "855",
    "PS": "830",
    "PT": "867",
    "QM": "214",
    "RA": "820",
    "RC": "861",
    "RE": "944",
    "SC": "832",
    "SH": "856",
    "SM": "204",
    "SS": "862",
    "SW": "945",
    "TX": "864",
}

FUNCTIONAL = {kind: code for code, kinds in _KINDS.items() for kind in kinds.split()}
"""Kind of a transaction set → functional identifier of its group."""
