"""Drafts become rows: invoices with items and taxes, copies and voided ones beside them.

Flows in: drafts. Flows out: rows of `invoices` and `invoice_items`, numbered by time of issue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from sandbox.app_invoices import PROVINCE_TAXES, Heading, add_invoice, item, tax_items
from sandbox.fault_world.causes import ISSUED_AFTER, Draft
from sandbox.fault_world.rating import AppLine, Month
from sandbox.rows import Row, Sample, cents

_PROVINCES = tuple(PROVINCE_TAXES)
_ONE_OFFS_A_MONTH = 4


@dataclass(frozen=True)
class _Issue:
    """One paper of a draft (None: a one-off of its own), before it has a number."""

    issued_at: datetime
    name: str  # for an order that is the same for ever
    user: int
    subscription_id: str | None
    period: tuple[datetime, datetime]
    status: str
    items: list[Row]
    is_taxed: bool = True


def province_of(user: int) -> str:
    """The province of the user with that index."""
    return _PROVINCES[user % len(_PROVINCES)]


def gross(amount: Decimal, province: str) -> Decimal:
    """An amount with the province's taxes in it, rounded once."""
    percent = sum((rate for _, rate in PROVINCE_TAXES[province]), Decimal(0))
    return cents(amount * (100 + percent) / 100)


def write_invoices(
    sample: Sample, drafts: Iterable[Draft], months: Iterable[Month], random: Random
) -> list[Row]:
    """Write all invoices into the sample; return the one-offs as {number, amount}."""
    issues = [issue for draft in drafts for issue in _issues(draft)]
    issues.extend(_one_offs(len(sample.users), months, random))
    one_offs = []
    ordered = sorted(issues, key=lambda issue: (issue.issued_at, issue.name))
    for number, issue in enumerate(ordered, start=1):
        heading = Heading(
            f"GEN-{number:06d}",
            sample.users[issue.user],
            issue.subscription_id,
            issue.period,
            issue.issued_at,
            issue.status,
        )
        subtotal = sum((row["amount"] for row in issue.items), Decimal(0))
        taxes = tax_items(province_of(issue.user), subtotal) if issue.is_taxed else []
        add_invoice(sample, heading, issue.items, taxes)
        if issue.subscription_id is None:
            one_offs.append({"number": heading.number, "amount": subtotal})
    return one_offs


def _issues(draft: Draft) -> Iterator[_Issue]:
    """Give every paper of a draft: itself, its copy, and what does not count beside it."""
    papers = [(timedelta(days=copy), draft.status) for copy in range(draft.copies)]
    papers += [(timedelta(hours=-1), status) for status in draft.companions]
    subscription = draft.key.subscription
    for delay, status in papers:
        yield _Issue(
            draft.issued_at + delay,
            f"{subscription.number:06d} {status}",
            subscription.user,
            subscription.id,
            draft.period,
            status,
            list(_items(draft)),
            is_taxed=not draft.is_gross,
        )


def _items(draft: Draft) -> Iterator[Row]:
    province = province_of(draft.key.subscription.user)
    for line in draft.lines:
        amount = gross(line.amount, province) if draft.is_gross else line.amount
        row = item(line.kind, _describe(line), (line.quantity, line.unit_price), amount)
        yield row | {"period_start": line.start, "period_end": line.end}
    if draft.one_off:
        yield item("one_off", "Restore of a backup", (Decimal(1), draft.one_off), draft.one_off)
    if draft.credit:
        yield item("credit", "Credit for an outage", (Decimal(1), -draft.credit), -draft.credit)


def _describe(line: AppLine) -> str:
    if line.kind == "usage":
        return f"{line.terms.code}: CPU seconds over the included ones"
    return f"{line.terms.code}: {'month' if line.kind == 'base' else 'part of the month'}"


def _one_offs(users: int, months: Iterable[Month], random: Random) -> Iterator[_Issue]:
    """Invoices without a subscription: a stream of their own."""
    for month in months:
        for ordinal in range(_ONE_OFFS_A_MONTH):
            amount = Decimal(random.randrange(1000, 90000)).scaleb(-2)
            items = [item("one_off", "Work by the hour", (Decimal(1), amount), amount)]
            period = (month.start, month.end)
            issued_at = month.end + ISSUED_AFTER
            name = f"one-off {ordinal}"
            yield _Issue(issued_at, name, random.randrange(users), None, period, "paid", items)
