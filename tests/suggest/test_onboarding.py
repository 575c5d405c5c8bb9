"""A partner's first files: from `gateway suggest` to accepted in three commands and eight edited lines at most."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from gateway import cli, suggest
from gateway.suggest.draft import Line
from tests.cli.command import Runner

ORDERS = """Bestellnummer;Pos.;Bestelldatum;Artikelnummer;Bezeichnung;Menge;Einzelpreis;Gesamtbetrag;Währung
NM-1001;1;18.11.2026;MUG-BLUE;Tasse, blau;12;4,50;54,00;EUR
NM-1001;2;18.11.2026;LAMP-01;Schreibtischlampe für Büros;2;1.034,50;2.069,00;EUR
NM-1002;1;19.11.2026;MUG-BLUE;Tasse, blau;6;4,50;27,00;EUR
Summe;;;;;20;;2.150,00;
"""
STOCK = (
    ["Packhaus GmbH"],
    ["Lagerbestand"],
    ["Stand: 20.11.2026 18:00"],
    ["Artikel", "Bezeichnung", "Lagerort", "Stichtag", "Verfügbar", "Reserviert", "Gesperrt", "Gesamt"],
    ["MUG-BLUE", "Tasse", "PH-1", "20.11.2026", 100, 5, 1, 106],
    ["LAMP-01", "Lampe", "PH-1", "20.11.2026", 40, 2, 0, 42],
    ["M-SHELF", "Regal", "PH-1", "20.11.2026", None, None, "-", 0],
    ["Summe", "", "", "", 140, 7, 1, 148],
    ["Gedruckt von Lagermeister 7.2"],
)
SHIPMENTS = """Lieferschein,Auftrag,Artikel,Stueckzahl,Versanddatum,Versanddienstleister,Sendungsnummer,Lager
LS-1,NM-1001,MUG-BLUE,12,2026-11-21,DHL,JJD0001,PH-1
LS-1,NM-1001,LAMP-01,2,2026-11-21,DHL,JJD0001,PH-1
LS-2,NM-1002,MUG-BLUE,6,2026-11-22,DHL,JJD0002,PH-1
"""
BANK = """IBAN;Buchungstag;Wertstellung;Empfänger/Auftraggeber;Verwendungszweck;Soll;Haben;Saldo;Währung
DE89370400440532013000;18.11.2026;18.11.2026;Marktplatz AG;Auszahlung 4711;;1.250,00;6.250,00;EUR
DE89370400440532013000;19.11.2026;19.11.2026;Packhaus GmbH;Rechnung 88;350,00;;5.900,00;EUR
DE89370400440532013000;20.11.2026;20.11.2026;Bank;Kontoführung;9,90;;5.890,10;EUR
"""


@pytest.fixture
def run(bare_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    return Runner(bare_home, monkeypatch, capsys)


@pytest.fixture
def drafted(run: Runner, tmp_path: Path) -> Callable[..., Path]:
    """Writes a file, drafts its mapping with `--write`, and makes the edits that are left to a person."""

    def write(partner: str, name: str, content: bytes, feed: str, *edits: tuple[str, str]) -> Path:
        file = tmp_path / name
        file.write_bytes(content)
        done = run("suggest", str(file), "--partner", partner, "--write")
        path = run.home / "mappings" / partner / f"{feed}.toml"
        assert f"Written: {path}" in done.out and f"[partners.{partner}]" in done.out
        assert done.code == (cli.PERSON if edits else cli.DONE)
        assert len(edits) <= 6  # and the two lines of config.toml
        text = path.read_text(encoding="utf-8")
        for old, new in edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return file

    return write


def tried(run: Runner, mapping: str, file: Path) -> tuple[dict[str, int], dict[str, list[dict[str, str]]]]:
    found = json.loads(run("try", mapping, str(file), "--json").out)
    assert found["faults"] == [] and not found["held"]
    return found["counts"], found["records"]


def test_orders_with_a_total_row(run: Runner, drafted: Callable[..., Path]) -> None:
    edit = ('# TODO channel = { constant = "…" }', 'channel = { constant = "amazon-de" }')
    file = drafted("northmart", "Bestellungen_2026-11-20.csv", ORDERS.encode("cp1252"), "orders", edit)
    counts, records = tried(run, "northmart/orders", file)
    assert (counts["received"], counts["accepted"], counts["ignored"]) == (4, 3, 1)
    names = ("order_id", "line_no", "sku", "qty", "list_amount")
    assert [tuple(row[name] for name in names) for row in records["order_line"]] == [
        ("NM-1001", "1", "MUG-BLUE", "12.0000", "54.0000"),
        ("NM-1001", "2", "LAMP-01", "2.0000", "2069.0000"),
        ("NM-1002", "1", "MUG-BLUE", "6.0000", "27.0000"),
    ]
    # A row that was lost on the way no longer makes the total: the file is held.
    file.write_bytes(
        "".join(ORDERS.splitlines(keepends=True)[:3] + ORDERS.splitlines(keepends=True)[4:]).encode("cp1252")
    )
    found = json.loads(run("try", "northmart/orders", str(file), "--json").out)
    assert found["held"] and "total row" in found["faults"][0]["message"]


def test_a_column_for_each_status_below_three_titles(run: Runner, drafted: Callable[..., Path], tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(str(tmp_path / "made.xlsx"))
    sheet = book.add_worksheet("Bestand")
    for number, row in enumerate(STOCK):
        sheet.write_row(number, 0, row)
    book.close()
    file = drafted("packhaus", "Bestand 2026-11-20.xlsx", (tmp_path / "made.xlsx").read_bytes(), "stock")
    counts, records = tried(run, "packhaus/stock", file)
    # Six cells with units; the "-" of the shelf, three totals and the footer are left out under their names.
    assert (counts["received"], counts["accepted"], counts["ignored"]) == (11, 6, 5)
    text = (run.home / "mappings" / "packhaus" / "stock.toml").read_text()
    assert text.count("[[record]]") == 1 and 'by = ["status"]' in text
    stock = {(row["sku"], row["status"]): row["qty"] for row in records["inventory_snapshot"]}
    assert stock == {
        ("MUG-BLUE", "AVAILABLE"): "100.0000",
        ("MUG-BLUE", "RESERVED"): "5.0000",
        ("MUG-BLUE", "QC_HOLD"): "1.0000",
        ("LAMP-01", "AVAILABLE"): "40.0000",
        ("LAMP-01", "RESERVED"): "2.0000",
        ("LAMP-01", "QC_HOLD"): "0.0000",
    }


def test_tax_is_taken_out_of_an_amount_whose_name_says_gross(run: Runner, drafted: Callable[..., Path]) -> None:
    """2 × 10.00 and 19 % are 23.80: the books add the tax to `list_amount`, so it must not be in it already."""
    sold = (
        "Bestellnummer;Pos;Bestelldatum;Artikel;Menge;Bruttobetrag;MwSt;Währung\n"
        "A-1;1;18.11.2026;MUG-BLUE;2;23,80;3,80;EUR\nA-2;1;19.11.2026;MUG-BLUE;1;11,90;1,90;EUR\n"
        "Summe;;;;3;35,70;5,70;\n"
    )
    edit = ('# TODO channel = { constant = "…" }', 'channel = { constant = "amazon-de" }')
    file = drafted("northmart", "Verkauf 1.csv", sold.encode("cp1252"), "orders", edit)
    counts, records = tried(run, "northmart/orders", file)
    assert counts["accepted"] == 2
    amounts = [(row["list_amount"], row["tax_amount"]) for row in records["order_line"]]
    assert amounts == [("20.0000", "3.8000"), ("10.0000", "1.9000")]
    file.write_bytes(sold.replace("35,70", "36,70").encode("cp1252"))
    assert json.loads(run("try", "northmart/orders", str(file), "--json").out)["held"]


@pytest.fixture
def dated(tmp_path: Path) -> Callable[..., Path]:
    """Writes a count whose day stands in a title alone, and whose total row fills every column of numbers."""

    def write(name: str, *titles: str, available: int = 3, total: int = 7) -> Path:
        rows = [*([title] for title in titles), ["Art.-Nr.", "Text", "Verfügbar", "Gesperrt", "Gesamt"]]
        rows += [["A-1", "Becher", available, 1, available + 1], ["B-2", "Lampe", 4, 0, 4], ["Summe", "", total, 1, 8]]
        with xlsxwriter.Workbook(str(tmp_path / name)) as book:
            sheet = book.add_worksheet("Bestand")
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
        return tmp_path / name

    return write


def test_the_day_of_a_count_is_read_from_a_title_above_the_header(run: Runner, dated: Callable[..., Path]) -> None:
    file = dated("Bestand 1.xlsx", "Packhaus GmbH", "Bestand", "Stand: 05.11.2026 06:00 Uhr")
    said = run("suggest", str(file), "--partner", "packhaus", "--write")
    assert said.code == cli.DONE and "[partners.packhaus], with its entity" in said.out
    assert "config.toml" in json.loads(run("try", "packhaus/stock", str(file), "--json").out)["faults"][0]["hint"]
    with (run.home / "config.toml").open("a") as settings:
        settings.write('\n[partners.packhaus]\nentity = "US"\nlocation = "PH"\n')
    later = dated("Bestand 2.xlsx", "Packhaus GmbH", "Bestand", "Stand: 06.12.2026 18:30 Uhr", available=2, total=6)
    for one, units, moment in ((file, "3", "2026-11-05T06:00"), (later, "2", "2026-12-06T18:30")):
        counts, records = tried(run, "packhaus/stock", one)
        first = records["inventory_snapshot"][0]
        assert (counts["accepted"], counts["ignored"], counts["rejected"]) == (4, 2, 0)
        assert (first["sku"], first["qty"], first["as_of"][:16]) == ("A-1", f"{units}.0000", moment)


@pytest.mark.parametrize(
    "titles",
    [
        ("Erstellt: 05.11.2026", "Gedruckt: 06.11.2026"),  # which of them?
        ("06.11.2026",),  # no word to know it by
        ("KW 45 05.11.2026",),  # words that differ from file to file
    ],
)
def test_a_title_that_says_no_day_for_sure_leaves_it_to_a_person(
    dated: Callable[..., Path], titles: tuple[str, ...]
) -> None:
    [draft] = suggest.drafts([dated("Bestand.xlsx", *titles)], {}, "packhaus")
    assert draft.todo == ["inventory_snapshot.as_of"] and "above/" not in draft.records[0].fields[0].value


def test_a_total_row_in_each_of_two_samples_is_compared_in_each(tmp_path: Path) -> None:
    one, two = tmp_path / "old 2026-11-20.csv", tmp_path / "new.csv"
    one.write_bytes(ORDERS.encode("cp1252"))
    two.write_bytes(ORDERS.replace("NM-1", "NM-2").encode("cp1252"))
    file = {line.key: line.value for line in suggest.drafts([one, two], {}, "northmart")[0].file}
    assert file["match"] == '["old *.csv", "new.csv"]' and "total row, Menge" in file["tie_out"]
    two.write_bytes(ORDERS.replace("Summe;;;;;20", "Summe;;;;;19").encode("cp1252"))
    file = {line.key: line.value for line in suggest.drafts([one, two], {}, "northmart")[0].file}
    assert "total row, Menge" not in file["tie_out"] and "total row, Gesamtbetrag" in file["tie_out"]


def test_one_thing_to_write_is_one_fault_also_where_it_is_in_the_key(run: Runner, tmp_path: Path) -> None:
    """No column states where the stock lies, and which day it is: both are in the key."""
    file = tmp_path / "bestand.csv"
    file.write_text("Artikel;Menge\nMUG-BLUE;3\nLAMP-01;4\n")
    run("suggest", str(file), "--partner", "packhaus", "--table", "inventory_snapshot", "--write")
    text = (run.home / "mappings" / "packhaus" / "stock.toml").read_text()
    assert text.count("# TODO as_of") == text.count("# TODO location") == 1 and '"as_of"' in text.split("key")[1]
    said = run("check", "packhaus/stock")
    assert (said.out + said.err).count("as_of") == 2  # the field, and how to add it


def test_shipments_move_the_stock(run: Runner, drafted: Callable[..., Path]) -> None:
    file = drafted("packhaus", "versand.csv", SHIPMENTS.encode(), "shipments")
    counts, records = tried(run, "packhaus/shipments", file)
    assert counts["accepted"] == 3 and [row["shipped_qty"] for row in records["shipment_line"]] == [
        "12.0000",
        "2.0000",
        "6.0000",
    ]
    moves = [
        (row["document_no"], row["from_location"], row["to_status"], row["qty"])
        for row in records["inventory_movement"]
    ]
    assert moves == [
        ("LS-1", "PH-1", "CUSTOMER", "12.0000"),
        ("LS-1", "PH-1", "CUSTOMER", "2.0000"),
        ("LS-2", "PH-1", "CUSTOMER", "6.0000"),
    ]


def test_a_bank_with_two_columns_and_a_running_balance(run: Runner, drafted: Callable[..., Path]) -> None:
    file = drafted("hausbank", "Umsaetze.csv", BANK.encode("cp1252"), "bank-statement")
    counts, records = tried(run, "hausbank/bank-statement", file)
    assert counts["accepted"] == 3
    assert [(row["amount"], row["direction"], row["counterparty"]) for row in records["bank_line"]] == [
        ("1250.0000", "CRDT", "Marktplatz AG"),
        ("-350.0000", "DBIT", "Packhaus GmbH"),
        ("-9.9000", "DBIT", "Bank"),
    ]
    file.write_bytes(BANK.replace("350,00", "530,00").encode("cp1252"))
    found = json.loads(run("try", "hausbank/bank-statement", str(file), "--json").out)
    assert found["held"] and "running balance" in found["faults"][0]["message"]


ORDERS_OF_A_SHOP = """Name,Currency,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Notes
#1001,EUR,58.90,2026-11-18 10:15:20 +0100,2,Mug,18.00,MUG-BLUE,"Please ring
twice"
#1001,,,2026-11-18 10:15:20 +0100,1,Lamp,17.50,LAMP-01,
#1002,EUR,22.90,2026-11-19 08:59:58 +0100,1,Mug,18.00,MUG-BLUE,
"""
ACCOUNT_ABOVE = """Relevé de compte;;;
Compte;FR76 3000 6000 0112 3456 7890 189;;
Date opération;Libellé;Débit;Crédit
02/11/2026;VIR SEPA MARKETPLACE;;1 250,45
13/11/2026;CB PAPETERIE;-1 012,30;
"""


def lines_of(tmp_path: Path, text: str) -> dict[str, Line]:
    file = tmp_path / "data.csv"
    file.write_bytes(text.encode("cp1252"))
    [draft] = suggest.drafts([file], {}, "somebody")
    return {line.key: line for line in [*draft.file, *draft.records[0].fields]}


def test_an_amount_that_only_the_first_line_of_an_order_has_is_not_that_of_the_line(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, ORDERS_OF_A_SHOP)
    assert (lines["sku"].value, lines["qty"].value) == ('"Lineitem sku"', '"Lineitem quantity"')
    assert "Lineitem price" in lines["_price"].value and "qty * _price" in lines["list_amount"].value
    assert (lines["order_id"].todo, lines["order_id"].value) == (True, '"…"')  # a column, never one for all rows


def test_what_a_label_above_the_header_says_of_all_rows_is_read_from_there(tmp_path: Path) -> None:
    alone = lines_of(tmp_path, ACCOUNT_ABOVE.replace("Compte;", ""))
    assert alone["account"].todo and "FR7630006000011234567890189" in alone["account"].value
    assert "line 2, above the header" in alone["account"].why
    lines = lines_of(tmp_path, ACCOUNT_ABOVE)
    assert not lines["account"].todo and '\\"above/Compte\\"' in lines["account"].value
    printed, day = "Gedruckt;06.11.2026;;\n", "Bestand per 05.11.2026;;;\n"
    count = f"Lager;PH-2;;\n{printed}{day}Art.-Nr.;Verfügbar;Gesperrt;Text\nA-1;3;1;x\n"
    stock = {name: line.value for name, line in lines_of(tmp_path, count).items()}
    assert stock["location"] == '"above/Lager"' and "as_of" in stock and "above/" not in stock["as_of"]
    stock = {name: line.value for name, line in lines_of(tmp_path, count.replace(printed, "")).items()}
    assert stock["as_of"] == '{ from = "above/Bestand per *", formats = ["%d.%m.%Y"] }'
    # What went out has its minus already: it is added, not taken off.
    assert lines["amount"].value == '{ expr = "coalesce(_paid_in, 0) + coalesce(_paid_out, 0)" }'
    assert lines["amount"].certainty == "likely" and '"Débit"' in lines["_paid_out"].value
    assert (lines["encoding"].value, lines["encoding"].why) == ('"cp1252"', "the bytes of its letters")


def test_a_draft_never_overwrites_and_says_what_is_missing(
    run: Runner, drafted: Callable[..., Path], tmp_path: Path
) -> None:
    file = drafted("hausbank", "Umsaetze.csv", BANK.encode("cp1252"), "bank-statement")
    path = run.home / "mappings" / "hausbank" / "bank-statement.toml"
    before = path.read_text()
    again = run("suggest", str(file), "--partner", "hausbank", "--write")
    assert again.code == cli.USAGE and "the file exists" in again.err and path.read_text() == before
    nobody = run("suggest", str(file), "--write")
    assert nobody.code == cli.USAGE and "--partner NAME" in nobody.err
    shown = run("suggest", str(file))
    assert shown.out.startswith("# A draft by `gateway suggest`.") and "Nothing is written" in shown.err
    unknown = run("suggest", str(file), "--table", "bank_lines")
    assert unknown.code == cli.USAGE and 'did you mean "bank_line"?' in unknown.err
    other = tmp_path / "other.csv"
    other.write_text("id,colour\n1,red\n2,blue\n")
    refused = run("suggest", str(other))
    assert refused.code == cli.USAGE and "its columns fit no table: id, colour" in refused.err
    plain = tmp_path / "note.txt"
    plain.write_text("nothing to see\n")
    assert "no table of two columns" in run("suggest", str(plain)).err
