"""The causes in their order, with the ways in which each comes about; and a draft of an invoice.

Flows in: nothing. Flows out: names, and `Draft`, which the other modules fill and judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sandbox.fault_world.rating import ZERO, AppLine, Key

FACTS = ("void_or_credit", "duplicate_invoice", "one_off", "tax_included")
HYPOTHESES = (
    "plan_mismatch",
    "price_version",
    "boundary",
    "proration",
    "quota",
    "missing_usage",
    "quantity",
)
ROUNDING = "rounding"
VARIANTS = {
    "void_or_credit": ("void", "credit"),
    "duplicate_invoice": ("twice",),
    "one_off": ("item",),
    "tax_included": ("gross",),
    "plan_mismatch": ("foreign", "stale", "half"),
    "price_version": ("older", "newer"),
    "boundary": ("zone", "anchor"),
    "proration": ("second", "none"),
    "quota": ("zero", "unprorated"),
    "missing_usage": ("uncharged", "late"),
    "quantity": ("meter", "repeats"),
    "rounding": ("cut",),
}
CAUSES = (*FACTS, *HYPOTHESES, ROUNDING)

ISSUED_AFTER = timedelta(hours=6)


@dataclass
class Draft:
    """An invoice before it has rows: what the app made of a subscription's month."""

    key: Key
    lines: list[AppLine]
    period: tuple[datetime, datetime]
    status: str = "paid"
    credit: Decimal = ZERO
    one_off: Decimal = ZERO
    is_gross: bool = False
    copies: int = 1
    companions: list[str] = field(default_factory=list)  # statuses of uncounted copies beside it

    @property
    def issued_at(self) -> datetime:
        """When the app issued it."""
        return self.period[1] + ISSUED_AFTER
