"""The one meaning of a month in every question that pages and commands ask.

Flows in: a column and the time zone of its service, both SQL. Flows out: a condition over the
named parameter `month`, the first day of it. What has a start belongs to the month in which it
begins on its service's own clock; an invoice without a subscription to that of the time that it
names, else of its issue (column `month_on` of fct_one_off_invoices).
"""

from __future__ import annotations

from datetime import date


def in_month(column: str, zone: str = "services.timezone") -> str:
    """A range, not a function of the column, so that an index finds the month."""
    start = f"%(month)s::timestamp at time zone {zone}"
    end = f"(%(month)s::timestamp + interval '1 month') at time zone {zone}"
    return f"({column} >= ({start}) and {column} < ({end}))"


def first_day(month: str | None) -> date | None:
    """`2026-05` -> the parameter of in_month; None stays None."""
    return None if month is None else date.fromisoformat(f"{month}-01")
