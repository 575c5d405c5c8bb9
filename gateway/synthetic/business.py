"""What happens in the synthetic business: items, orders, shipments, returns, receipts. Files come later."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


def money(value: Decimal) -> Decimal:
    """Rounded to cents, half up."""
    return value.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Item:
    """An item and its names."""

    sku: str
    number: int
    price: Decimal
    cost: Decimal

    @property
    def msku(self) -> str:
        """The channel's name."""
        return f"M-{self.number:05d}"

    @property
    def code(self) -> str:
        """The warehouse's name."""
        return f"E{self.number:05d}"


@dataclass(slots=True)
class Line:
    """A line of an order; amounts are for the whole line. `name` is the SKU that the channel writes."""

    item: Item
    name: str
    units: int
    quantity: int
    code: str
    price: Decimal
    discount: Decimal
    shipping: Decimal
    tax: Decimal

    @property
    def receivable(self) -> Decimal:
        """What the customer owes."""
        return self.price - self.discount + self.shipping + self.tax


@dataclass(slots=True)
class Order:
    """An order; `afn` is shipped by the marketplace on the day itself, others by the warehouse the day after."""

    order_id: str
    day: date
    afn: bool
    lines: list[Line]
    shipped: date | None = None
    split: bool = False
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Planted:
    """A discrepancy that was planted (or a trap that must raise nothing: code NONE)."""

    code: str
    business_key: str
    amount: Decimal
    what: str
    primary: bool = True


@dataclass(slots=True)
class Truth:
    """The known answer: files written, what was planted, and the instant to look at the books."""

    files: int = 0
    planted: list[Planted] = field(default_factory=list)
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Business:
    """All events of the period, the same for the same seed."""

    seed: int
    start: date
    days: int
    orders_per_day: int
    skus: int
    items: list[Item] = field(init=False)
    orders: list[Order] = field(init=False)
    receipts: dict[date, list[tuple[Item, int, int]]] = field(init=False)
    returns: list[tuple[date, Order, Line, str]] = field(init=False)
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.items = [self._item(number) for number in range(1, self.skus + 1)]
        self.orders = [self._order(n, d) for d in range(self.days) for n in range(self.orders_per_day)]
        self.receipts = self._receipts()
        self.returns = self._returns()

    @property
    def end(self) -> date:
        """The last day."""
        return self.start + timedelta(days=self.days - 1)

    def opening(self, item: Item, location: str) -> int:
        """Units at the start: enough for everything that is going to be sold."""
        base = {"3PL-E": 40, "FBA-US": 30, "WH-1": 12}[location]
        return base + item.number % 7 + self.days * self.orders_per_day * 6 // self.skus

    def _item(self, number: int) -> Item:
        price = money(Decimal(self.random.randint(900, 9900)) / 100)
        return Item(f"SKU-{number:05d}", number, price, money(price * Decimal("0.4")))

    def _order(self, number: int, offset: int) -> Order:
        r, day = self.random, self.start + timedelta(days=offset)
        serial = offset * self.orders_per_day + number
        afn = r.random() < 0.4
        chosen = r.sample(self.items, r.choice((1, 1, 1, 2, 2, 3)))
        lines = [self._line(item, f"{50_000_000_000 + serial * 10 + n}") for n, item in enumerate(chosen)]
        shipped = day if afn else day + timedelta(days=1)
        order = Order(f"111-{1_000_000 + serial}-{7_000_000 + serial * 3 % 999_983}", day, afn, lines)
        order.shipped = shipped if shipped <= self.end else None
        order.split = not afn and len(lines) > 1 and serial % 9 == 0
        return order

    def _line(self, item: Item, code: str) -> Line:
        r = self.random
        quantity = r.choice((1, 1, 1, 1, 2, 3))
        triple = item.number == 3 and r.random() < 0.5
        units = quantity * 3 if triple else quantity
        price = item.price * units
        discount = money(price * Decimal("0.1")) if r.random() < 0.15 else Decimal(0)
        shipping = Decimal("4.99") if r.random() < 0.2 else Decimal(0)
        name = f"{item.msku}-3PK" if triple else item.msku
        return Line(item, name, units, quantity, code, price, discount, shipping, money(price * Decimal("0.08")))

    def _receipts(self) -> dict[date, list[tuple[Item, int, int]]]:
        found: dict[date, list[tuple[Item, int, int]]] = defaultdict(list)
        for offset in range(2, self.days, 4):
            for item in self.items[offset::9]:
                damaged = 1 if item.number % 5 == 0 else 0
                found[self.start + timedelta(days=offset)].append((item, 24 + item.number % 3, damaged))
        return found

    def _returns(self) -> list[tuple[date, Order, Line, str]]:
        found = []
        for order in self.orders:
            if order.afn and order.shipped and self.random.random() < 0.1:
                back = order.shipped + timedelta(days=3 + self.random.randint(0, 4))
                condition = self.random.choice(("SELLABLE", "SELLABLE", "CUSTOMER_DAMAGED", "DEFECTIVE"))
                if back <= self.end:
                    found.append((back, order, order.lines[0], condition))
        return sorted(found, key=lambda entry: (entry[0], entry[1].order_id))

    def stock(self, location: str, until: date) -> dict[tuple[str, str], int]:
        """(sku, status) → units at the end of that day, from these events alone."""
        held: dict[tuple[str, str], int] = defaultdict(int)
        for item in self.items:
            held[item.sku, "AVAILABLE"] += self.opening(item, location)
        if location == "3PL-E":
            for day, lines in self.receipts.items():
                if day <= until:
                    for item, units, damaged in lines:
                        held[item.sku, "AVAILABLE"] += units - damaged
                        held[item.sku, "DAMAGED"] += damaged
        for order in self.orders:
            if order.shipped and order.shipped <= until and (location == "FBA-US") == order.afn and location != "WH-1":
                for line in order.lines:
                    held[line.item.sku, "AVAILABLE"] -= line.units
        return held
