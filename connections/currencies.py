"""The decimals of currencies where no warehouse can be asked: to write an amount for people.

Amounts are rounded in the models, by the decimals that Odoo gives a currency; what is written here
has them already. ISO 4217's list, for whoever writes: dashboards and the command line alike.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
EXCEPTIONS = {**dict.fromkeys(_NONE.split(), 0), **dict.fromkeys(_THREE.split(), 3)}


def decimals(currency: str | None) -> int:
    """How many decimals an amount of this currency has; two where the list has no exception."""
    return EXCEPTIONS.get((currency or "").upper(), 2)


def rounded(amount: Decimal, currency: str | None) -> Decimal:
    """The amount with its currency's decimals, half away from zero."""
    return amount.quantize(Decimal(1).scaleb(-decimals(currency)), ROUND_HALF_UP)
