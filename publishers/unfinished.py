"""What of a month is not done yet, in the order of a month end, each with what does it.

In: a session that reads the marts and `ops`. Out: counts and amounts by currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from psycopg2.extensions import connection as Connection

from connections.currencies import rounded
from connections.months import in_month
from publishers.month_end import LINE_OF_MONTH, ask


@dataclass(frozen=True)
class Waiting:
    """Something of the month that is not done, and what does it."""

    what: str
    number: int
    amount: Decimal | None
    currency: str | None
    do: str

    @property
    def sentence(self) -> str:
        """How many, how much, and what does it."""
        amount = rounded(self.amount, self.currency) if self.amount is not None else None
        of = f" of {amount} {self.currency}" if amount is not None else ""
        return f"{self.what}: {self.number}{of}; {self.do}"


def waiting(conn: Connection, marts: str, month: date) -> list[Waiting]:
    """What of the month is not done, in the order of a month end."""
    return [
        Waiting(what, row["number"], row["amount"], row["currency"], do)
        for what, do, query in _WAITS
        for row in ask(conn, marts, query, month)
    ]


_UNEXPLAINED = f"""
    select count(*)::int as number, sum(abs(r.unexplained_amount)) as amount, r.currency
    from {{marts}}.fct_reconciliation as r
    inner join {{marts}}.dim_services as s on r.service = s.service
    where {in_month("r.period_start", "s.timezone")}
        and r.status not in ('match', 'explained', 'missing_actual')
    group by r.currency
    order by r.currency
"""
_NOT_ACCEPTED = f"""
    select count(*)::int as number, sum(abs(c.amount)) as amount, c.currency
    from {{marts}}.fct_reconciliation_causes as c
    inner join {{marts}}.dim_services as s on c.service = s.service
    where {in_month("c.period_start", "s.timezone")} and not exists (
        select from ops.cause_acceptances as known
        where known.service = c.service
            and known.external_subscription_id = c.external_subscription_id
            and known.period_start = c.period_start and known.cause = c.cause
            and known.amount = c.amount and known.currency = c.currency
    )
    group by c.currency
    order by c.currency
"""
_EXCEPTIONS = f"""
    select count(*)::int as number, sum(e.stake_amount) as amount, e.currency
    from {{serving}}.fct_billing_exceptions as e
    left join {{marts}}.dim_services as s on e.service = s.service
    where e.is_open and e.is_blocking and (
        {in_month("e.period_start", "coalesce(s.timezone, 'UTC')")}
        or e.exception_key in (
            select h.exception_key from {{marts}}.fct_line_exceptions as h
            inner join {{serving}}.fct_invoice_line_status as l on h.line_key = l.line_key
            inner join {{marts}}.dim_services as s on l.service = s.service
            where not l.is_published and {LINE_OF_MONTH}
        )
    )
    group by e.currency
    order by e.currency
"""
_LINES = f"""
    select count(*)::int as number, sum(l.amount) as amount, l.currency
    from {{serving}}.fct_invoice_line_status as l
    inner join {{marts}}.dim_services as s on l.service = s.service
    where not l.is_published and {{which}} and {LINE_OF_MONTH}
    group by l.currency
    order by l.currency
"""
_NOT_INVOICED = """
    select sum(period_count)::int as number, sum(expected_amount) as amount, currency
    from {marts}.rpt_reconciliation_by_month
    where period_month = %(month)s and status = 'missing_actual'
    group by currency
    order by currency
"""
_CREDITS = f"""
    select count(*)::int as number, sum(c.amount) as amount, c.currency
    from ops.credit_lines as c
    inner join {{marts}}.dim_services as s on c.service = s.service
    where {in_month("c.service_period_start", "s.timezone")} and not exists (
        select from ops.publication_lines as taken
        where taken.line_key = c.line_key and taken.released_at is null
    )
    group by c.currency
    order by c.currency
"""
_DOCUMENTS = f"""
    select count(*)::int as number, sum(p.expected_total_amount) as amount, p.currency
    from ops.publications as p
    inner join {{marts}}.dim_services as s on p.service = s.service
    where {in_month("p.billing_period_start", "s.timezone")} and {{which}}
    group by p.currency
    order by p.currency
"""
_WAITS = (
    ("differences that nothing explains", "`billing reconcile` names them", _UNEXPLAINED),
    ("causes that nobody accepted", "`billing readiness --accept explained`", _NOT_ACCEPTED),
    ("exceptions that hold lines", "`billing exceptions`, or the page Exceptions", _EXCEPTIONS),
    (
        "lines that wait for approval",
        "the page Approvals, or `billing approve`",
        _LINES.replace("{which}", "l.is_approvable and not l.is_approved"),
    ),
    (
        "approved lines that are not published",
        "`billing publish --go`",
        _LINES.replace("{which}", "l.is_approved"),
    ),
    (
        "periods that nobody invoiced as of the build",
        "`billing lines` says what holds them; after publishing, `billing run`",
        _NOT_INVOICED,
    ),
    (
        "credits that are asked for and not published",
        "approve them or reject them, then `billing publish --go`",
        _CREDITS,
    ),
    (
        "documents that are not confirmed in Odoo",
        "`billing publish` says why",
        _DOCUMENTS.replace("{which}", "p.state in ('claimed', 'sent', 'quarantined')"),
    ),
    (
        "drafts that are not posted in Odoo",
        "confirm them there, then `billing publish --go` reads them back",
        _DOCUMENTS.replace("{which}", "p.state = 'confirmed' and p.odoo_state = 'draft'"),
    ),
)
