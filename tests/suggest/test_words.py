"""Names of columns in several languages mean the same."""

from __future__ import annotations

import pytest

from gateway.suggest import codes
from gateway.suggest.words import meant


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("Bestell-Nr.", ("order", "number")),
        ("Bestellnummer", ("order", "number")),
        ("orderId", ("order", "number")),
        ("N° de commande", ("n", "order")),
        ("Artikelnummer", ("item", "number")),
        ("Stückzahl", ("quantity",)),
        ("STUECKZAHL", ("quantity",)),
        ("Währung", ("currency",)),
        ("Waehrung", ("currency",)),
        ("Versanddatum", ("shipping", "date")),
        ("Data fattura", ("date", "invoice")),
        ("Lineitem quantity", meant("Quantity")),  # of the line, beside columns of the order
        ("Line item number", ("line", "item", "number")),
        ("Art.-Nr.", ("item", "number")),
        ("ArtCode", ("item", "code")),
        ("Art der Bewegung", ("type", "bewegung")),
        ("MwSt", ("tax",)),
        ("MwSt-Betrag", ("tax", "amount")),
        ("Versandt", meant("Shipped")),
        ("Zahlweise", ("zahlweise",)),  # only whole compounds are taken apart
    ],
)
def test_what_a_name_means(name: str, meaning: tuple[str, ...]) -> None:
    assert meant(name) == meaning


def test_codes_of_partners() -> None:
    assert codes.stock_status("Verfügbar") == "AVAILABLE"
    assert codes.stock_status("On hold") == "QC_HOLD"
    assert codes.stock_status("Gesamt") == ""
    assert codes.ours("bank_line", "direction", "S") == "DBIT"
    assert codes.ours("bank_line", "direction", "crdt") == "CRDT"
    assert codes.ours("bank_line", "remittance", "S") == ""
