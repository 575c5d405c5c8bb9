"""The warehouse's X12: 945 shipments, 944 receipts, 846 stock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from gateway.synthetic.business import Business, Line, Order
from gateway.synthetic.sink import Sink

Segments = list[str]


def interchange(
    kind: str, group: str, day: date, control: int, sets: Iterable[Segments], sender: str = "3PLEAST"
) -> bytes:
    """An interchange with one group of transaction sets (without ST and SE)."""
    made = list(sets)
    lines = [
        (
            f"ISA*00*          *00*          "
            f"*ZZ*{sender:<15}*ZZ*{'GATEWAY':<15}*{day:%y%m%d}*2300*U*00401*{control:09d}*0*P*>"
        ),
        f"GS*{group}*{sender}*GATEWAY*{day:%Y%m%d}*2300*{control}*X*004010",
    ]
    for number, body in enumerate(made, start=1):
        lines.append(f"ST*{kind}*{number:04d}")
        lines += body
        lines.append(f"SE*{len(body) + 2}*{number:04d}")
    lines += [f"GE*{len(made)}*{control}", f"IEA*1*{control:09d}"]
    return ("~\n".join(lines) + "~\n").encode()


def shipment(order: Order, lines: list[Line], day: date, number: str) -> Segments:
    """One 945: what was shipped of an order."""
    body = [
        f"W06*F*{order.order_id}*{day:%Y%m%d}*{number}",
        "N1*SF*3PL East*92*3PL-E",
        f"N9*2I*1Z{number}",
        "W27*M*UPSN",
    ]
    for place, line in enumerate(lines, start=1):
        body += [f"LX*{place}", f"W12*CC*{line.units}*{line.units}*0*EA**VN*{line.item.code}"]
    units = sum(line.units for line in lines)
    return [*body, f"W03*{units}*{units}*LB"]


def write(sink: Sink, business: Business) -> None:
    """All interchanges of the period, with their plants."""
    control = 100
    for offset in range(business.days):
        day = business.start + timedelta(days=offset)
        control += 1
        _shipments(sink, business, day, control)
        if day in business.receipts:
            _receipt(sink, business, day, control + 300)
        if offset % 2 == 1:
            _stock(sink, business, day, control + 600, planted=offset >= business.days - 2)
    _truncated(sink, business, control + 900)


def _shipments(sink: Sink, business: Business, day: date, control: int) -> None:
    sets = []
    for order in business.orders:
        if order.shipped != day or order.afn:
            continue
        parts = [order.lines[:1], order.lines[1:]] if order.split else [order.lines]
        sets += [shipment(order, part, day, f"{order.order_id[4:11]}{n}") for n, part in enumerate(parts, start=1)]
    if sets:
        sink.put("3pl-east", f"945-{day:%Y%m%d}.edi", interchange("945", "SW", day, control, sets))


def _receipt(sink: Sink, business: Business, day: date, control: int) -> None:
    body = [f"W17*F*{day:%Y%m%d}*R{day:%m%d}*PO{day:%m%d}", "N1*WH*3PL East*92*3PL-E"]
    total = 0
    for item, units, damaged in business.receipts[day]:
        body.append(f"W07*{units}*EA**VN*{item.code}")
        total += units
        if damaged:
            body.append(f"W13*{damaged}*EA*01")
    sink.put("3pl-east", f"944-{day:%Y%m%d}.edi", interchange("944", "RE", day, control, [[*body, f"W14*{total}"]]))


def _stock(sink: Sink, business: Business, day: date, control: int, *, planted: bool) -> None:
    held = business.stock("3PL-E", day)
    items = business.items
    if planted:
        _plant(sink, business, held)
    body = [f"BIA*00*SI*STK{day:%Y%m%d}*{day:%Y%m%d}*2300", "N1*WH*3PL East*92*3PL-E"]
    for place, item in enumerate(items, start=1):
        body += [f"LIN*{place}*VN*{item.code}", f"QTY*33*{held[item.sku, 'AVAILABLE']}*EA"]
        if held[item.sku, "DAMAGED"]:
            body.append(f"QTY*74*{held[item.sku, 'DAMAGED']}*EA")
    count = len(items)
    if planted:
        count += 1
        body += [f"LIN*{count}*VN*X99999", "QTY*33*5*EA"]
        sink.plant("SKU_UNKNOWN", "3pl-east|X99999", "5", "counted under a name that nobody knows")
    body.append(f"CTT*{count}")
    sink.put("3pl-east", f"846-{day:%Y%m%d}.edi", interchange("846", "IB", day, control, [body]))


def _plant(sink: Sink, business: Business, held: dict[tuple[str, str], int]) -> None:
    for index, off in ((10, -6), (11, -4)):
        sku = business.items[index].sku
        held[sku, "AVAILABLE"] += off
        sink.plant("QTY_SHORT", f"3PL-E|{sku}|AVAILABLE", str(off), "fewer units counted")
    over = business.items[15].sku
    held[over, "AVAILABLE"] += 7
    sink.plant("QTY_OVER", f"3PL-E|{over}|AVAILABLE", "7", "more units counted")
    moved = business.items[20].sku
    held[moved, "AVAILABLE"] -= 3
    held[moved, "DAMAGED"] += 3
    sink.plant("STATUS_MISMATCH", f"3PL-E|{moved}|AVAILABLE", "0", "three units reported as damaged")


def _truncated(sink: Sink, business: Business, control: int) -> None:
    """A 945 that was cut off in transmission; its orders are nobody else's."""
    order = Order("333-0000001-0000001", business.end, False, business.orders[0].lines)
    whole = interchange("945", "SW", business.end, control, [shipment(order, order.lines, business.end, "CUT1")])
    name = "945-cut-off.edi"
    sink.put("3pl-east", name, whole[: whole.rfind(b"SE*")])
    sink.plant("CONTROL_TOTAL", f"3pl-east|{name}|segment 1", "0", "cut off: IEA, GE and SE are missing")
