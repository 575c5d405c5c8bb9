"""Amazon settlements V2: two weekly ones in dollars, one in euros, and those with something planted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from gateway.synthetic.business import Business, Line, Order, money
from gateway.synthetic.sink import Sink

COLUMNS = (
    "settlement-id",
    "settlement-start-date",
    "settlement-end-date",
    "deposit-date",
    "total-amount",
    "currency",
    "transaction-type",
    "order-id",
    "merchant-order-id",
    "adjustment-id",
    "shipment-id",
    "marketplace-name",
    "amount-type",
    "amount-description",
    "amount",
    "fulfillment-id",
    "posted-date",
    "posted-date-time",
    "order-item-code",
    "merchant-order-item-id",
    "merchant-adjustment-item-id",
    "sku",
    "quantity-purchased",
    "promotion-id",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a settlement."""

    kind: str
    amount_type: str
    description: str
    amount: Decimal
    day: date
    order_id: str = ""
    code: str = ""
    sku: str = ""
    quantity: int = 0


@dataclass(frozen=True, slots=True)
class Payout:
    """What a settlement pays, and into which account."""

    settlement_id: str
    total: Decimal
    deposit: date
    currency: str
    banked: Decimal | None


def write(sink: Sink, business: Business) -> list[Payout]:
    """All settlements; returns their payouts for the bank."""
    payouts = []
    doubled = None
    for week in range(0, business.days, 7):
        first = business.start + timedelta(days=week)
        entries = [e for o in business.orders if _in_week(o, first) and o.settled for e in order_entries(o)]
        entries += _refunds(business, first)
        if week == 0:
            doubled = _plant_first(sink, entries)
        elif week == 7:
            _plant_second(sink, entries, doubled)
        payouts.append(_settlement(sink, f"2026{first:%m%d}001", first, entries, banked=None))
    payouts.append(_small(sink, business, "20269999001", "PAYOUT_NOT_BANKED"))
    payouts.append(_small(sink, business, "20269999002", "PAYOUT_SHORT"))
    _broken(sink, business)
    payouts.append(_euro(sink, business))
    return payouts


def _in_week(order: Order, first: date) -> bool:
    return order.shipped is not None and first <= order.shipped < first + timedelta(days=7)


def order_entries(order: Order) -> list[Entry]:
    """What the marketplace settles for a shipped order: it adds up to the receivable, less fees."""
    assert order.shipped is not None
    entries = []
    for line in order.lines:
        for amount_type, description, amount in _amounts(line, order.afn):
            if amount:
                entries.append(
                    Entry(
                        "Order",
                        amount_type,
                        description,
                        amount,
                        order.shipped,
                        order.order_id,
                        line.code,
                        line.name,
                        line.quantity,
                    )
                )
    return entries


def _amounts(line: Line, afn: bool) -> list[tuple[str, str, Decimal]]:
    return [
        ("ItemPrice", "Principal", line.price),
        ("ItemPrice", "Tax", line.tax),
        ("ItemPrice", "Shipping", line.shipping),
        ("Promotion", "Principal", -line.discount),
        ("ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", -line.tax),
        ("ItemFees", "Commission", -money(line.price * Decimal("0.15"))),
        ("ItemFees", "FBAPerUnitFulfillmentFee", -Decimal("3.22") * line.quantity if afn else Decimal(0)),
    ]


def _refunds(business: Business, first: date) -> list[Entry]:
    entries = []
    for day, order, line, _ in business.returns:
        if first <= day < first + timedelta(days=7):
            shared = (day, order.order_id, line.code, line.name, line.quantity)
            entries.append(Entry("Refund", "ItemPrice", "Principal", -line.price, *shared))
            entries.append(Entry("Refund", "ItemPrice", "Tax", -line.tax, *shared))
            entries.append(Entry("Refund", "ItemFees", "Commission", money(line.price * Decimal("0.12")), *shared))
    return entries


def _plant_first(sink: Sink, entries: list[Entry]) -> Entry:
    """An amount that is wrong, an order that was never shipped, a code that nobody knows."""
    place = next(n for n, e in enumerate(entries) if _is_price(e) and n > 40)
    entry = entries[place]
    entries[place] = replace(entry, amount=entry.amount - Decimal("7.50"))
    sink.plant("AMOUNT_MISMATCH", f"amazon-us|{entry.order_id}", "-7.50", "settled 7.50 less than shipped")
    ghost = Entry(
        "Order",
        "ItemPrice",
        "Principal",
        Decimal("48.00"),
        entry.day,
        "222-0000001-0000001",
        "58888888888",
        "M-00005",
        1,
    )
    entries.append(ghost)
    sink.plant("SETTLED_NOT_SHIPPED", f"amazon-us|{ghost.order_id}", "48.00", "settled, never shipped")
    entries.append(
        Entry("other-transaction", "other-transaction", "Holiday Handling Surcharge", Decimal("-12.34"), entry.day)
    )
    key = "other-transaction / other-transaction / Holiday Handling Surcharge"
    sink.plant("UNMAPPED_LINE", f"amazon-us|{key}", "-12.34", "a code in no lookup")
    others = (e for e in entries[len(entries) // 3 :] if e.order_id not in (entry.order_id, ghost.order_id))
    return next(e for e in others if _is_price(e))


def _is_price(entry: Entry) -> bool:
    return (entry.kind, entry.amount_type, entry.description) == ("Order", "ItemPrice", "Principal")


def _plant_second(sink: Sink, entries: list[Entry], doubled: Entry | None) -> None:
    """A line of the first settlement once more."""
    if doubled is None:
        return
    entries.append(doubled)
    key = f"amazon-us|{doubled.order_id}|{doubled.code}|Principal"
    sink.plant("DUP_SETTLE_LINE", key, doubled.amount, "the same line in two settlements")


def render(
    settlement_id: str, first: date, entries: Sequence[Entry], total: Decimal, currency: str, comma: bool = False
) -> bytes:
    """The file: a head row with the total, then the lines."""

    def number(amount: Decimal) -> str:
        return f"{amount:f}".replace(".", ",") if comma else f"{amount:f}"

    last, deposit = first + timedelta(days=7), first + timedelta(days=8)
    head = [
        settlement_id,
        f"{first}T00:00:00+00:00",
        f"{last}T00:00:00+00:00",
        f"{deposit}T00:00:00+00:00",
        number(total),
        currency,
    ]
    rows = ["\t".join(COLUMNS), "\t".join(head + [""] * 18)]
    for e in entries:
        rows.append(
            "\t".join(
                (
                    settlement_id,
                    "",
                    "",
                    "",
                    "",
                    "",
                    e.kind,
                    e.order_id,
                    "",
                    "",
                    "",
                    "Amazon.com",
                    e.amount_type,
                    e.description,
                    number(e.amount),
                    "",
                    str(e.day),
                    f"{e.day}T16:00:00+00:00",
                    e.code,
                    "",
                    "",
                    e.sku,
                    str(e.quantity) if e.quantity else "",
                    "",
                )
            )
        )
    return ("\n".join(rows) + "\n").encode()


def _settlement(
    sink: Sink, settlement_id: str, first: date, entries: Sequence[Entry], banked: Decimal | None
) -> Payout:
    total = sum((e.amount for e in entries), Decimal(0))
    sink.put("amazon-us", f"settlement-{settlement_id}.txt", render(settlement_id, first, entries, total, "USD"))
    return Payout(settlement_id, total, first + timedelta(days=8), "USD", total if banked is None else banked)


def _small(sink: Sink, business: Business, settlement_id: str, code: str) -> Payout:
    """A settlement of reimbursements alone, whose payout is planted on the bank's side."""
    first = business.end - timedelta(days=11)
    entries = [Entry("other-transaction", "FBA Inventory Reimbursement", "WAREHOUSE_LOST", Decimal("180.00"), first)]
    missing = code == "PAYOUT_NOT_BANKED"
    sink.plant(code, f"amazon-us|{settlement_id}", "-180.00" if missing else "-25.00", "planted on the bank's side")
    payout = _settlement(sink, settlement_id, first, entries, banked=Decimal("155.00"))
    return Payout(payout.settlement_id, payout.total, payout.deposit, "USD", None if missing else Decimal("155.00"))


def _broken(sink: Sink, business: Business) -> None:
    """A settlement whose total is off by ten, and one with a letter in an amount: both are held."""
    first = business.end - timedelta(days=6)
    entries = [Entry("other-transaction", "other-transaction", "Storage Fee", Decimal("-31.00"), first)]
    name = "settlement-20268888001.txt"
    sink.put("amazon-us", name, render("20268888001", first, entries, Decimal("-21.00"), "USD"))
    sink.plant("SETTLE_NOT_FOOT", f"amazon-us|{name}", "0", "total off by 10.00: the file is held")


def _euro(sink: Sink, business: Business) -> Payout:
    first = business.start
    entries = []
    for n in range(40):
        shared = (
            first + timedelta(days=n % 7),
            f"303-{1_000_000 + n}-{2_000_000 + n}",
            f"6{n:010d}",
            business.items[n % 10].msku,
            1,
        )
        price = money(business.items[n % 10].price * Decimal("0.9"))
        entries.append(Entry("Order", "ItemPrice", "Principal", price, *shared))
        entries.append(Entry("Order", "ItemPrice", "Tax", money(price * Decimal("0.19")), *shared))
        entries.append(Entry("Order", "ItemFees", "Commission", -money(price * Decimal("0.15")), *shared))
    total = sum((e.amount for e in entries), Decimal(0))
    content = render("30261001001", first, entries, total, "EUR", comma=True)
    sink.put("amazon-de", "settlement-30261001001.txt", content)
    sink.plant("NONE", "settlement-30261001001.txt", "0", "decimal commas")
    return Payout("30261001001", total, first + timedelta(days=8), "EUR", total)
