"""Customer orders and what was shipped for them."""

from __future__ import annotations

from gateway.model.table import DAY, INSTANT, MONEY, QUANTITY, TEXT, Column, Table

ORDER_LINE = Table(
    "order_line",
    "A line of a customer order as the channel states it; amounts are the whole line's.",
    (
        Column("order_id", TEXT, "The channel's order number", True),
        Column("line_no", TEXT, "Line", True),
        Column("ordered_at", INSTANT, "When it was placed", True),
        Column("channel", TEXT, "Sales channel (a key of [channels])", True),
        Column("order_status", TEXT, "OPEN, HELD, SHIPPED, CANCELLED …"),
        Column("hold_reason", TEXT, "Why it is held"),
        Column("promise_at", INSTANT, "Promised ship date"),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'", True),
        Column("item_code", TEXT, "The channel's code of the order item"),
        Column("qty", QUANTITY, "Ordered units", True),
        Column(
            "list_amount",
            MONEY,
            "Goods at list price, without tax; empty if the mapping allows it and no price is stated",
            True,
        ),
        Column("discount_amount", MONEY, "Promotions, positive"),
        Column("shipping_amount", MONEY, "Shipping charged"),
        Column("tax_amount", MONEY, "Tax charged"),
        Column("currency", TEXT, "ISO 4217", True),
        Column("cancelled_qty", QUANTITY, "Cancelled units"),
        Column("location", TEXT, "Where it is to be shipped from, as far as that is decided"),
        Column("ship_to_name", TEXT, "Who gets it; only where a warehouse needs it"),
        Column("ship_to_code", TEXT, "Code of that place, as the warehouse knows it"),
        Column("ship_to_street", TEXT, "Street and number"),
        Column("ship_to_city", TEXT, "City"),
        Column("ship_to_region", TEXT, "State or province"),
        Column("ship_to_postcode", TEXT, "Postal code"),
        Column("ship_to_country", TEXT, "ISO 3166 country"),
    ),
    event="ordered_at",
    together=(("shipment_line", 'says what was shipped of it: with `revenue = "shipment"` that is what earns'),),
)

SHIPMENT_LINE = Table(
    "shipment_line",
    "A line of a shipment confirmation.",
    (
        Column("shipment_no", TEXT, "Shipment", True),
        Column("order_id", TEXT, "Order", True),
        Column("line_no", TEXT, "Order line, as far as the partner states it"),
        Column("location", TEXT, "Where it left", True),
        Column("carrier", TEXT, "Carrier (SCAC)"),
        Column("tracking_no", TEXT, "Tracking number"),
        Column("shipped_at", INSTANT, "When it left", True),
        Column("line_status", TEXT, "The partner's line status, e.g. CC, CP"),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'", True),
        Column("ordered_qty", QUANTITY, "Ordered units"),
        Column("shipped_qty", QUANTITY, "Shipped units", True),
        Column("short_qty", QUANTITY, "Units not shipped"),
        Column("lot", TEXT, "Lot"),
        Column("serial", TEXT, "Serial number"),
    ),
    event="shipped_at",
    together=(
        ("inventory_movement", "takes the units out of stock and posts their cost"),
        ("order_line", "states the prices by which the shipment earns"),
    ),
)

RECEIPT_LINE = Table(
    "receipt_line",
    "A line of a warehouse receipt.",
    (
        Column("receipt_no", TEXT, "Receipt", True),
        Column("po", TEXT, "Purchase order or shipment it answers"),
        Column("line_no", TEXT, "Line"),
        Column("location", TEXT, "Where it arrived", True),
        Column("received_at", INSTANT, "When", True),
        Column("sku", TEXT, "SKU, or the unmapped name behind '?'", True),
        Column("accepted_qty", QUANTITY, "Good units", True),
        Column("damaged_qty", QUANTITY, "Damaged units"),
        Column("short_qty", QUANTITY, "Units advised but not received"),
        Column("over_qty", QUANTITY, "Units beyond the advice"),
        Column("lot", TEXT, "Lot"),
        Column("due", DAY, "Expected day"),
    ),
    event="received_at",
    together=(("inventory_movement", "brings the units into stock and posts what they cost"),),
)

SHIPMENT_VALUE = Table(
    "shipment_value",
    "What a shipment line earned; the sum of a shipment line's rows holds.",
    (
        Column("record_id", TEXT, "Shipment line", True),
        Column("entity", TEXT, "Legal entity", True),
        Column("channel", TEXT, "Sales channel", True),
        Column("order_id", TEXT, "Order", True),
        Column("sku", TEXT, "SKU", True),
        Column("shipped_at", INSTANT, "When it left", True),
        Column("qty", QUANTITY, "Units", True),
        Column("list_amount", MONEY, "Goods at list price", True),
        Column("discount_amount", MONEY, "Promotions, positive", True),
        Column("shipping_amount", MONEY, "Shipping charged", True),
        Column("tax_amount", MONEY, "Tax charged", True),
        Column("currency", TEXT, "ISO 4217", True),
        Column("recorded_at", INSTANT, "When it was committed", True),
    ),
    event="shipped_at",
    provenance=False,
)

TABLES = (ORDER_LINE, SHIPMENT_LINE, RECEIPT_LINE, SHIPMENT_VALUE)
