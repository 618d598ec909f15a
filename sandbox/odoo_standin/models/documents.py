"""Facts about documents that several behaviours share: kinds, journals, rates, due dates.

Flows in: values or rows of account.move. Flows out: ids, dates and signs.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.odoo_standin.environment import Env, Row
from sandbox.odoo_standin.errors import UserError
from sandbox.odoo_standin.values import parse_date, round_to

SALES = ("out_invoice", "out_refund")
PURCHASES = ("in_invoice", "in_refund")
INVOICES = (*SALES, *PURCHASES)
_HUNDRED = Decimal(100)


def sign_of(move_type: str) -> int:
    """Return +1 where the partner owes the total (invoices, vendor refunds), else -1."""
    return 1 if move_type in ("out_invoice", "in_refund", "entry") else -1


def signed_total_sign(move_type: str) -> int:
    """Return the sign of the *_signed amounts."""
    return -1 if move_type in ("out_refund", "in_invoice") else 1


def default_journal(env: Env, move_type: str, company_id: int) -> int:
    """Return the first journal of the fitting kind; raises UserError when there is none."""
    kind = "sale" if move_type in SALES else "purchase" if move_type in PURCHASES else "general"

    def first() -> Any:
        return env.scalar(
            """select id from account_journal where type = %s and company_id = %s and active
               order by sequence, id limit 1""",
            (kind, company_id),
        )

    journal_id = env.cached(("journal", kind, company_id), first)
    if journal_id is None:
        raise UserError(
            f"No journal could be found in company {env.company_of(company_id)['name']} "
            f"for any of those types: {kind}"
        )
    return int(journal_id)


def currency_rate(env: Env, currency_id: int, company_id: int, on: datetime.date) -> Decimal:
    """Return units of the currency per unit of the company's; without a rate row it is 1."""

    def rate_of(wanted: int) -> Decimal:
        found = env.scalar(
            """select rate from res_currency_rate where currency_id = %s and name <= %s
               and (company_id is null or company_id = %s) order by name desc limit 1""",
            (wanted, on, company_id),
        )
        return Decimal(1) if found is None else Decimal(found)

    own = env.company_of(company_id)["currency_id"]
    if currency_id == own:
        return Decimal(1)
    return env.cached(("rate", currency_id, on), lambda: rate_of(currency_id) / rate_of(own))


def instalments(env: Env, term_id: int | None) -> list[Row]:
    """Return the lines of a payment term."""
    if not term_id:
        return []
    return env.cached(
        ("term", term_id),
        lambda: env.rows(
            "select * from account_payment_term_line where payment_id = %s order by id", (term_id,)
        ),
    )


def due_dates(
    env: Env, move: Mapping[str, Any], total: Decimal, decimals: int
) -> list[tuple[datetime.date, Decimal]]:
    """Return (date, amount) per instalment; one of the whole amount without a payment term."""
    lines = instalments(env, move.get("invoice_payment_term_id") or None)
    start = parse_date(move.get("invoice_date")) or env.today
    if not lines:
        return [(parse_date(move.get("invoice_date_due")) or env.today, total)]
    parts: list[tuple[datetime.date, Decimal]] = []
    rest = total
    for line in lines:
        is_last = line is lines[-1]
        share = Decimal(line["value_amount"])
        amount = share if line["value"] == "fixed" else round_to(total * share / _HUNDRED, decimals)
        parts.append((_due(line, start), rest if is_last else amount))
        rest -= amount
    return parts


def due_date(env: Env, move: Mapping[str, Any]) -> datetime.date:
    """Return the last due date: of the term, else today (not the invoice's date: measured)."""
    return max(date for date, _ in due_dates(env, move, Decimal(0), 2))


def _due(line: Row, start: datetime.date) -> datetime.date:
    days = datetime.timedelta(days=int(line["nb_days"] or 0))
    month_end = start.replace(day=calendar.monthrange(start.year, start.month)[1])
    match line["delay_type"]:
        case "days_after_end_of_month":
            return month_end + days
        case "days_after_end_of_next_month":
            following = month_end + datetime.timedelta(days=1)
            last = calendar.monthrange(following.year, following.month)[1]
            return following.replace(day=last) + days
        case _:
            return start + days
