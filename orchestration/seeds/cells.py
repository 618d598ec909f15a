"""What one cell of a seed may say.

Flows in: the text of a cell, never empty. Flows out: None, or what is wrong with it and what to
write instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from zoneinfo import available_timezones

Judge = Callable[[str], str | None]

DECIMALS = 6  # of unit prices and quantities (law 1)
WHOLE_DIGITS = 12
FIRST_YEAR, LAST_YEAR = 2000, 2100
LONGEST_DUNNING_DAYS = 3650
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")  # \d is any script's digit
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNITS = "(?:second|minute|hour|day|week|month)s?"
_INTERVAL = re.compile(
    rf"[0-9]{{1,4}} {_UNITS}(?: [0-9]{{1,4}} {_UNITS})*|[0-9]{{1,3}}:[0-5][0-9](?::[0-5][0-9])?"
)
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*")
_PLACEHOLDER = re.compile(r"\{[^}]*\}|[{}]")


def number(text: str) -> str | None:
    """A price, an amount, a quantity or a percentage: finite, not negative, six decimals."""
    if not _NUMBER.fullmatch(text):
        return "is no number; write it as 12.50: digits and one point, nothing else"
    value = Decimal(text)
    if value < 0:
        return "is negative; write 0 or more"
    whole, _, decimals = text.lstrip("+-").partition(".")
    if len(decimals.rstrip("0")) > DECIMALS:
        return f"has more than {DECIMALS} decimals; round it to {DECIMALS}"
    if len(whole.lstrip("0")) > WHOLE_DIGITS:
        return f"is too large; write at most {WHOLE_DIGITS} digits before the point"
    return None


def positive(text: str) -> str | None:
    """A number above zero."""
    problem = number(text)
    if problem is None and Decimal(text) == 0:
        return "is zero; write more than 0"
    return problem


def day(text: str) -> str | None:
    """A date of this century."""
    try:
        value = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        value = None
    if value is None:
        return "is no date; write it as 2026-05-01"
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        return f"is no plausible date; write a year from {FIRST_YEAR} to {LAST_YEAR}"
    return None


def zone(text: str) -> str | None:
    """An IANA time zone."""
    if text in _zones():
        return None
    return "is no time zone; write an IANA name as America/Toronto"


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def interval(text: str) -> str | None:
    """A length of time as PostgreSQL reads it, not negative."""
    if _INTERVAL.fullmatch(text):
        return None
    return "is no length of time; write it as 2 days or 36 hours"


def boolean(text: str) -> str | None:
    """true or false."""
    return None if text in ("true", "false") else "is neither; write true or false"


def days(text: str) -> str | None:
    """Whole days."""
    if text.isascii() and text.isdigit() and int(text) <= LONGEST_DUNNING_DAYS:
        return None
    return f"is no number of days; write a whole number from 0 to {LONGEST_DUNNING_DAYS}"


def identity(text: str) -> str | None:
    """An id of a record in Odoo, or an order: a whole number from one."""
    if text.isascii() and text.isdigit() and 0 < int(text) < 2**31:
        return None
    return "is no whole number; write one from 1 up"


def setting_name(text: str) -> str | None:
    """The name of a setting: a webhook's address or secret itself does not belong into git."""
    if _SETTING.fullmatch(text):
        return None
    return "is no name of a setting; write the name alone, as NEXACLOUD_WEBHOOK_URL"


def product_code(text: str) -> str | None:
    """A product's default_code with {plan_code} and {charge} filled in."""
    strange = [
        each for each in _PLACEHOLDER.findall(text) if each not in ("{plan_code}", "{charge}")
    ]
    return (
        f"{strange[0]} is filled by nothing; write {{plan_code}} or {{charge}}" if strange else None
    )


def currency(text: str) -> str | None:
    """The code of a currency, in capitals or not."""
    if len(text) == 3 and text.isascii() and text.isalpha():
        return None
    return "is no code of a currency; write three letters as CAD"


def anything(_text: str) -> str | None:
    """Any text."""
    return None


def one_of(*words: str) -> Judge:
    """One of these words."""

    def judge(text: str) -> str | None:
        return None if text in words else f"nobody knows this; write one of {', '.join(words)}"

    return judge
