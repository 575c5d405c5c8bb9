"""Which names columns have for which fields: out of the packs, the model, and the usual words of the trade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from rapidfuzz import fuzz, process

from gateway.mapping.language.expressions import names
from gateway.mapping.language.named_columns import sources
from gateway.mapping.language.spec import FieldSpec, RecordSpec
from gateway.mapping.language.spec import Mapping as Spec
from gateway.model import MAPPABLE
from gateway.suggest.words import meant

Phrase = tuple[str, ...]

SAME, EXACT, ONCE, NEARLY, BESIDE, ALIKE = 1.0, 0.99, 0.97, 0.94, 0.86, 0.8
"""How much a name says: it is one of the field's letter for letter, by its meaning, so in one pack only, but for a
"number" in it, but for words in it that nobody knows (as of a partner), or so like one at least."""
LIKENESS = 0.9
"""What a name that is only alike counts of its likeness."""

_HEAD_WORDS = (
    "date time name description status type amount quantity price cost currency tax discount balance reason city "
    "street region country postcode channel category weight title method condition line"
)
_HEADS = frozenset(_HEAD_WORDS.split())
"""Words that say what a column holds: names that differ in them mean different things, however alike they are."""

_OURS = frozenset(("return_event.to_status", "reason", "canonical_class", "stale", "drawn_on", "reversal_of", "basis"))
"""Fields that hold a code of ours, which no column of a partner states."""

_DESCRIBING = frozenset((("description",), ("name",), ("title",)))
"""Words for an item that do not name it: packs read them for the item where a document has no number of it."""

USUAL = {
    "asn_line.qty": "quantity; shipped quantity; delivered quantity; units; advised quantity",
    "asn_line.location": "location; warehouse; ship to; ship to location; delivery location; receiver",
    "receipt_line.location": "location; warehouse; ship to; ship to location; delivery location; receiver",
    "asn_line.shipped_at": "ship date; shipped at; date shipped; dispatch date; shipping date; actual ship date",
    "asn_line.sku": "sku; item number; item; our item; our item number; buyer item; buyer item number; buyer part",
    "receipt_line.sku": "sku; item number; item; our item; our item number; buyer item; buyer item number; buyer part",
    "purchase_order_line.sku": (
        "sku; item number; item; our item; our item number; buyer item; buyer item number; buyer part"
    ),
    "supplier_invoice_line.sku": (
        "sku; item number; item; our item; our item number; buyer item; buyer item number; buyer part"
    ),
    "supplier_invoice_line.amount": "line amount; amount; net amount; line total; extended amount",
    "bank_line.statement_id": "statement number; statement",
    "bank_line.amount": "amount; transaction amount; booked amount; net amount",
    "corrects": "corrected invoice; corrected invoice number; original invoice number",
    "invoice_date": "invoice date; issue date; date; document date",
    "tax_rate": "tax rate; tax percent; tax category percent",
    "po_line": "purchase order line; order line; order line reference line; order line reference line number",
    "confirmation_no": (
        "confirmation number; order confirmation number; confirmation; order response number; response number"
    ),
    "package": "package; package number; sscc; carton; carton number; handling unit; pallet",
    "sequence": "sequence; sequence number",
    "domain": "domain; domain code",
    "family": "family; family code",
    "subfamily": "subfamily; sub family code",
    "opening_balance.day": "date; balance date; opening date",
    "gl_balance.day": "date; balance date; as of date",
    "manual_entry.day": "date; posting date; booking date",
    "fx_rate.day": "date; rate date",
    "entry_no": "entry; entry number; journal entry; journal entry number; voucher; voucher number",
    "person": "entered by; person; user; made by",
    "manual_entry.reason": "reason; text; description; why",
    "subledger_key": "key; open item; item key",
    "base": "base; base currency; from currency",
    "quote": "quote; quote currency; to currency; currency",
    "rate": "rate; exchange rate",
    "order_id": "order number; order; customer order number; sales order; order reference",
    "line_no": (
        "line; line number; order line; order line number; item line; order item number; purchase line; "
        "purchase order line"
    ),
    "ordered_at": (
        "order date; date ordered; purchase date; order time; ordered at; order created; created date; "
        "created at; date created; created; date"
    ),
    "order_status": "order status; status",
    "promise_at": (
        "promise date; promised date; latest ship date; requested ship date; requested delivery date; deadline; "
        "shipping deadline; requested delivery period end date; requested delivery period start date"
    ),
    "return_event.qty": "quantity; returned quantity; quantity returned; return quantity; units",
    "sku": (
        "sku; item number; item code; seller item; merchant item; our item; item id; item; item reference; reference"
    ),
    "qty": (
        "quantity; units; ordered quantity; counted quantity; counted; item quantity; stock; on hand; "
        "on hand quantity; quantity on hand; stock on hand; stock on hand quantity; available quantity; "
        "stock quantity; current stock; "
        "order quantity; quantity ordered"
    ),
    "list_amount": (
        "line amount; item amount; line total; goods amount; item total; net amount; amount; "
        "gross amount; total amount; total; extended price; extended amount; ext price; ext amount"
    ),
    "discount_amount": "discount; discount amount",
    "shipping_amount": "shipping; shipping amount; shipping price; shipping cost",
    "tax_amount": "tax; tax amount; total tax amount; tax total",
    "currency": "currency; currency code; document currency code",
    "unit_price": "unit price; price; price each; item price; each price; each; price amount; unit price amount",
    "cancelled_qty": "cancelled quantity",
    "ship_to_name": "ship to name; recipient; recipient name; customer name; delivery name",
    "ship_to_street": "street; ship to street; delivery street; ship to address",
    "ship_to_city": "city; ship to city; delivery city",
    "ship_to_region": "state; region; ship to state; province",
    "ship_to_postcode": "postcode; ship to postcode; delivery postcode; postal code; code postcode",
    "ship_to_country": "country; ship to country; country code; delivery country",
    "shipment_no": (
        "shipment number; shipment; delivery note number; delivery number; delivery note; packing slip; "
        "note number; note; despatch advice number; ship notice number; advice number"
    ),
    "location": (
        "location; warehouse; warehouse code; fulfillment center; ship from; location code; site; stock location"
    ),
    "carrier": "carrier; carrier code; carrier name; shipping carrier; scac",
    "tracking_no": "tracking number; tracking; tracking code; parcel number",
    "shipped_at": "ship date; shipped at; date shipped; shipping date; dispatch date; delivery date",
    "ordered_qty": "ordered quantity; order quantity; requested quantity",
    "shipped_qty": "shipped quantity; delivered quantity; quantity; quantity shipped; shipped",
    "short_qty": "short quantity; quantity short; missing quantity",
    "lot": "lot; lot number; batch number",
    "serial": "serial number; serial",
    "receipt_no": "receipt number; receipt; goods receipt number; receipt advice number; receiving advice number",
    "po": (
        "purchase order number; purchase order; po number; po; our order number; order reference number; "
        "order reference; order number; order; buyer order number"
    ),
    "received_at": "received date; receipt date; date received; received at; goods receipt date",
    "accepted_qty": (
        "received quantity; accepted quantity; quantity accepted; quantity received; good quantity; quantity"
    ),
    "damaged_qty": "damaged quantity; quantity damaged; rejected quantity; quantity rejected",
    "over_qty": "over quantity; quantity over; oversupply quantity; excess quantity; surplus quantity",
    "due": (
        "due date; delivery date; due; expected date; promised delivery date; payment due date; "
        "promised delivery period end date; promised delivery period start date"
    ),
    "as_of": "as of; count date; stock date; date; counted at; inventory date; as of date; snapshot date; stand",
    "status": "status; stock status; condition; state; disposition; stock type; status code",
    "bank_line.status": "status; booking status; status code; entry status",
    "rma": "rma; return number; rma number; return authorisation; return id",
    "occurred_at": "date; event date; return date; returned at; date of return; received; received date",
    "inventory_movement.occurred_at": "date; event date; movement date; posting date; date and time; booking date",
    "to_location": "to location; destination; location; warehouse",
    "to_status": "to status; status; stock status",
    "from_location": "from location; source location",
    "from_status": "from status",
    "inventory_movement.qty": "quantity; units; moved quantity",
    "lpn": "license plate number; licence plate; lpn",
    "reason": "reason code",
    "source_reason": "reason; return reason; reason text",
    "condition": "condition; item condition; item status; item state",
    "refund_id": "refund number; refund id",
    "principal_amount": "refund amount; refunded amount; refund",
    "account": "account; account number; iban; our account",
    "bank_ref": (
        "reference; bank reference; transaction number; transaction reference; account servicer reference; "
        "entry reference"
    ),
    "end_to_end_ref": "end to end reference; end to end id; customer reference",
    "booking_date": "booking date; posting date; transaction date; date; booking day",
    "value_date": "value date; valuation; valuation date; value",
    "amount": "amount; net amount; transaction amount; booked amount",
    "paid_in": "credit; paid in; money in; credit amount; net credit; received amount",
    "paid_out": "debit; paid out; money out; debit amount; net debit",
    "balance": "balance; running balance; balance after booking",
    "direction": "direction; debit credit; credit debit; credit debit indicator; cr dr; dr cr; sign; mark; d c; s h",
    "counterparty": "counterparty; counterparty name; payee; payer; name; counterparty account name",
    "remittance": "remittance; remittance information; description; details; purpose; booking text; payment details",
    "settlement_id": (
        "settlement number; payout number; settlement; payout; payout id; statement number; "
        "settlement reference; payout reference"
    ),
    "deposit_date": "deposit date; payout date; paid date; payment date; arrival date",
    "period_start": "period start; start date; settlement start date",
    "period_end": "period end; end date; settlement end date",
    "total": "total; total amount; payout amount; total payable; net total",
    "payout_ref": "payout reference; bank reference; payment reference; transfer",
    "txn_type": "transaction type; type",
    "amount_type": "amount type",
    "amount_description": "amount description; description; details",
    "posted_at": "posted date; posted at; posting date; transaction date; transaction posted date; date; created",
    "item_code": "order item number; order item id; item id; listing number",
    "adjustment_id": "adjustment number; refund number; adjustment id",
    "gtin": "gtin; ean; barcode; upc",
    "name": "name; description; item name; item description; title; item title",
    "base_uom": "uom; unit; unit of measure; base unit",
    "category": "category; item group; item category",
    "supplier": (
        "supplier; supplier number; supplier name; main supplier; seller; seller number; seller supplier; "
        "shipper; shipper number"
    ),
    "std_unit_cost": "unit cost; standard cost; cost; purchase price; cost price",
    "hs_code": "hs code; tariff code; customs tariff number; hs; customs number; customs code",
    "origin": "origin; country of origin; origin country",
    "lead_days": "lead days; lead time; lead time days",
    "moq": "moq; minimum order quantity; minimum quantity",
    "safety_qty": "safety stock; minimum stock",
    "unit_cost": (
        "unit cost; cost; cost price; unit price; price; purchase price; item price; price amount; unit price amount"
    ),
    "external_id": "external id; their item number; partner item number; external item number",
    "supplier_item": (
        "supplier item; supplier item number; supplier part; supplier part number; seller item; seller item number; "
        "vendor item; vendor item number"
    ),
    "stated_at": "order date; ordered at; document date; date; created date; issue date; notice date",
    "asn": "asn; asn number; advice number; despatch advice number; ship notice number; shipment number",
    "eta": (
        "eta; expected date; expected arrival; arrival date; delivery date; estimated delivery date; "
        "estimated delivery period end date; estimated delivery period start date"
    ),
    "invoice_no": "invoice number; invoice; credit note number; credit memo number",
    "invoiced_at": "invoice date",
    "document_no": "document number; reference number; reference; document",
    "type": "type; movement type; kind; event type",
}
"""Field → names that it usually has, in English; `words` knows those of other languages by their words."""

USUAL_WORDS = frozenset(word for names_ in USUAL.values() for name in names_.split(";") for word in meant(name))

PSEUDO = {
    "order_line": ("unit_price",),
    "bank_line": ("paid_in", "paid_out", "balance"),
    "opening_balance": ("paid_in", "paid_out"),
    "settlement_line": ("paid_in", "paid_out"),
}
"""What columns say beside the fields of a table, of which fields are made."""


@dataclass
class Vocabulary:
    """The phrases of every field of every table, each with where it comes from: the first is the one that is named."""

    phrases: dict[str, dict[str, dict[Phrase, list[str]]]] = field(default_factory=dict)
    letters: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _seen: dict[tuple[str, str, str], tuple[float, str]] = field(default_factory=dict)

    def add(self, table: str, name: str, column: str, origin: str) -> None:
        """Note a name for a field."""
        if phrase := meant(column):
            origins = self.phrases.setdefault(table, {}).setdefault(name, {}).setdefault(phrase, [])
            origins += [origin] if origin not in origins else []
            self.letters.setdefault((table, name), set()).add(_letters(column))

    def names(self, table: str) -> Iterable[str]:
        """Fields of a table, and what columns say beside them."""
        return self.phrases[table]

    def likeness(self, table: str, name: str, column: str) -> tuple[float, str]:
        """(how much the column's name says that it is the field, where such a name comes from)."""
        found = self._seen.get((table, name, column))
        if found is None:
            found = self._seen[table, name, column] = self._likeness(table, name, column)
        return found

    def _likeness(self, table: str, name: str, column: str) -> tuple[float, str]:
        phrase = meant(column)
        known = self.phrases.get(table, {}).get(name, {})
        if phrase in known:
            origins = known[phrase]
            once = len(origins) == 1 and origins[0].startswith("standard/")
            if _letters(column) in self.letters[table, name]:
                return (EXACT if once else SAME), origins[0]
            return (ONCE if once else EXACT), origins[0]
        bare = _bare(phrase)
        for other, origins in known.items():
            if bare and (bare == _bare(other) or set(phrase) == set(other)):
                return NEARLY, origins[0]
        spoken = tuple(word for word in phrase if word in USUAL_WORDS)
        if spoken and spoken != phrase and (spoken in known or _bare(spoken) in map(_bare, known)):
            return BESIDE, "the usual words"
        alike = {" ".join(other): origins for other, origins in known.items() if _heads(phrase) == _heads(other)}
        best = process.extractOne(
            " ".join(phrase), alike.keys(), scorer=fuzz.token_sort_ratio, score_cutoff=100 * ALIKE
        )
        return (best[1] / 100 * LIKENESS, alike[best[0]][0]) if best else (0.0, "")


@cache
def _heads(phrase: Phrase) -> frozenset[str]:
    return _HEADS & set(phrase)


def names_more(column: str, name: str) -> bool:
    """Whether a column's name has the words of a field's name and others beside them, of the same kind of thing."""
    phrase, own = _bare(meant(column)), _bare(meant(name))
    return bool(own) and set(own) < set(phrase) and _heads(phrase) == _heads(own)


@cache
def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


@cache
def _bare(phrase: Phrase) -> Phrase:
    return tuple(word for word in phrase if word != "number")


def of(packs: Mapping[str, Spec]) -> Vocabulary:
    """The vocabulary of these packs (by name), the model and the usual words."""
    found = Vocabulary()
    for table in MAPPABLE.values():
        own = [column.name for column in table.columns if not {column.name, f"{table.name}.{column.name}"} & _OURS]
        for name in own + list(PSEUDO.get(table.name, ())):
            for usual in USUAL.get(f"{table.name}.{name}", USUAL.get(name, "")).split(";"):
                found.add(table.name, name, usual, "the usual words")
            found.add(table.name, name, name, "the model")
        if "sku" in own and "gtin" not in own:  # An item that is known by its GTIN alone.
            for usual in USUAL["gtin"].split(";"):
                found.add(table.name, "sku", usual, "the usual words")
    for pack, mapping in packs.items():
        for record in mapping.record:
            for name, column in named(record):
                found.add(record.type, name, column, pack)
    return found


def named(record: RecordSpec) -> Iterable[tuple[str, str]]:
    """(field, column) of the fields that a record takes from columns, also those of its numeric helpers."""
    table = MAPPABLE[record.type]
    for name, spec in record.fields.items():
        column = table.column(name)
        if column is None or {name, f"{table.name}.{name}"} & _OURS:
            continue
        own = (source for source in direct(spec) if name != "sku" or meant(_leaf(source)) not in _DESCRIBING)
        yield from ((name, source) for source in own)
        if spec.expr is not None and column.type.startswith("DECIMAL"):
            helpers = [record.fields[one] for one in sorted(names(spec.expr)[0]) if one in record.fields]
            numbers = [one for one in helpers if one.type in ("decimal", "rate") and one.sign != "absolute"]
            yield from ((name, source) for one in numbers for source in direct(one))


def _leaf(source: str) -> str:
    return source.rpartition("/")[2]


def direct(spec: FieldSpec) -> tuple[str, ...]:
    """The columns whose value a field takes as it stands."""
    columns = (name for name in sources(spec) if not (spec.alias and name.startswith("_")))
    return (*columns, *([spec.fill_down] if spec.fill_down else []))
