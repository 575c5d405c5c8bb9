"""Files of unknown layout, as partners send them, with the columns that a person would map."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """A file, its table, and field → column (or columns) as a person would map them."""

    name: str
    content: str
    table: str
    truth: dict[str, str]
    encoding: str = "utf-8"


LAYOUTS = (
    Layout(
        "inv_en.csv",
        """Warehouse,SKU,Item Description,UOM,On Hand Qty,Snapshot Date
RENO,MUG-BLUE,Stoneware mug,EA,240,2026-11-20
RENO,LAMP-01,Desk lamp,EA,52,2026-11-20
LEXINGTON,MUG-BLUE,Stoneware mug,EA,18,2026-11-20
""",
        "inventory_snapshot",
        {"location": "Warehouse", "sku": "SKU", "qty": "On Hand Qty", "as_of": "Snapshot Date"},
    ),
    Layout(
        "cmd_fr.csv",
        """N° commande;Ligne;Date commande;Référence article;Désignation;Quantité;Prix unitaire HT;\
Montant HT;Devise;Code postal;Ville;Pays
FR-001;1;21/11/2026;MUG-BLUE;Tasse bleue;3;4,50;13,50;EUR;75001;Paris;FR
FR-001;2;21/11/2026;LAMP-01;Lampe;1;34,90;34,90;EUR;75001;Paris;FR
FR-002;1;22/11/2026;MUG-BLUE;Tasse bleue;2;4,50;9,00;EUR;69002;Lyon;FR
""",
        "order_line",
        {
            "order_id": "N° commande",
            "line_no": "Ligne",
            "ordered_at": "Date commande",
            "sku": "Référence article",
            "qty": "Quantité",
            "list_amount": "Montant HT",
            "currency": "Devise",
            "ship_to_city": "Ville",
            "ship_to_country": "Pays",
            "ship_to_postcode": "Code postal",
        },
        encoding="cp1252",
    ),
    Layout(
        "dev_es.csv",
        """Número RMA;Nº pedido;Fecha devolución;Artículo;Cantidad;Motivo;Estado del artículo;Almacén
R-1;ES-100;18/11/2026;MUG-BLUE;1;Defectuoso;Dañado;MAD-1
R-2;ES-104;25/11/2026;LAMP-01;2;No deseado;Bueno;MAD-1
""",
        "return_event",
        {
            "rma": "Número RMA",
            "order_id": "Nº pedido",
            "occurred_at": "Fecha devolución",
            "sku": "Artículo",
            "qty": "Cantidad",
            "source_reason": "Motivo",
            "condition": "Estado del artículo",
            "location": "Almacén",
        },
        encoding="cp1252",
    ),
    Layout(
        "bank_uk.csv",
        """Date,Type,Description,Paid out,Paid in,Balance
18/11/2026,DD,ACME RENT,850.00,,4150.00
19/11/2026,BAC,MARKETPLACE LTD,,1200.50,5350.50
20/11/2026,POS,CAFE,4.75,,5345.75
""",
        "bank_line",
        {"booking_date": "Date", "remittance": "Description", "amount": "Paid in|Paid out"},
    ),
    Layout(
        "bank_nl.csv",
        """Datum;Naam / Omschrijving;Rekening;Tegenrekening;Code;Af Bij;Bedrag (EUR);Mededelingen
20261118;Marktplaats BV;NL91ABNA0417164300;NL20INGB0001234567;OV;Bij;1250,00;Uitbetaling 4711
20261119;Verhuurder;NL91ABNA0417164300;NL02ABNA0123456789;GT;Af;350,00;Huur
20261120;Bank;NL91ABNA0417164300;;DV;Af;9,90;Kosten
""",
        "bank_line",
        {
            "booking_date": "Datum",
            "account": "Rekening",
            "amount": "Bedrag (EUR)",
            "remittance": "Mededelingen",
            "counterparty": "Naam / Omschrijving",
        },
    ),
    Layout(
        "rcpt.csv",
        """Receipt #|PO Number|PO Line|Item Number|Received Date|Qty Received|Qty Damaged|Lot Number|Facility
RC-1|4500017|10|MUG-BLUE|11/18/2026|100|2|L-77|RENO
RC-1|4500017|20|LAMP-01|11/18/2026|15|0|L-78|RENO
""",
        "receipt_line",
        {
            "receipt_no": "Receipt #",
            "po": "PO Number",
            "line_no": "PO Line",
            "sku": "Item Number",
            "received_at": "Received Date",
            "accepted_qty": "Qty Received",
            "damaged_qty": "Qty Damaged",
            "lot": "Lot Number",
            "location": "Facility",
        },
    ),
    Layout(
        "ship_it.csv",
        """Numero DDT;Ordine;Codice articolo;Quantità spedita;Data spedizione;Corriere;Numero tracking;Magazzino
D-1;IT-9;MUG-BLUE;3;18/11/2026;GLS;IT123;MI-1
D-2;IT-10;LAMP-01;1;19/11/2026;GLS;IT124;MI-1
""",
        "shipment_line",
        {
            "shipment_no": "Numero DDT",
            "order_id": "Ordine",
            "sku": "Codice articolo",
            "shipped_qty": "Quantità spedita",
            "shipped_at": "Data spedizione",
            "carrier": "Corriere",
            "tracking_no": "Numero tracking",
            "location": "Magazzino",
        },
        encoding="cp1252",
    ),
    Layout(
        "items_de.csv",
        """Artikelnr.;EAN;Bezeichnung;Warengruppe;Gewicht kg;Einstandspreis;Lieferant;Zolltarifnummer;Ursprungsland
MUG-BLUE;4006381333931;Tasse blau;Küche;0,41;4,13;Pottery Works;69120023;PT
LAMP-01;4012345678901;Lampe;Wohnen;1,20;18,90;Licht AG;94052190;DE
CARD-1;4000000000006;Karte;Papier;0,01;0,05;Druck KG;49090000;DE
""",
        "item",
        {
            "sku": "Artikelnr.",
            "gtin": "EAN",
            "name": "Bezeichnung",
            "category": "Warengruppe",
            "weight": "Gewicht kg",
            "std_unit_cost": "Einstandspreis",
            "supplier": "Lieferant",
            "hs_code": "Zolltarifnummer",
            "origin": "Ursprungsland",
        },
        encoding="cp1252",
    ),
    Layout(
        "po_en.csv",
        """PO Number,PO Line,Vendor,Vendor Item,Our SKU,Order Qty,Unit Cost,Currency,Order Date,Due Date,Ship To
4500017,10,SUP-1,V-100,MUG-BLUE,100,4.10,EUR,2026-11-01,2026-12-01,RENO
4500017,20,SUP-1,V-101,LAMP-01,15,18.20,EUR,2026-11-01,2026-12-08,RENO
""",
        "purchase_order_line",
        {
            "po": "PO Number",
            "line_no": "PO Line",
            "supplier": "Vendor",
            "supplier_item": "Vendor Item",
            "sku": "Our SKU",
            "qty": "Order Qty",
            "unit_cost": "Unit Cost",
            "currency": "Currency",
            "stated_at": "Order Date",
            "due": "Due Date",
            "location": "Ship To",
        },
    ),
    Layout(
        "settle_en.csv",
        """Payout ID,Transaction Date,Transaction Type,Order ID,SKU,Quantity,Amount,Currency,Description
P-77,2026-11-18 10:00:00,Sale,M-1,MUG-BLUE,2,39.98,USD,Product charges
P-77,2026-11-18 10:00:00,Fee,M-1,MUG-BLUE,,-6.00,USD,Commission
P-77,2026-11-19 11:00:00,Refund,M-2,LAMP-01,1,-34.99,USD,Product charges
""",
        "settlement_line",
        {
            "settlement_id": "Payout ID",
            "posted_at": "Transaction Date",
            "txn_type": "Transaction Type",
            "order_id": "Order ID",
            "sku": "SKU",
            "qty": "Quantity",
            "amount": "Amount",
            "currency": "Currency",
            "amount_description": "Description",
        },
    ),
    Layout(
        "ord.json",
        '[{"order_number": "W-1", "created_at": "2026-11-20T10:00:00Z", "currency": "EUR", "shipping_address"'
        ': {"city": "Ulm", "country": "DE", "zip": "89073"}, "line_items": [{"line_number": 1, "sku": "MUG-BL'
        'UE", "qty": 2, "line_total": "9.00", "tax": "1.44"}, {"line_number": 2, "sku": "LAMP-01", "qty": 1, '
        '"line_total": "34.90", "tax": "5.57"}]}, {"order_number": "W-2", "created_at": "2026-11-21T10:00:00Z'
        '", "currency": "EUR", "shipping_address": {"city": "Bonn", "country": "DE", "zip": "53111"}, "line_i'
        'tems": [{"line_number": 1, "sku": "MUG-BLUE", "qty": 1, "line_total": "4.50", "tax": "0.72"}]}]',
        "order_line",
        {
            "order_id": "../order_number",
            "ordered_at": "../created_at",
            "currency": "../currency",
            "ship_to_city": "../shipping_address/city",
            "ship_to_country": "../shipping_address/country",
            "ship_to_postcode": "../shipping_address/zip",
            "line_no": "line_number",
            "sku": "sku",
            "qty": "qty",
            "list_amount": "line_total",
            "tax_amount": "tax",
        },
    ),
    Layout(
        "stock.xml",
        '<Bestand stichtag="2026-11-20" lager="PH-1"><Artikel><Nummer>MUG-BLUE</Nummer><Bezeichnung>Tasse</Be'
        "zeichnung><Menge>12</Menge><Zustand>frei</Zustand></Artikel><Artikel><Nummer>LAMP-01</Nummer><Bezeic"
        "hnung>Lampe</Bezeichnung><Menge>3</Menge><Zustand>gesperrt</Zustand></Artikel></Bestand>",
        "inventory_snapshot",
        {"as_of": "../@stichtag", "location": "../@lager", "sku": "Nummer", "qty": "Menge", "status": "Zustand"},
    ),
    Layout(
        "wms.csv",
        """Site;Part No;Batch;Qty Available;Qty Hold;Qty Damaged;As Of
DAL;MUG-BLUE;B1;100;3;1;2026-11-20 23:59
DAL;LAMP-01;B2;50;0;0;2026-11-20 23:59
""",
        "inventory_snapshot",
        {"location": "Site", "sku": "Part No", "as_of": "As Of"},
    ),
    Layout(
        "b2b.csv",
        """SalesOrder,LineNo,CustomerPO,ItemCode,OrderedQty,UnitPrice,ExtPrice,Curr,RequestedShipDate,OrderDate,ShipToCity,ShipToZip,ShipToCountry
SO-1,1,PO9,MUG-BLUE,12,4.50,54.00,USD,11/25/2026,11/18/2026,Reno,89501,US
SO-1,2,PO9,LAMP-01,2,34.90,69.80,USD,11/25/2026,11/18/2026,Reno,89501,US
SO-2,1,PO10,MUG-BLUE,6,4.50,27.00,USD,11/26/2026,11/19/2026,Austin,73301,US
""",
        "order_line",
        {
            "order_id": "SalesOrder",
            "line_no": "LineNo",
            "sku": "ItemCode",
            "qty": "OrderedQty",
            "list_amount": "ExtPrice",
            "currency": "Curr",
            "promise_at": "RequestedShipDate",
            "ordered_at": "OrderDate",
            "ship_to_city": "ShipToCity",
            "ship_to_postcode": "ShipToZip",
            "ship_to_country": "ShipToCountry",
        },
    ),
    Layout(
        "asn.csv",
        """ASN No,PO No,PO Line No,SKU,Shipped Qty,Ship Date,ETA,Carrier,Tracking No,Supplier,Lot No
A-1,4500017,10,MUG-BLUE,100,2026-11-18,2026-11-25,DHL,T1,SUP-1,L1
A-1,4500017,20,LAMP-01,15,2026-11-18,2026-11-25,DHL,T1,SUP-1,L2
""",
        "asn_line",
        {
            "asn": "ASN No",
            "po": "PO No",
            "line_no": "PO Line No",
            "sku": "SKU",
            "qty": "Shipped Qty",
            "shipped_at": "Ship Date",
            "eta": "ETA",
            "carrier": "Carrier",
            "tracking_no": "Tracking No",
            "supplier": "Supplier",
            "lot": "Lot No",
        },
    ),
    Layout(
        "ret_de.csv",
        """Retourennummer;Auftragsnummer;Artikel-Nr.;Anzahl;Retourengrund;Eingangsdatum;Zustand;Erstattungsbetrag;Währung;Lagerort
R-1;DE-1;MUG-BLUE;1;Defekt;18.11.2026;beschädigt;4,50;EUR;PH-1
R-2;DE-2;LAMP-01;2;Gefällt nicht;25.11.2026;neu;69,80;EUR;PH-1
""",
        "return_event",
        {
            "rma": "Retourennummer",
            "order_id": "Auftragsnummer",
            "sku": "Artikel-Nr.",
            "qty": "Anzahl",
            "source_reason": "Retourengrund",
            "occurred_at": "Eingangsdatum",
            "condition": "Zustand",
            "principal_amount": "Erstattungsbetrag",
            "currency": "Währung",
            "location": "Lagerort",
        },
    ),
    Layout(
        "bank_us.csv",
        """Account Number,Post Date,Check,Description,Debit,Credit,Status,Balance
12345678,11/18/2026,,ACH MARKETPLACE,,1200.50,Posted,6200.50
12345678,11/19/2026,1001,RENT,850.00,,Posted,5350.50
12345678,11/20/2026,,FEE,4.75,,Posted,5345.75
""",
        "bank_line",
        {
            "account": "Account Number",
            "booking_date": "Post Date",
            "remittance": "Description",
            "amount": "Debit|Credit",
            "status": "Status",
        },
    ),
    Layout(
        "ship_fr.csv",
        """Numéro expédition;Commande;SKU;Qté expédiée;Date expédition;Transporteur;N° suivi;Entrepôt;Lot
E-1;FR-1;MUG-BLUE;3;2026-11-18;Chronopost;XX1;PAR-1;L1
E-2;FR-2;LAMP-01;1;2026-11-19;Chronopost;XX2;PAR-1;L2
""",
        "shipment_line",
        {
            "shipment_no": "Numéro expédition",
            "order_id": "Commande",
            "sku": "SKU",
            "shipped_qty": "Qté expédiée",
            "shipped_at": "Date expédition",
            "carrier": "Transporteur",
            "tracking_no": "N° suivi",
            "location": "Entrepôt",
            "lot": "Lot",
        },
        encoding="cp1252",
    ),
    Layout(
        "payouts.csv",
        """Settlement Ref,Sale Date,Entry Type,Order Ref,Product SKU,Units,Net Amount,Ccy,Details
S-1,18.11.2026,Sale,X-1,MUG-BLUE,1,19.99,EUR,Item price
S-1,18.11.2026,Commission,X-1,MUG-BLUE,,-3.00,EUR,Selling fee
S-1,19.11.2026,Refund,X-2,LAMP-01,1,-34.99,EUR,Item price
""",
        "settlement_line",
        {
            "settlement_id": "Settlement Ref",
            "posted_at": "Sale Date",
            "txn_type": "Entry Type",
            "order_id": "Order Ref",
            "sku": "Product SKU",
            "qty": "Units",
            "amount": "Net Amount",
            "currency": "Ccy",
            "amount_description": "Details",
        },
    ),
    Layout(
        "move.csv",
        """Movement Date;Item;Quantity;From Location;From Status;To Location;To Status;Movement Type;Reason;Document No
2026-11-18;MUG-BLUE;3;DC1;AVAILABLE;DC1;DAMAGED;STATUS;broken;M-1
2026-11-19;LAMP-01;1;DC1;AVAILABLE;DC2;AVAILABLE;TRANSFER;;M-2
""",
        "inventory_movement",
        {
            "occurred_at": "Movement Date",
            "sku": "Item",
            "qty": "Quantity",
            "from_location": "From Location",
            "from_status": "From Status",
            "to_location": "To Location",
            "to_status": "To Status",
            "type": "Movement Type",
            "source_reason": "Reason",
            "document_no": "Document No",
        },
    ),
    Layout(
        "o.xml",
        '<export><order id="W1" date="2026-11-20" currency="EUR"><item><articleNumber>MUG-BLUE</articleNumber'
        "><amount>2</amount><price>9.00</price></item><item><articleNumber>LAMP-01</articleNumber><amount>1</"
        'amount><price>34.90</price></item></order><order id="W2" date="2026-11-21" currency="EUR"><item><art'
        "icleNumber>MUG-BLUE</articleNumber><amount>3</amount><price>13.50</price></item></order></export>",
        "order_line",
        {
            "order_id": "../@id",
            "ordered_at": "../@date",
            "currency": "../@currency",
            "sku": "articleNumber",
            "qty": "amount",
            "list_amount": "price",
        },
    ),
    Layout(
        "inv.json",
        '{"asOf": "2026-11-20T23:59:00Z", "location": "DC1", "inventory": [{"sku": "MUG-BLUE", "state": "avai'
        'lable", "onHand": 12}, {"sku": "MUG-BLUE", "state": "damaged", "onHand": 1}]}',
        "inventory_snapshot",
        {"as_of": "../asOf", "location": "../location", "sku": "sku", "status": "state", "qty": "onHand"},
    ),
)
