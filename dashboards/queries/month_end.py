"""What an auditor asks of a month: sides, causes, documents, decisions, what reached no line."""

from __future__ import annotations

from connections.months import in_month

SIDES = """
    select
        service, currency, sum(period_count)::int as rows,
        coalesce(sum(period_count) filter (where status = 'match'), 0)::int as matching,
        coalesce(sum(period_count) filter (where status = 'explained'), 0)::int as explained,
        coalesce(sum(period_count) filter (where status not in ('match', 'explained')), 0)::int
            as open_rows,
        sum(expected_amount) as expected_amount, sum(actual_amount) as actual_amount,
        sum(billed_amount) as billed_amount, sum(delta_amount) as delta_amount,
        sum(explained_amount) as explained_amount, sum(unexplained_amount) as unexplained_amount
    from {marts}.rpt_reconciliation_by_month
    where period_month = %(month)s
    group by service, currency
    order by service, currency
"""
CAUSES = """
    select service, currency, cause, subscription_count, leakage_amount, overbilling_amount,
        waiting_amount, delta_amount
    from {marts}.rpt_money_at_stake
    where period_month = %(month)s
    order by service, currency, abs(delta_amount) desc, cause
"""
# A day around the month first, whatever the clock: a range that an index knows.
_PERIOD = f"""
    l.service_period_start >= %(month)s::date - interval '1 day'
    and l.service_period_start < %(month)s::date + interval '1 month 1 day'
    and {in_month("l.service_period_start", "s.timezone")}
"""
LINES = f"""
    select
        l.service, l.currency,
        case when l.is_published then 'published' when l.is_approved then 'approved'
            when l.is_approvable then 'waiting' else 'blocked' end as state,
        count(*)::int as line_count, sum(l.amount) as amount
    from {{serving}}.fct_invoice_line_status as l
    inner join {{marts}}.dim_services as s on l.service = s.service
    where {_PERIOD}
    group by 1, 2, 3
    order by 1, 2, 3
"""
DOCUMENTS = f"""
    select
        p.service, p.currency, p.move_type, p.state,
        coalesce(p.odoo_state, 'unknown') as odoo_state,
        count(*)::int as document_count, sum(p.expected_untaxed_amount) as expected_untaxed_amount,
        sum(p.expected_tax_amount) as expected_tax_amount,
        sum(p.expected_total_amount) as expected_total_amount,
        sum(p.odoo_total_amount) as odoo_total_amount,
        sum(coalesce(p.odoo_total_amount, 0) - p.expected_total_amount) as difference_amount
    from ops.publications as p
    inner join {{marts}}.dim_services as s on p.service = s.service
    where {in_month("p.billing_period_start", "s.timezone")}
    group by 1, 2, 3, 4, 5
    order by 1, 2, 3, 4, 5
"""
DECISIONS = f"""
    select decided_by, decision, policy_version, currency, count(*)::int as decision_count,
        sum(amount) as amount, min(decided_at) as first_at, max(decided_at) as last_at
    from ops.line_approvals as a
    inner join {{marts}}.dim_services as s on a.content ->> 'service' = s.service
    where {in_month("(a.content ->> 'service_period_start')::timestamptz", "s.timezone")}
    group by decided_by, decision, policy_version, currency
    order by decided_by, decision
"""
USAGE_LEFT_OUT = f"""
    select u.service, u.metric, u.reason, u.severity, count(*)::int as record_count,
        sum(u.quantity) as quantity
    from {{marts}}.fct_usage_exceptions as u
    left join {{marts}}.dim_services as s on u.service = s.service
    where {in_month("u.event_at", "coalesce(s.timezone, 'UTC')")} or u.event_at is null
    group by 1, 2, 3, 4
    order by u.severity, count(*) desc, u.reason
"""
EXCEPTIONS = """
    select severity, kind, currency, count(*)::int as exception_count,
        count(*) filter (where is_blocking)::int as blocking_count,
        sum(stake_amount) as stake_amount, max(age_days) as oldest_days
    from {serving}.fct_billing_exceptions
    where is_open
    group by severity, kind, currency
    order by array_position(array['critical', 'high', 'medium', 'low'], severity), kind, currency
"""
LOADS = """
    select distinct on (source, table_name)
        source, table_name, finished_at, read_count, created_count, updated_count, rejected_count,
        deleted_count, watermark_to
    from ops.load_runs
    where status = 'succeeded' and not is_dry_run
    order by source, table_name, load_run_id desc
"""
