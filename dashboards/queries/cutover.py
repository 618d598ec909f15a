"""Who may move to Odoo, since when they agree, what still blocks, who opened which gate."""

from __future__ import annotations

SERVICES = """
    select
        r.service, s.timezone,
        count(*) as subscription_count,
        count(*) filter (where r.is_ready) as ready_count,
        count(*) filter (where r.is_gate_open) as gate_open_count,
        count(*) filter (where not r.has_agreeing_periods) as periods_missing,
        count(*) filter (where not r.has_identity) as identity_missing,
        count(*) filter (where not r.has_tax) as tax_missing,
        count(*) filter (where not r.has_catalogue) as catalogue_missing,
        count(*) filter (where not r.has_no_exception) as exceptions_open
    from {serving}.cutover_readiness as r
    inner join {marts}.dim_services as s on r.service = s.service
    where %(service)s::text is null or r.service = %(service)s
    group by r.service, s.timezone
    order by r.service
"""
HISTORY = """
    select
        period_month, sum(subscription_count)::int as subscription_count,
        sum(agreeing_count)::int as agreeing_count,
        sum(missing_actual_count)::int as missing_actual_count,
        sum(disagreeing_count)::int as disagreeing_count
    from (
        select *, row_number() over (partition by service order by period_month desc) as age
        from {serving}.rpt_agreement_by_month
        where %(service)s::text is null or service = %(service)s
    ) as months
    where age <= 12
    group by period_month
    order by period_month
"""
_FROM = """
    from {serving}.cutover_readiness
    where (%(service)s::text is null or service = %(service)s)
        and (%(state)s::text is null
            or (%(state)s = 'ready' and is_ready and not is_gate_open)
            or (%(state)s = 'not ready' and not is_ready)
            or (%(state)s = 'gate open' and is_gate_open))
        and (%(search)s::text is null or customer_name ilike %(search)s
            or external_subscription_id ilike %(search)s or plan_code ilike %(search)s)
"""
STATES = ("ready", "not ready", "gate open")
_ORDER = "order by is_gate_open, is_ready desc, customer_name, subscription_id"
EVERYTHING = f"select * {_FROM} {_ORDER}"
ONE = "select * from {serving}.cutover_readiness where subscription_id = %(subscription_id)s"
TIMEZONE = "select timezone from {marts}.dim_services where service = %(service)s"
PERIODS = """
    select period_start_on, period_start, period_end, status, compared_side, expected_amount,
        delta_amount, unexplained_amount, currency, is_accepted, is_agreeing, agreeing_period_count
    from {serving}.cutover_readiness_by_period
    where subscription_id = %(subscription_id)s
    order by period_start desc
    limit 24
"""
# Causes of explained differences that nobody accepted at this amount.
UNACCEPTED = """
    select c.service, c.external_subscription_id, c.period_start, c.cause, c.amount, c.currency,
        c.sentence
    from {marts}.fct_reconciliation_causes as c
    inner join {marts}.fct_reconciliation as r
        on c.subscription_id = r.subscription_id and c.period_start = r.period_start
            and c.period_end = r.period_end
    where c.subscription_id = %(subscription_id)s and r.status = 'explained'
        and not exists (
            select from ops.cause_acceptances as known
            where known.service = c.service and known.period_start = c.period_start
                and known.external_subscription_id = c.external_subscription_id
                and known.cause = c.cause and known.amount = c.amount
                and known.currency = c.currency
        )
    order by c.period_start, c.cause_order
"""
GATES = """
    select decided_at, decision, from_period_start, decided_by, note
    from ops.cutover_gates
    where service = %(service)s and external_subscription_id = %(external_subscription_id)s
    order by gate_id desc
"""
EXCEPTIONS = """
    select severity, description, what_to_do, owner
    from {serving}.fct_billing_exceptions
    where is_open and closes_gate
        and (subscription_id = %(subscription_id)s
            or (subscription_id is null and external_customer_id = %(external_customer_id)s
                and service = %(service)s))
    order by stake_amount desc nulls last
"""
