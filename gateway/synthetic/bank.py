"""Bank statements: camt.053, one a day for the dollar account, one for the euro account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from xml.sax.saxutils import escape

from gateway.synthetic.business import Business
from gateway.synthetic.settlements import Payout
from gateway.synthetic.sink import Sink

DOLLARS, EUROS = "3300958879", "DE89370400440532013000"
Entry = tuple[Decimal, str, str, str, str]


def write(sink: Sink, business: Business, payouts: Sequence[Payout]) -> None:
    """Statements until all payouts have arrived."""
    booked: dict[date, list[Entry]] = defaultdict(list)
    for payout in payouts:
        if payout.currency == "USD" and payout.banked is not None:
            booked[payout.deposit + timedelta(days=1)].append(
                (
                    payout.banked,
                    f"AMZN{payout.settlement_id}",
                    payout.settlement_id,
                    "RCDT",
                    f"Amazon payout {payout.settlement_id}",
                )
            )
    _others(sink, business, booked)
    opening = Decimal("25000.00")
    for offset in range(business.days + 8):
        day = business.start + timedelta(days=offset)
        opening = _statement(sink, "main-bank", DOLLARS, "USD", day, offset + 1, opening, booked.get(day, []))
    euro = next(p for p in payouts if p.currency == "EUR")
    entry = (euro.total, f"AMZN{euro.settlement_id}", euro.settlement_id, "RCDT", "Amazon Auszahlung")
    _statement(sink, "eu-bank", EUROS, "EUR", euro.deposit + timedelta(days=1), 1, Decimal("1000.00"), [entry])


def _others(sink: Sink, business: Business, booked: dict[date, list[Entry]]) -> None:
    for offset in range(1, business.days, 5):
        day = business.start + timedelta(days=offset)
        booked[day].append((Decimal("-1200.50"), f"PAY{offset:04d}", f"INV{offset:05d}", "ICDT", "Supplier invoice"))
    fee_day = business.start + timedelta(days=9)
    booked[fee_day].append((Decimal("-15.00"), "FEE0001", "", "CHRG", "Account fee"))
    unknown = business.start + timedelta(days=6)
    booked[unknown].append((Decimal("321.45"), "UNKN0001", "NOTPROVIDED", "RCDT", "Transfer without a reference"))
    sink.plant("DEPOSIT_UNKNOWN", f"{DOLLARS}|{unknown}|UNKN0001", "321.45", "a deposit that nobody explains")


def _balance(kind: str, amount: Decimal, currency: str, day: date) -> str:
    side = "CRDT" if amount >= 0 else "DBIT"
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{abs(amount)}</Amt>'
        f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _entry(entry: Entry, currency: str, day: date) -> str:
    amount, reference, end_to_end, family, text = entry
    side = "CRDT" if amount >= 0 else "DBIT"
    return (
        f'<Ntry><Amt Ccy="{currency}">{abs(amount)}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt><AcctSvcrRef>{reference}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{'CHRG' if family == 'CHRG' else 'OTHR'}<"
        f"/SubFmlyCd>"
        f"</Fmly></Domn></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>{escape(end_to_end)}</EndToEndId></Refs>"
        f"<RmtInf><Ustrd>{escape(text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _statement(
    sink: Sink,
    partner: str,
    account: str,
    currency: str,
    day: date,
    number: int,
    opening: Decimal,
    entries: Sequence[Entry],
) -> Decimal:
    """One statement; returns its closing balance."""
    closing = opening + sum((entry[0] for entry in entries), Decimal(0))
    pending = (
        f'<Ntry><Amt Ccy="{currency}">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt>"
        "<AcctSvcrRef>PDNG1</AcctSvcrRef></Ntry>"
        if number == 3
        else ""
    )
    identity = f"<Othr><Id>{account}</Id></Othr>" if account.isdigit() else f"<IBAN>{account}</IBAN>"
    content = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>M{number:05d}</MsgId><CreDtTm>{day}T23:00:00Z</CreDtTm></GrpHdr>"
        f"<Stmt><Id>STMT-{currency}-{number:05d}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{day}T23:00:00Z</CreDtTm>"
        f"<Acct><Id>{identity}</Id></Acct>{_balance('OPBD', opening, currency, day)}"
        f"{_balance('CLBD', closing, currency, day)}{''.join(_entry(e, currency, day) for e in entries)}{pending}"
        "</Stmt></BkToCstmrStmt></Document>\n"
    )
    sink.put(partner, f"camt053-{day:%Y%m%d}.xml", content.encode())
    return closing
