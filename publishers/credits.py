"""Credits that a person asks for: a published line is never edited, it is credited.

In: a published line and an amount. Out: `ops.credit_requests`, and for each a line of kind `credit`
that must be approved like any other; it becomes a credit note linked to the document it corrects.
"""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from psycopg2.extensions import connection as Connection
from psycopg2.extras import RealDictCursor

from publishers.identities import speak_for
from publishers.ledger import lock_claims
from publishers.lines import Filters, Line, from_row


class CreditError(ValueError):
    """A credit that cannot be asked for, with the reason."""


def credit(
    conn: Connection,
    line_key: str,
    *,
    by: str,
    amount: Decimal | None = None,
    note: str | None = None,
) -> str:
    """Ask for a credit of a published line, whole or in part; the key of the line to approve.

    `line_key` may be the beginning of a key that no other published line shares. A credit that was
    rejected is as if it had never been asked for; the rejection is final, so ask again.
    Raises CreditError where the line was not published, or more than is left of it is asked for.
    """
    if not by.strip():
        raise CreditError("a credit needs a name: say who asks for it")
    with conn, conn.cursor(cursor_factory=RealDictCursor) as cursor:
        lock_claims(cursor)
        with conn.cursor() as who:
            speak_for(who, by)
        line = _published(cursor, line_key)
        left = line["amount"] - line["credited"]
        asked = left if amount is None else amount
        _check_amount(asked, line)
        if not 0 < asked <= left:
            raise CreditError(_too_much(line, left, asked))
        cursor.execute(
            "insert into ops.credit_requests (line_key, amount, note) values (%s, %s, %s)"
            " returning credit_id",
            (line["line_key"], asked, note),
        )
        return credit_key(cursor.fetchall()[0]["credit_id"])


def _check_amount(asked: Decimal, line: dict[str, Any]) -> None:
    """A credit is money: more than nothing, and no more digits than its currency has."""
    currency, decimals = line["currency"], int(line["decimals"])
    if not asked.is_finite() or asked < 0:
        raise CreditError(f"{asked} is no amount to credit: write it as in 12.50")
    exponent = asked.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > decimals:
        raise CreditError(f"{asked} is no amount of {currency}, which has {decimals} decimals")


_PUBLISHED = """
select
    lines.line_key, lines.amount, lines.currency, lines.kind,
    ops.currency_decimals(lines.currency) as decimals,
    coalesce(asked.amount, 0) as credited, asked.by as credited_by
from ops.publication_lines as lines
inner join ops.publications using (document_key)
left join lateral (
    select sum(-credits.amount) as amount,
        string_agg(
            asked.requested_by || ' ' || asked.amount || ' on ' || asked.requested_at::date, ', '
            order by asked.credit_id
        ) as by
    from ops.credit_lines as credits
    inner join ops.credit_requests as asked using (credit_id)
    where credits.credits_line_key = lines.line_key
) as asked on true
where starts_with(lines.line_key, %s) and lines.released_at is null and state = 'confirmed'
limit 2
"""


def _published(cursor: Any, beginning: str) -> dict[str, Any]:
    cursor.execute(_PUBLISHED, (beginning,))
    found = cursor.fetchall()
    if not found or not beginning:
        raise CreditError(
            f"line {beginning} is in no confirmed document: there is nothing to credit"
        )
    if len(found) > 1:
        raise CreditError(f"several published lines begin with {beginning}: give more of the key")
    line = dict(found[0])
    if line["kind"] == "credit" or line["amount"] <= 0:
        raise CreditError(
            f"line {line['line_key']} is a credit itself: let the next period charge it again"
        )
    return line


def _too_much(line: dict[str, Any], left: Decimal, asked: Decimal) -> str:
    said = f"line {line['line_key']} has {left} {line['currency']} left to credit, not {asked}"
    if line["credited_by"]:
        said += f" (asked for already: {line['credited_by']}; reject what is not meant)"
    return said


def rows(conn: Connection, filters: Filters) -> list[dict[str, Any]]:
    """Credits asked for, with the columns of fct_invoice_lines, their key and their hash."""
    with conn.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute("select * from ops.credit_lines order by credit_id")
        found = [_row(dict(row)) for row in cursor]
    return [row for row in found if _is_meant(row, filters)]


def _row(asked: dict[str, Any]) -> dict[str, Any]:
    content = asked.pop("credited_content")
    always = {
        "product_id": content.get("product_id"),
        "customer_name": content.get("customer_name") or "",
    }
    return {**content, **always, **asked}


def credit_key(credit_id: int) -> str:
    """The key of the line that a request becomes."""
    return hashlib.sha256(f"credit:{credit_id}".encode()).hexdigest()[:32]


def _is_meant(row: dict[str, Any], filters: Filters) -> bool:
    wanted = {
        "service": filters.service,
        "external_subscription_id": filters.external_subscription_id,
        "partner_id": filters.partner_id,
        "kind": filters.kind,
    }
    if filters.line_keys and row["line_key"] not in filters.line_keys:
        return False
    if filters.period and filters.period != _month(row):
        return False
    return all(row[name] == value for name, value in wanted.items() if value)


def _month(row: dict[str, Any]) -> str:
    """As connections.months.in_month."""
    zone = (row.get("policies") or {}).get("timezone") or "America/Toronto"
    return f"{row['service_period_start'].astimezone(ZoneInfo(zone)):%Y-%m}"


def publishable(conn: Connection, filters: Filters) -> list[Line]:
    """Credits that enough people approved and that are in no document yet."""
    found = [from_row(row) for row in rows(conn, filters)]
    open_keys = _approved_and_open(conn, found)
    return [line for line in found if (line.line_key, line.content_hash) in open_keys]


def _approved_and_open(conn: Connection, lines: Sequence[Line]) -> set[tuple[str, str]]:
    with conn.cursor() as cursor:
        cursor.execute(
            "select line_key, content_hash from ops.line_approval_status as status"
            " where is_approved and line_key = any(%s) and not exists ("
            "    select from ops.publication_lines as taken"
            "    where taken.line_key = status.line_key and taken.released_at is null)",
            ([line.line_key for line in lines],),
        )
        return set(cursor.fetchall())
