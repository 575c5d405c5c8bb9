"""Items, their other names, places, and stock: movements (double entry in units) and partners' snapshots."""

from __future__ import annotations

from gateway.model.status import STATUSES
from gateway.model.table import DAY, FLAG, INSTANT, MONEY, QUANTITY, TEXT, UNIT_COST, WHOLE, Column, Table

ITEM = Table(
    "item",
    "Item master: one row for each version of an item.",
    (
        Column("sku", TEXT, "Our stock-keeping unit", True),
        Column("gtin", TEXT, "GTIN, leading zeros kept"),
        Column("name", TEXT, "Name"),
        Column("base_uom", TEXT, "Base unit of all quantities"),
        Column("category", TEXT, "Category"),
        Column("variant_of", TEXT, "Parent SKU"),
        Column("length", QUANTITY, "cm"),
        Column("width", QUANTITY, "cm"),
        Column("height", QUANTITY, "cm"),
        Column("weight", QUANTITY, "kg"),
        Column("abc", TEXT, "Velocity class", values=("A", "B", "C")),
        Column("tracking", TEXT, "What is tracked", values=("NONE", "LOT", "SERIAL")),
        Column(
            "cost_method",
            TEXT,
            "Valuation, of all movements of the item: moving average (also if empty), or first in, first out",
            values=("MOVING_AVERAGE", "FIFO"),
        ),
        Column("std_unit_cost", UNIT_COST, "Cost where nothing better is known of a receipt, functional currency"),
        Column("valid_from", DAY, "First day of this cost; if empty the day on which the row came"),
        Column("tax_class", TEXT, "Tax class"),
        Column("origin", TEXT, "Country of origin"),
        Column("hs_code", TEXT, "Customs tariff code"),
        Column("supplier", TEXT, "Main supplier"),
        Column("lead_days", WHOLE, "Days from order to receipt"),
        Column("moq", QUANTITY, "Minimum order quantity"),
        Column("safety_qty", QUANTITY, "Safety stock"),
        Column("inspect_profile", TEXT, "How returns are inspected"),
        Column("return_days", WHOLE, "Return window in days"),
    ),
)

ITEM_ALIAS = Table(
    "item_alias",
    "Other names of an item, valid in time.",
    (
        Column("alias_partner", TEXT, "Partner that uses the name; * for all", True),
        Column("id_type", TEXT, "Kind of name", True, ("MSKU", "FNSKU", "ASIN", "GTIN", "UPC", "3PL", "VENDOR")),
        Column("external_id", TEXT, "The other name", True),
        Column("sku", TEXT, "Our SKU", True),
        Column("pack_qty", QUANTITY, "Base units in one of theirs, above zero", positive=True),
        Column("valid_from", DAY, "First day, empty for always"),
        Column("valid_to", DAY, "Last day, empty for open"),
    ),
)

LOCATION = Table(
    "location",
    "Places that hold stock.",
    (
        Column("location", TEXT, "Code", True),
        Column("gln", TEXT, "GS1 location number"),
        Column("type", TEXT, "Kind", True, ("DC", "STORE", "3PL", "CHANNEL_FC", "TRANSIT", "VIRTUAL")),
        Column("bin", TEXT, "Bin"),
        Column("timezone", TEXT, "IANA zone"),
        Column("cutoff", TEXT, "Local time at which its day's stock is counted, HH:MM"),
        Column("owner", TEXT, "Who answers for it"),
    ),
)

INVENTORY_MOVEMENT = Table(
    "inventory_movement",
    "Units moved from one bucket (location + status) to another.",
    (
        Column("occurred_at", INSTANT, "When", True),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'", True),
        Column("from_location", TEXT, "Place of origin; SUPPLIER, CUSTOMER, ADJUST, SINK outside", True),
        Column("from_status", TEXT, "Status of origin", True, STATUSES),
        Column("to_location", TEXT, "Place of destination", True),
        Column("to_status", TEXT, "Status of destination", True, STATUSES),
        Column("qty", QUANTITY, "Units, more than zero", True),
        Column(
            "type",
            TEXT,
            "Kind",
            True,
            ("OPENING", "RECEIPT", "PUTAWAY", "PICK", "SHIP", "RETURN", "TRANSFER", "ADJUST", "STATUS", "REVERSAL"),
        ),
        Column("reason", TEXT, "Our reason code"),
        Column("source_reason", TEXT, "The partner's reason code"),
        Column("lot", TEXT, "Lot"),
        Column("serial", TEXT, "Serial number"),
        Column("document_type", TEXT, "Kind of document, e.g. 945"),
        Column("document_no", TEXT, "Document"),
        Column("document_line", TEXT, "Line of the document"),
        Column("order_id", TEXT, "Customer order"),
        Column("channel", TEXT, "Sales channel"),
        Column("unit_cost", UNIT_COST, "Cost that a receipt or opening balance carries, functional currency"),
        Column("reversal_of", TEXT, "record_id of the movement that this one takes back"),
    ),
    event="occurred_at",
)

INVENTORY_SNAPSHOT = Table(
    "inventory_snapshot",
    "Stock as a partner counts it at an instant.",
    (
        Column("location", TEXT, "Place", True),
        Column("as_of", INSTANT, "Cut-off instant", True),
        Column("scope", TEXT, "FULL lists everything, DELTA only changes", True, ("FULL", "DELTA")),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'", True),
        Column("status", TEXT, "Status", True, STATUSES),
        Column("qty", QUANTITY, "Units", True),
        Column("source_qualifier", TEXT, "The partner's quantity qualifier"),
        Column("basis", TEXT, "GROSS includes damaged and held units, NET does not", values=("GROSS", "NET")),
        Column("stale", FLAG, "Carried forward from an earlier count"),
    ),
    event="as_of",
    together=(("inventory_movement", "is what the counted stock is compared with"),),
)

STOCK_VALUE = Table(
    "stock_value",
    "Value that a movement moved; the sum of a movement's rows holds.",
    (
        Column("record_id", TEXT, "Movement", True),
        Column("entity", TEXT, "Legal entity", True),
        Column("sku", TEXT, "SKU", True),
        Column("occurred_at", INSTANT, "When the movement happened", True),
        Column("qty", QUANTITY, "Units", True),
        Column("debit_role", TEXT, "Role of the bucket it went to", True),
        Column("credit_role", TEXT, "Role of the bucket it came from", True),
        Column("value", MONEY, "Value moved, functional currency; a later row corrects an earlier one", True),
        Column("unit_cost", UNIT_COST, "Cost of a unit that was used"),
        Column(
            "basis",
            TEXT,
            "Where the cost came from",
            True,
            ("INVOICE", "ORDER", "RECEIPT", "STANDARD", "AVERAGE", "FIFO", "ISSUE", "MISSING", "WRITTEN_OFF"),
        ),
        Column("entry_id", TEXT, "Entry that posted it, empty where no account changes"),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    event="occurred_at",
    provenance=False,
)

TABLES = (ITEM, ITEM_ALIAS, LOCATION, INVENTORY_MOVEMENT, INVENTORY_SNAPSHOT, STOCK_VALUE)
