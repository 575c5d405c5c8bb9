"""Where the header of a table stands, and which rows are totals."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import Limits
from gateway.suggest.header_rows import header_row
from gateway.suggest.look import joined, look, total_row


def test_the_header_is_the_first_wide_row_of_names() -> None:
    rows = [["Packhaus GmbH", "", ""], ["Stand:", "20.11.2026", ""], ["Artikel", "Lager", "Menge"], ["A-1", "PH", "3"]]
    assert header_row(rows) == 2
    assert header_row([["4711", "3", "9.90"], ["4712", "1", "2.50"]]) is None


@pytest.mark.parametrize(
    ("above", "header", "data"),
    [
        ("Packhaus GmbH;Bestandsliste", "Artikel;Lager;Menge", "A-1;PH;3\nB-2;PH;5"),
        ("Packhaus GmbH;Bestandsliste;Nord", "Artikel;Lager;Menge", "A-1;PH;3"),
        ("Lager;PH-2", "Artikel;Menge", "A-1;3\nB-2;5"),
        ("Lager;PH-2\nStand;05.11.2026\nKontakt;Anna Muster", "Artikel;Menge", "A-1;3\nB-2;5"),
        ("Stand;05.11.2026\nLager;PH-2", "Artikel;Menge", "A-1;3\nB-2;5"),
        ("Kunde;4711\nLager;PH-2", "Artikel;Menge", "A-1;3\nB-2;5"),
        ("Stand;05.11.2026\nKunde;4711", "Artikel;Menge", "A-1;3\nB-2;5"),
        ("Raktár;PH-2\nFelelős;Kovács", "Cikk;Mennyiség", "A-1;3\nB-2;5"),  # words that nobody knows
        ("Report;Stock by site;Weekly", "Site;Part;Counted", "N;A-1;3\nS;A-1;4"),
        ("Lager;PH-2\nKunde;4711", "Artikel;Menge", "A-1;3\nB-2;5"),
        ("Shop;Mug Ltd\nPeriod;01.11.2026", "Order;Item;Date;Units", "1;A;02.11.2026;3\n2;B;03.11.2026;4"),
        ("", "Artikel;Text;Menge", "Lampe;rot;ausverkauft\nTasse;blau;3\nTopf;grau;5"),
        ("", "Cikk;Szín", "Lámpa;piros\nBögre;kék"),
        ("", "Cikk;Mennyiség", "A-1;3\nTeil;Menge offen\nB-2;5"),  # a text among numbers
        ("", "Artikel;Menge", "A-1;3\nArtikel;Menge\nB-2;5"),  # printed on each page
        ("", "Name;;Menge", "Lampe;x;3\nTasse;y;5"),
    ],
)
def test_titles_and_pairs_of_label_and_value_are_no_header(above: str, header: str, data: str) -> None:
    lines = [*filter(None, above.split("\n")), header, *data.split("\n")]
    rows = [line.split(";") for line in lines]
    assert header_row(rows) == lines.index(header)


def test_rows_of_totals() -> None:
    columns = ("Artikel", "Menge", "Preis")
    assert total_row(columns, ["Summe", "20", ""]) == ("Artikel", "Summe", ["Summe", "20", ""])
    assert total_row(columns, ["Total control set", "20", "9.90"]) is None  # an item: the row is full
    assert total_row(columns, ["Summe", "20", "9.90"]) == ("Artikel", "Summe", ["Summe", "20", "9.90"])
    assert total_row(("Artikel", "Text", "Menge"), ["Summe", "Lampe", "20"]) is None
    assert total_row(columns, ["A-1", "20", ""]) is None


def test_a_table_and_a_second_sample_of_it(tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one.csv", "two.csv", "other.csv"))
    one.write_bytes("Artikel;Menge\nBüro-1;1.200\nTotal;1.200\n".encode("cp1252"))
    two.write_bytes(b"Artikel;Menge\nB-2;0,5\n")
    other.write_bytes(b"Konto;Betrag\n1;2\n")
    seen = look(one, Limits())
    assert seen is not None
    assert (seen.format, dict(seen.options)) == ("delimited", {"delimiter": "semicolon", "encoding": "cp1252"})
    assert (seen.columns, seen.cells, seen.line) == (("Artikel", "Menge"), [["Büro-1", "1.200"]], 1)
    assert [total[:2] for total in seen.totals] == [("Artikel", "Total")]
    assert seen.shapes["Menge"].decimal == "both"
    whole = joined([seen, *(found for path in (two, other) if (found := look(path, Limits())))])
    assert whole.values("Menge") == ["1.200", "0,5"] and whole.shapes["Menge"].decimal == "comma"
    assert whole.notes == ["other.csv has other columns than one.csv: it was left out. Draft it by itself."]
