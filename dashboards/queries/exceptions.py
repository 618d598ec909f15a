"""What a person has to look at, by stake or by age."""

from __future__ import annotations

_FROM = """
    from {serving}.fct_billing_exceptions
    where (%(every)s or is_open)
        and (%(service)s::text is null or service = %(service)s)
        and (%(kind)s::text is null or kind = %(kind)s)
        and (%(severity)s::text is null or severity = %(severity)s)
"""
ORDERS = {
    "Blocking, then stake": "is_blocking desc, stake_amount desc nulls last",
    "Stake": "stake_amount desc nulls last",
    "Oldest": "age_days desc nulls last",
}
SEVERITIES = ("critical", "high", "medium", "low")
SUMMARY = """
    select
        count(*) filter (where is_open) as open_count,
        count(*) filter (where is_open and is_blocking) as blocking_count,
        count(*) filter (where is_open and severity in ('critical', 'high')) as urgent_count,
        count(*) filter (where not is_open) as acknowledged_count,
        max(age_days) filter (where is_open) as oldest_days
    from {serving}.fct_billing_exceptions
    where %(service)s::text is null or service = %(service)s
"""
STAKES = """
    select currency, sum(stake_amount) as stake_amount
    from {serving}.fct_billing_exceptions
    where is_open and currency is not null and stake_amount is not null
        and (%(service)s::text is null or service = %(service)s)
    group by currency
    order by sum(stake_amount) desc
"""
KINDS = """
    select kind, count(*) filter (where is_open) as open_count
    from {serving}.fct_billing_exceptions
    group by kind
    order by kind
"""


def everything(order: str) -> str:
    """All of them, for an export."""
    return f"select * {_FROM} order by {ORDERS[order]}, exception_key"
