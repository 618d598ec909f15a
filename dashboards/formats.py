"""Numbers, money and dates as Canadians write them; exact from the warehouse to the page.

In: Decimal, date, aware datetime. Out: text. Nothing here goes through a float.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connections.currencies import rounded

# The company's own clock; a service's periods are on the service's, see dim_services.
PAGE_ZONE = ZoneInfo("America/Toronto")
NOTHING = "–"
SYMBOLS: Mapping[str, str] = {
    "CAD": "$",
    "USD": "$",
    "AUD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
}
# Words that are not spelled as a code is.
SPELLINGS: Mapping[str, str] = {"cpu": "CPU", "odoo": "Odoo", "gst": "GST", "qst": "QST"}
MINUS = "\N{MINUS SIGN}"


def money(amount: Decimal | None, currency: str | None) -> str:
    """$1,234.56 CAD; a minus sign stands before the currency's symbol."""
    if amount is None:
        return NOTHING
    return f"{bare_money(amount, currency)} {currency or ''}".rstrip()


def bare_money(amount: Decimal | None, currency: str | None) -> str:
    """$1,234.56, where the currency is said once for a whole table."""
    if amount is None:
        return NOTHING
    exact = rounded(amount, currency)
    sign = MINUS if exact < 0 else ""
    return f"{sign}{SYMBOLS.get(currency or '', '')}{abs(exact):,f}"


def quantity(value: Decimal | int | None) -> str:
    """All digits that say something, thousands apart: 1,115,216.916."""
    if value is None:
        return NOTHING
    text = f"{abs(value):,f}" if isinstance(value, Decimal) else f"{abs(value):,}"
    shown = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{MINUS}{shown}" if value < 0 else shown


def price(value: Decimal | None) -> str:
    """A price for a unit: two decimals at least, all that it has: 80.00, 0.000123."""
    if value is None:
        return NOTHING
    places = max(2, len(format(value.normalize(), "f").partition(".")[2]))
    return f"{MINUS if value < 0 else ''}{abs(value):,.{places}f}"


def percent(value: Decimal | None) -> str:
    """One decimal and the sign: 66.7%."""
    return NOTHING if value is None else f"{value.quantize(Decimal('0.1'), ROUND_HALF_UP)}%"


def share(part: int, whole: int) -> Decimal | None:
    """Part of the whole in percent; None where there is no whole."""
    return Decimal(100 * part) / Decimal(whole) if whole else None


def day(value: date | datetime | None) -> str:
    """2026-04-30, on the company's clock."""
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        value = value.astimezone(PAGE_ZONE).date()
    return value.isoformat()


def last_day(end: datetime) -> str:
    """The last day of a period; its end is where the next one begins."""
    return day(end - timedelta(seconds=1))


def instant(value: datetime | None) -> str:
    """2026-04-30 14:05, on the company's clock."""
    return NOTHING if value is None else f"{value.astimezone(PAGE_ZONE):%Y-%m-%d %H:%M}"


def month(value: date | None) -> str:
    """April 2026, without asking the machine's locale."""
    return NOTHING if value is None else f"{_MONTHS[value.month - 1]} {value.year}"


def short_month(value: date | None) -> str:
    """Apr 2026, for an axis."""
    return NOTHING if value is None else f"{_MONTHS[value.month - 1][:3]} {value.year}"


def words(name: str) -> str:
    """missing_actual -> Missing actual; cpu_seconds -> CPU seconds; one_off -> One-off."""
    known = name.replace("one_off", "one-off").split("_")
    first, *rest = (SPELLINGS.get(word, word) for word in known)
    return " ".join([first[:1].upper() + first[1:], *rest])


def counted(number: int, thing: str) -> str:
    """1 line, 2 lines."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def parsed_instant(text: str | None) -> datetime | None:
    """A time out of a JSON fact."""
    return datetime.fromisoformat(text) if text else None


def plain(value: Any) -> str:
    """Any fact of the warehouse as text."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, Decimal):
        return quantity(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def literal(text: str) -> str:
    """Text that a source wrote, for where Streamlit reads Markdown: shown as it is written."""
    without_icons = re.sub(r":(?=[\w+/-]+:)", ":\u2060", text)
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])", r"\\\1", without_icons)


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
