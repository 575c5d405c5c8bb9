"""The files of the synthetic business, with the discrepancies planted in them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from gateway.synthetic import bank, edi, settlements
from gateway.synthetic.business import Business, Line, Order, Planted, Truth
from gateway.synthetic.sheets import count_sheet

ORDER_COLUMNS = (
    "order-id",
    "order-item-id",
    "purchase-date",
    "promise-date",
    "order-status",
    "fulfillment-channel",
    "sku",
    "quantity",
    "item-price",
    "item-promotion-discount",
    "shipping-price",
    "item-tax",
    "currency",
    "ship-date",
)
LOCATIONS = ("3PL-E", "FBA-US", "WH-1")


def generate(
    home: Path,
    *,
    seed: int = 7,
    start: date = date(2026, 10, 1),
    days: int = 14,
    orders_per_day: int = 40,
    skus: int = 120,
) -> Truth:
    """Write the files into `<home>/inbound/<partner>/` and what was planted into `<home>/truth.csv`."""
    business = Business(seed, start, days, orders_per_day, skus)
    writer = _Writer(home, business)
    writer.run()
    return writer.truth


class _Writer:
    def __init__(self, home: Path, business: Business) -> None:
        self.home, self.business, self.truth = home, business, Truth()
        last = datetime.combine(business.end + timedelta(days=8), time(8), UTC)
        self.truth.now = last

    def put(self, partner: str, name: str, content: bytes) -> None:
        """Write one drop."""
        target = self.home / "inbound" / partner / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        self.truth.files += 1

    def plant(self, code: str, key: str, amount: Decimal | str, what: str, *, primary: bool = True) -> None:
        """Note a discrepancy."""
        self.truth.planted.append(Planted(code, key, Decimal(amount), what, primary))

    def run(self) -> None:
        """Everything, in the order in which the plants need it."""
        self._master_data()
        self._plant_orders()
        self._orders()
        edi.write(self, self.business)
        self._counts()
        payouts = settlements.write(self, self.business)
        self._returns()
        bank.write(self, self.business, payouts)
        self._truth_file()

    def _csv(self, columns: tuple[str, ...], rows: list[list[str]]) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
        return text.getvalue().encode()

    def _master_data(self) -> None:
        b = self.business
        items = [
            [
                i.sku,
                _gtin(i.number),
                f"Item {i.number}",
                "EA",
                "home",
                "B",
                "NONE",
                str(i.cost),
            ]
            for i in b.items
        ]
        columns: tuple[str, ...] = ("sku", "gtin", "name", "uom", "category", "abc", "tracking", "standard-cost")
        self.put("master-data", "items.csv", self._csv(columns, items))
        aliases = []
        for item in b.items:
            aliases.append(["*", "MSKU", item.msku, item.sku, "1", "", ""])
            aliases.append(["3pl-east", "3PL", item.code, item.sku, "1", "", ""])
        aliases.append(["*", "MSKU", f"{b.items[2].msku}-3PK", b.items[2].sku, "3", "", ""])
        columns = ("partner", "id-type", "external-id", "sku", "pack-qty", "valid-from", "valid-to")
        self.put("master-data", "aliases.csv", self._csv(columns, aliases))
        places = [
            ["3PL-E", "", "3PL", "America/New_York", "23:00", "3pl-east"],
            ["FBA-US", "", "CHANNEL_FC", "America/Los_Angeles", "23:59", "amazon-us"],
            ["WH-1", "", "DC", "America/New_York", "23:59", "operations"],
        ]
        self.put(
            "master-data",
            "locations.csv",
            self._csv(("location", "gln", "type", "timezone", "cutoff", "owner"), places),
        )
        opening = [
            [location, item.sku, "AVAILABLE", str(b.opening(item, location)), str(item.cost), b.start.isoformat()]
            for location in LOCATIONS
            for item in b.items
        ]
        columns = ("location", "sku", "status", "quantity", "unit-cost", "date")
        self.put("own-warehouse", "opening-stock.csv", self._csv(columns, opening))
        self.plant("NONE", f"{b.items[2].msku}-3PK", "0", "a pack of three under its own alias")

    def _plant_orders(self) -> None:
        """One shipped order that is never settled; and an order in two shipments, which must raise nothing."""
        shipped = [o for o in self.business.orders if o.shipped and o.shipped < self.business.start + timedelta(days=5)]
        late = shipped[3]
        late.settled = False
        total = sum((line.receivable for line in late.lines), Decimal(0))
        self.plant("SHIPPED_NOT_SETTLED", f"amazon-us|{late.order_id}", -total, "shipped, missing in the settlement")
        for order in [order for order in self.business.orders if order.split][:1]:
            self.plant("NONE", order.order_id, "0", "an order in two shipments")

    def _orders(self) -> None:
        b = self.business
        for offset in range(b.days):
            day = b.start + timedelta(days=offset)
            rows = [self._order_row(o, line) for o in b.orders if o.day == day for line in o.lines]
            columns: tuple[str, ...] = ORDER_COLUMNS
            name = f"orders-{day:%Y%m%d}.csv"
            if offset == 4:
                rows.append(self._broken_row(rows[0]))
                self.plant("ROW_REJECT", f"amazon-us|{name}|purchase-date", "0", "purchase date 2026-10-32")
            content = self._csv(columns, rows)
            if offset == 6:
                columns = tuple(reversed(ORDER_COLUMNS))
                content = self._csv(columns, [list(reversed(row)) for row in rows])
                self.plant("NONE", name, "0", "columns in another order")
            self.put("amazon-us", name, content)
            if offset == 2:
                self.put("amazon-us", f"orders-{day:%Y%m%d}-again.csv", content)
                self.plant("NONE", f"orders-{day:%Y%m%d}-again.csv", "0", "the same bytes under another name")
            if offset == 3:
                twin = b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")
                self.put("amazon-us", f"orders-{day:%Y%m%d}-crlf.csv", twin)
                self.plant(
                    "NONE", f"orders-{day:%Y%m%d}-crlf.csv", "0", "the same rows with CRLF and a byte order mark"
                )

    @staticmethod
    def _order_row(order: Order, line: Line) -> list[str]:
        bought = datetime.combine(order.day, time(9), UTC).isoformat()
        promise = datetime.combine(order.day + timedelta(days=3), time(20), UTC).isoformat()
        ship = f"{order.shipped.isoformat()}T15:00:00+00:00" if order.afn and order.shipped else ""
        return [
            order.order_id,
            line.code,
            bought,
            promise,
            "Shipped" if ship else "Unshipped",
            "AFN" if order.afn else "MFN",
            line.name,
            str(line.quantity),
            str(line.price),
            str(line.discount),
            str(line.shipping),
            str(line.tax),
            "USD",
            ship,
        ]

    @staticmethod
    def _broken_row(row: list[str]) -> list[str]:
        return ["111-9999999-0000001", "59999999999", "2026-10-32T09:00:00+00:00", *row[3:13], ""]

    def _counts(self) -> None:
        b = self.business
        for offset in sorted({6, b.days - 1}):
            day = b.start + timedelta(days=offset)
            units = b.stock("WH-1", day)
            rows = [("WH-1", day, item.sku, units[item.sku, "AVAILABLE"]) for item in b.items]
            self.put("own-warehouse", f"stock-count-{day:%Y%m%d}.xlsx", count_sheet(rows, day))

    def _returns(self) -> None:
        columns = (
            "return-date",
            "order-id",
            "sku",
            "asin",
            "fnsku",
            "product-name",
            "quantity",
            "fulfillment-center-id",
            "detailed-disposition",
            "reason",
            "status",
            "license-plate-number",
            "customer-comments",
        )
        for week in range(0, self.business.days, 7):
            first = self.business.start + timedelta(days=week)
            rows = ["\t".join(columns)]
            for day, order, line, condition in self.business.returns:
                if first <= day < first + timedelta(days=7):
                    rows.append(
                        "\t".join(
                            (
                                f"{day}T12:00:00+00:00",
                                order.order_id,
                                line.name,
                                "",
                                "",
                                line.item.sku,
                                str(line.quantity),
                                "ABE8",
                                condition,
                                "NO_LONGER_NEEDED",
                                "Unit returned to inventory",
                                f"LPN{line.code}",
                                "",
                            )
                        )
                    )
            self.put("amazon-us", f"returns-{first:%Y%m%d}.txt", ("\n".join(rows) + "\n").encode())

    def _truth_file(self) -> None:
        rows = [
            [p.code, p.business_key, str(p.amount), "yes" if p.primary else "no", p.what] for p in self.truth.planted
        ]
        content = self._csv(("code", "business_key", "amount", "primary", "what"), rows)
        (self.home / "truth.csv").write_bytes(content)


def _gtin(number: int) -> str:
    """A GTIN-14 with the right check digit."""
    from stdnum import ean

    body = f"04{number:011d}"
    return body + str(ean.calc_check_digit(body))
