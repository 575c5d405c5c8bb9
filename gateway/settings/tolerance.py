"""What reconciliations let pass."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from gateway.settings.strict import Strict


class Tolerance(Strict):
    """What a reconciliation lets pass."""

    stock_units: Decimal = Decimal(1)
    stock_value: Decimal = Decimal(25)
    payout_days: int = 5
    payout_rate: Decimal = Field(Decimal("0.005"), ge=0, le=1)
    settlement_amount: Decimal = Decimal("0.00")
    settlement_lines_days: int = Field(7, ge=0, le=366)
    invoice_amount: Decimal = Field(Decimal(50), ge=0)
    invoice_share: Decimal = Field(Decimal("0.02"), ge=0, le=1)
    invoice_days: int = Field(10, ge=0, le=366)
    dispute_days: int = Field(120, ge=0, le=3660)
