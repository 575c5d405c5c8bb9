"""Words of the trade in the languages of our partners: every word of a line means the first.

German, French, Spanish, Italian, Dutch and English, without accents and in small letters. They are words, not names of
columns: what stands in the columns of a known document is in its pack.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_LINES = """
number no nr num nummer numero numeros id identifier ident identification kennung nro nbr nb gln identity
code kode codigo codice cod key cd
reference ref referenz referencia riferimento referentie
order orders bestellung bestell auftrag auftrags commande commandes pedido pedidos ordine ordini bestelling ord
purchase einkauf einkaufs achat compra acquisto inkoop po
item items part parts teil article artikel articulo articoli articolo produkt product products produit producto
item prodotto sku material artnr artno
item goods ware
line position pos zeile ligne linea riga regel posten
quantity qty menge anzahl stueck stuck stk stuckzahl quantite cantidad quantita aantal units unit pieces pcs qte
date datum stichtag fecha data day tag jour timestamp zeitpunkt datetime dt
time uhrzeit zeit heure hora ora tijd
each einzel unitaire unitario unitaria stuckpreis
note ddt schein bordereau albaran bon
price preis prix precio prezzo prijs
amount betrag montant importe importo bedrag sum wert value valor valore amt money
total gesamt summe somme totale totaal ttl
tax steuer mwst ust vat iva tva taxe impuesto btw
discount rabatt remise descuento sconto korting promotion nachlass
shipping spedita spedito enviada enviado expediee expedie geliefert verzonden versand versandkosten porto expedition
shipping envio spedizione verzending postage freight fracht delivery liefer
shipping versandt versandte versendete ausgeliefert gelieferte gelieferten
shipping lieferung livraison entrega consegna levering ship shipped shipment
shipping dispatch despatch versendet despatched dispatched
currency waehrung wahrung devise moneda divisa ccy curr
status state estado stato etat statut sts
carrier spediteur frachtfuhrer transporteur transportista corriere vervoerder versanddienstleister paketdienst
carrier dienstleister
tracking sendung sendungs sendungsnummer paket paketnummer suivi seguimiento tracciamento track
warehouse facility lager lagerort entrepot almacen magazzino magazijn location standort depot site ort
stock bestand inventory lagerbestand inventario inventaire voorraad giacenza existencias inventur
count counted zahlung gezahlt
available verfugbar disponible disponibile beschikbaar frei sellable
reserved reserviert reserve reservado riservato gereserveerd
allocated zugeteilt
damaged beschadigt defekt defect endommage danado danneggiato beschadigd damage
blocked gesperrt sperr bloque bloqueado bloccato geblokkeerd hold held
quarantine quarantane quarantaine cuarentena quarantena
description bezeichnung beschreibung descripcion descrizione omschrijving text libelle
title titel titre titulo titolo
name bezeichner nom nombre nome naam nm
reason grund motif motivo raison reden ursache
return retoure retouren ruckgabe rucksendung retour retours devolucion devoluciones reso resi returns returned rma
refund erstattung gutschrift remboursement reembolso rimborso terugbetaling refunded
supplier lieferant lieferanten fournisseur proveedor fornitore leverancier vendor
customer kunde kunden client cliente klant buyer buyers
account konto compte cuenta conto rekening iban acct
booking buchung buchungs buchungstag booked posting posted comptabilisation operation bookg
valuation wertstellung valuta valeur val
debit dbt dbit soll belastung lastschrift ausgaben withdrawal dare addebito cargo af
credit cdt crdt haben gutschriften einnahmen avere accredito abono bij
balance saldo solde kontostand
remittance mededelingen mededeling verwendungszweck zweck concepto causale purpose memo details narrative
counterparty empfanger auftraggeber zahlungspflichtiger begunstigter beneficiaire beneficiario payee payer begunstigte
lot charge batch lotto lote los
serial seriennummer serien serie
due fallig falligkeit echeance vencimiento scadenza
promise zugesagt promised
expected erwartet attendu esperado eta estimated
city stadt ville ciudad citta plaats wohnort
country land pays pais paese
postcode plz postleitzahl zip zipcode postal codepostal cap
street strasse rue calle via straat adresse address
region bundesland province
weight gewicht poids peso
length lange longueur longitud lunghezza lengte
width breite largeur ancho larghezza breedte
height hohe hauteur alto altezza hoogte
cost kosten einstand einstandspreis cout costo coste kost
channel kanal canal canale vertriebsweg
category kategorie warengruppe categorie categoria
gtin ean upc barcode strichcode gtin13 ean13
type art typ tipo genre kind
payout auszahlung versement pago
settlement abrechnung reglement liquidacion
fee gebuhr gebuhren frais comision commissione commission provision
gross brutto brut bruto lordo
net netto neto
condition beschaffenheit zustand
accepted angenommen accepte
opening anfang eroffnung anfangsbestand initial
received eingang eingegangen erhalten recu recibido ricevuto ontvangen receipt receiving wareneingang
short fehlmenge fehlt manque
invoice rechnung rechnungs facture factura fattura factuur
partner partnernr
list liste lista elenco lijst ubersicht
customs zoll zolltarif tariff tarif douane taric hs
seller sellers verkaufer vendeur vendedor venditore verkoper
origin herkunft ursprung origine origen
document beleg belege
transaction transaktion transaktions umsatz vorgang transaccion transazione transactie tx
statement stmt kontoauszug auszug releve extracto estratto
sequence seq folge
percent percentage prozent pourcent porcentaje percentuale pct
family fmly
domain domn
details dtls
information inf info
indicator ind kennzeichen
"""

_MEANING = {word: line.split()[0] for line in _LINES.strip().splitlines() for word in line.split()}
_STOP_WORDS = (
    "the of a an and at on in for per to by is der die das des dem den am im und von vom zu zum zur fur mit le la les "
    "du de des en et el los las del y il lo i gli di da het een van incl inkl excl eur usd utc"
)
_STOP = frozenset(_STOP_WORDS.split())
_LONG_ENOUGH = 3
_OF_LINE = ["line", "item"]
"""Words before the names of columns that are about the line, in a file that has columns of the order too."""
_DESTINATION = ["ship", "to"]
_NUMBERING = frozenset(("number", "no", "id", "code", "gln"))
"""Words that number the line with them before: "Line item number"."""


@cache
def meant(name: str) -> tuple[str, ...]:
    """The words of a name as this list means them, in order and without those that say nothing: `Bestell-Nr.` is
    ("order", "number")."""
    text = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("#", " number "))
    text = "".join(mark for mark in text if not unicodedata.combining(mark))
    whole = [part for word in re.findall(r"[A-Za-z0-9]+", text) for part in _written(word)]
    if whole[:2] == _DESTINATION and set(whole[2:]) <= _NUMBERING:  # A place, and no shipment.
        whole[:2] = ["destination"]
    words = [part for word in whole if word not in _STOP for part in _known(word)]
    found = [_MEANING.get(word, word) for word in words]
    if words[:1] == ["art"] and set(found[1:2]) & _NUMBERING:  # "Art.-Nr." is that of the item, "Art" alone a type.
        found[0] = "item"
    if found[:2] == _OF_LINE and not set(found[2:]) <= _NUMBERING:  # "Lineitem quantity" is the quantity.
        found = found[2:]
    if "date" in found and "time" in found:  # An instant is called so, and its day too.
        found.remove("time")
    return tuple(dict.fromkeys(found))


def _written(word: str) -> list[str]:
    """The words of one like `orderId`; one that the list has in whole, as `MwSt`, is one word."""
    if word.casefold() in _MEANING:
        return [word.casefold()]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", word).casefold().split()


def _known(word: str) -> list[str]:
    """The parts of a word, also where its umlauts are written as two letters."""
    plain = re.sub("([aou])e", r"\1", word)
    return next((found for one in (word, plain) if (found := _split(one)) != [one] or one in _MEANING), [word])


def _split(word: str) -> list[str]:
    """The parts of a compound all of whose parts are words of the list, with an s between them; else the word."""
    if word in _MEANING or len(word) < 2 * _LONG_ENOUGH:
        return [word]
    for end in range(len(word) - 2, _LONG_ENOUGH - 1, -1):
        head, rest = word[:end], word[end:]
        if head in _MEANING or head.removesuffix("s") in _MEANING:
            head = head if head in _MEANING else head.removesuffix("s")
            tail = [rest] if rest in _MEANING else _split(rest)
            if all(part in _MEANING for part in tail):
                return [head, *tail]
    return [word]
