"""A small business in Arrow tables: enough of everything that a workbook must show."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from gateway.workbooks.book_data import SCHEMAS, BookData, BookRun, Shown

AS_OF = datetime(2025, 1, 31, 23, 59, tzinfo=UTC)
RUN = BookRun(
    "run-2025-01-31-0007", AS_OF, AS_OF + timedelta(minutes=12), "", 4711, "", ("Pilot: 3PL-W is in shadow.",)
)
HOSTILE = "=cmd|'/c calc'!A1"

# code, reconciliation, severity, owner, days to resolve
CODES = (
    ("QTY_SHORT", "a", 2, "IC", 2),
    ("NEG_ON_HAND", "a", 1, "IC", 1),
    ("SKU_UNKNOWN", "a", 2, "MD", 1),
    ("OVERSELL_RISK", "b", 1, "CH", 0.25),
    ("AMOUNT_MISMATCH", "c1", 2, "FS", 3),
    ("SHIPPED_NOT_SETTLED", "c1", 3, "FS", 5),
    ("PAYOUT_NOT_BANKED", "d", 1, "TR", 1),
    ("RMA_NOT_RECEIVED", "e", 4, "RT", 10),
    ("SHIP_SHORT", "f", 2, "WH", 1),
    ("GL_SUBLEDGER_DIFF", "g", 1, "GL", 1),
    ("ROW_REJECT", "i", 2, "IN", 1),
)


RECONCILIATIONS = (
    Shown("a", "Snapshot against book", "A_STOCK", "STOCK", True, {"SKU_UNKNOWN": "MASTER"}),
    Shown("b", "Channel listing against available-to-sell", "B_LISTING", "LISTING"),
    Shown("c1", "Settlement against orders, refunds and fees", "C1_SETTLEMENT", "SETTLEMENT", True),
    Shown("d", "Payout against bank", "D_PAYOUT_BANK", "PAYOUT", True),
    Shown("e", "Returns chain", "E_RETURNS", "RETURNS"),
    Shown("f", "Fulfilment and receipt", "F_FULFILMENT", "RECEIPTS"),
    Shown("g", "Subledger against general ledger", "G_LEDGER"),
    Shown("i", "Files", "I_FILES", "ROWS", True),
)


def money(text: str | int) -> Decimal:
    return Decimal(text)


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as the contract's table; what a row does not say is empty."""
    schema = SCHEMAS[name]
    return pa.Table.from_pylist([{column: row.get(column) for column in schema.names} for row in rows], schema=schema)


def exception(number: int) -> dict[str, Any]:
    code, reconciliation, severity, owner, days = CODES[number % len(CODES)]
    opened = AS_OF - timedelta(days=(number * 7) % 120, hours=3)
    in_units = reconciliation in "ab"
    currency = None if in_units else ("USD", "EUR")[number % 2]
    figure = money(number * 13 % 97) + (0 if in_units else money("0.25"))
    external, book = figure, figure + (5 if number % 3 else -2)
    side = "qty" if in_units else "amount"
    return {
        "exception_id": f"{number:016x}",
        "version": 1 + number % 3,
        "severity": severity,
        "code": code,
        "reconciliation": reconciliation,
        "entity": ("US", "EU")[number % 2],
        "partner": "3pl-east",
        "channel": "amazon-us",
        "location": "3PL-E",
        "sku": f"00{number}-BLUE",
        "document": f"114-{number:07d}",
        "event_date": (opened - timedelta(days=1)).date(),
        "opened_at": opened,
        "due_at": opened + timedelta(days=days),
        f"external_{side}": external,
        f"book_{side}": book,
        side: external - book,
        "currency": currency,
        "functional_amount": None if in_units else external - book,
        "owner": owner,
        "message": f"{code}: they say {external}, the book says {book}",
        "suggestion": "Check the document first",
        "score": number % 100,
        "source_file": "settlement_2025-01.txt",
        "position": f"line {number + 2}",
        "file_id": "9f86d081884c7d65",
    }


def exceptions(count: int = 44) -> list[dict[str, Any]]:
    rows = [exception(number) for number in range(count)]
    if count > 10:
        rows[3] |= {"message": HOSTILE, "partner": "@evil", "sku": "-1+2"}
        rows[4] |= {"message": "tags <b>&amp;</b> & a control \x02 and _x0041_ end"}
        rows[5] |= {"message": "long " + "x" * 40_000}
        rows[6] |= {
            "external_amount": money("12345678901234.5678"),
            "book_amount": money("12345678901234.5678"),
            "amount": money(0),
            "functional_amount": money(0),
        }
        rows[7] |= {"due_at": None, "owner": None}
    return rows


def detail(count: int = 40) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number in range(count):
        reconciliation = ("a", "c1", "d")[number % 3]
        side = "qty" if reconciliation == "a" else "amount"
        row: dict[str, Any] = {
            "reconciliation": reconciliation,
            "entity": ("US", "EU")[number % 2],
            "partner": "amazon-us",
            "location": "3PL-E" if side == "qty" else None,
            "sku": f"SKU-{number:03d}",
            "document": f"DOC-{number:05d}",
            "bucket": "AVAILABLE" if side == "qty" else None,
            "event_date": date(2025, 1, 1 + number % 28),
            "currency": None if side == "qty" else ("USD", "EUR")[number % 2],
            "source_file": "stock_0131.edi",
            "position": f"segment {number}",
            "book_reference": f"entry {number}",
            f"external_{side}": money(100 + number),
            f"book_{side}": money(100 + number),
            "state": "MATCHED",
        }
        if number % 8 == 1:
            row |= {f"book_{side}": None, "state": "OPEN", "exception_id": f"{number:016x}", "code": "DEPOSIT_UNKNOWN"}
        elif number % 8 == 2:
            row |= {f"external_{side}": None, "state": "OPEN", "exception_id": f"{number:016x}", "code": "QTY_OVER"}
        elif number % 8 == 3:
            row |= {f"book_{side}": money("100.5") + number, "state": "WITHIN_TOLERANCE"}
        elif number % 8 == 4:
            row |= {f"book_{side}": money(90) + number, "state": "TIMING"}
        rows.append(row)
    return rows


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tie-out that the detail makes, one row for each reconciliation, entity and unit."""
    titles = {"a": "Snapshot vs book", "c1": "Settlement vs orders", "d": "Payout vs bank"}
    made: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        side = "qty" if row["currency"] is None else "amount"
        key = (row["reconciliation"], row["entity"], row["currency"] or "units")
        external, book = (row.get(f"{who}_{side}") or money(0) for who in ("external", "book"))
        total = made.setdefault(key, dict.fromkeys(("external", "book", "matched", "open"), money(0)))
        total["external"] += external
        total["book"] += book
        total["matched" if row["state"] == "MATCHED" else "open"] += (
            book if row["state"] == "MATCHED" else external - book
        )
    accounts = {"a": ("1200", "BOOK"), "c1": ("1100", "BALANCE"), "d": (None, None)}
    out = []
    for (reconciliation, entity, unit), total in sorted(made.items()):
        account, basis = accounts[reconciliation]
        ledger = {"BOOK": total["book"], "BALANCE": -total["open"], None: None}[basis]
        out.append(
            {
                "reconciliation": reconciliation,
                "title": titles[reconciliation],
                "entity": entity,
                "unit": unit,
                **total,
                "ledger_account": account,
                "ledger_amount": ledger,
                "tie_basis": basis,
            }
        )
    return out


def journal(count: int = 24) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number in range(count):
        entity, currency = (("US", "USD"), ("EU", "EUR"))[number % 2]
        amount = money(100 + number) + money("0.05")
        common = {
            "entry_id": f"je-{number:05d}",
            "date": date(2025, 1, 1 + number % 28),
            "period": "2025-01",
            "entity": entity,
            "document": f"114-{number:07d}",
            "rule": "shipment",
            "currency": currency,
            "sku": f"00{number}-BLUE",
            "memo": "Shipment of the day",
            "source_file": "945_0131.edi",
            "records": 1 + number % 4,
        }
        rows.append(
            common
            | {
                "line_no": 1,
                "account": "1100",
                "account_name": "Marketplace receivable",
                "role": "receivable",
                "debit": amount,
                "credit": money(0),
                "functional_amount": amount,
            }
        )
        rows.append(
            common
            | {
                "line_no": 2,
                "account": "4000",
                "account_name": "Sales",
                "role": "sales",
                "debit": money(0),
                "credit": amount,
                "functional_amount": -amount,
            }
        )
    return rows


def sample() -> BookData:
    """All tables filled; the summary ties out."""
    rows = detail()
    states = [("MATCHED", "A"), ("MATCHED", "B")]
    matches = [
        {
            "match_id": f"m{n:04d}",
            "reconciliation": "d",
            "pass": "P1",
            "rule": "payout reference",
            "status": "CONFIRMED",
            "side": side,
            "record_id": f"r{n}{side}",
            "entity": "US",
            "document": f"PAY-{n}",
            "event_date": date(2025, 1, 9),
            "amount": money("1234.50"),
            "currency": "USD",
            "difference": money(0),
            "explanation": "reference and amount",
            "source_file": "bai2_0109.txt",
            "position": f"line {n}",
        }
        for n in range(6)
        for _, side in states
    ]
    kpi = [
        {
            "metric": "inventory accuracy",
            "value": money("0.987"),
            "numerator": 987,
            "denominator": 1000,
            "unit": "ratio",
            "source": "reconciliation a",
        },
        {"metric": "refund cycle", "value": money("3.4"), "unit": "days", "source": "return_event"},
    ]
    files = [
        {
            "file_id": f"{n:016x}",
            "name": f"settlement_{n}.txt",
            "partner": "amazon-us",
            "feed": "settlement",
            "state": "HELD" if n == 3 else "ACCEPTED",
            "received": 100 + n,
            "accepted": 90,
            "rejected": n,
            "duplicate": 7,
            "ignored": 3,
            "arrived_at": AS_OF - timedelta(days=n),
            "reason": "CONTROL_TOTAL: 0.01 short" if n == 3 else None,
        }
        for n in range(8)
    ]
    return BookData(
        RUN,
        reconciliations=RECONCILIATIONS,
        summary=table("summary", summary(rows)),
        exceptions=table("exceptions", exceptions()),
        matches=table("matches", matches),
        detail=table("detail", rows),
        journal_posted=table("journal_posted", journal()),
        journal_proposed=table("journal_proposed", journal(3)),
        kpi=table("kpi", kpi),
        files=table("files", files),
    )
