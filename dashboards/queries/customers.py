"""One customer: what it holds, used, was invoiced and paid, and what stands in its way."""

from __future__ import annotations

from dashboards.queries.invoices import NUMBER

CUSTOMERS = """
    select c.service, c.external_customer_id, c.customer_name, c.province, c.partner_name,
        count(s.subscription_id) filter (where s.is_held)::int as held_count,
        count(s.subscription_id)::int as subscription_count
    from {marts}.dim_customers as c
    left join {marts}.dim_subscriptions as s
        on c.service = s.service and c.external_customer_id = s.external_customer_id
    where (%(service)s::text is null or c.service = %(service)s)
        and (%(partner)s::bigint is null or c.partner_id = %(partner)s)
        and (%(search)s::text is null or c.customer_name ilike %(search)s
            or c.email ilike %(search)s or c.partner_name ilike %(search)s)
    group by c.service, c.external_customer_id, c.customer_name, c.province, c.partner_name
    order by lower(c.customer_name), c.service, c.external_customer_id
"""
ONE = """
    select service, external_customer_id, customer_name, email, province, partner_id, partner_name,
        certainty, identity_problem, tax_problem, is_active
    from {marts}.dim_customers
    where service = %(service)s and external_customer_id = %(account)s
"""
_OF_ACCOUNT = "service = %(service)s and external_customer_id = %(account)s"
SUBSCRIPTIONS = f"""
    select service, subscription_id, external_subscription_id, plan_code, plan_name,
        billing_interval, price_amount, currency, status, started_at, ended_at, is_held,
        deployment_count, problem
    from {{marts}}.dim_subscriptions
    where {_OF_ACCOUNT}
    order by is_held desc, started_at desc nulls last, subscription_id
"""
MRR = f"""
    select currency, sum(mrr_amount) as mrr_amount
    from {{marts}}.fct_mrr
    where {_OF_ACCOUNT}
        and month_on = (select max(month_on) from {{marts}}.fct_mrr)
        and subscription_id = any(%(subscriptions)s::text[])
    group by currency
    order by currency
"""
# Odoo's documents are of the partner who pays: those of this service, and those entered by hand.
_INVOICED = """
    (external_customer_id = %(account)s and service = %(service)s
        or (issuer = 'odoo' and partner_id = %(partner)s
            and (service is null or service = %(service)s)))
"""
INVOICES = f"""
    select invoice_key, issuer, {NUMBER} as invoice_number, document_type, document_key,
        issued_on, due_on, month_on, invoice_state, currency, net_amount, tax_amount,
        total_amount, open_amount, overdue_days
    from {{marts}}.fct_invoices
    where {_INVOICED}
    order by issued_on desc nulls last, invoice_key
"""
OWED = f"""
    select currency, sum(open_amount) as open_amount,
        coalesce(sum(open_amount) filter (where overdue_days > 0), 0) as overdue_amount,
        max(overdue_days) as overdue_days,
        coalesce(sum(total_amount) filter (where invoice_state = 'draft'), 0) as draft_amount
    from {{marts}}.fct_invoices
    where {_INVOICED}
    group by currency
    order by currency
"""
PAYMENTS = f"""
    select issuer, invoice_key, {NUMBER} as invoice_number, settled_by, payment_reference, paid_at,
        is_assumed_time, currency, amount
    from {{marts}}.fct_payments
    where {_INVOICED}
    order by paid_at desc nulls last, payment_key
"""
LINES = """
    select line_key, subscription_id, description, plan_code, service_period_start, amount,
        currency,
        case when is_published then 'published' when is_approved then 'approved'
            when is_approvable then 'waiting' else 'blocked' end as state,
        blocked_reason
    from {serving}.fct_invoice_line_status
    where subscription_id = any(%(subscriptions)s::text[])
    order by service_period_start desc, description, line_key
"""
EXCEPTIONS = f"""
    select kind, severity, is_blocking, is_open, description, what_to_do, age_days, currency,
        stake_amount, acknowledged_by
    from {{serving}}.fct_billing_exceptions
    where {_OF_ACCOUNT} or subscription_id = any(%(subscriptions)s::text[])
    order by is_open desc, is_blocking desc, stake_amount desc nulls last, exception_key
"""
DIFFERENCES = """
    select subscription_id, plan_code, period_start, currency, expected_amount, actual_amount,
        billed_amount, delta_amount, unexplained_amount, status, causes
    from {marts}.fct_reconciliation
    where subscription_id = any(%(subscriptions)s::text[])
        and (delta_amount <> 0 or status <> 'match')
    order by period_start desc, subscription_id
"""
DECISIONS = """
    select decided_at, decision, subject_type, description, decided_by, is_by_policy, reason,
        amount, currency, case when subject_type = 'line' then subject end as line_key
    from {serving}.decisions
    where subscription_id = any(%(subscriptions)s::text[])
    order by decided_at desc, decision_key
"""
# All days of a subscription, asked once: the page chooses the month and the metric.
USAGE = """
    select usage_on, metric, charge, plan_code, segment_start, used_quantity, running_quantity,
        included_quantity, billable_on_day_quantity, billable_quantity
    from {serving}.fct_usage_daily
    where subscription_id = %(subscription)s
    order by usage_on desc, metric, charge
"""
