"""What waits for somebody, what holds lines back, this month beside the one before."""

from __future__ import annotations

# A reason that holds a line, and the words of blocked_reason by which it is known.
REASONS = {
    "gate_closed": "the gate of its subscription is closed",
    "exception_open": "an exception is open: ",
    "partner_missing": "the customer has no Odoo partner yet",
    "partner_gone": "its Odoo partner is archived or gone",
    "tax_unresolved": "the taxes of the customer are not resolved",
    "product_taxed_otherwise": "has taxes of its own in Odoo",
    "odoo_bills_it": "Odoo would invoice it by itself: ",
    "not_judged": "it was rebuilt and not judged yet",
}
# Where the lines stand that cost something and whose period is over. What the app invoiced, or
# issues for because the gate opens later, needs nobody: one issuer.
LINES = """
    with judged as (
        select currency, amount, is_approved, is_approvable, blocked_reason
        from {serving}.fct_invoice_line_status
        where not is_published and is_billable and amount <> 0
        offset 0
    ),
    lines as materialized (
        select currency, is_approvable, is_approved,
            case when not is_approvable then blocked_reason end as blocked_reason,
            count(*)::int as line_count, sum(amount) as amount
        from judged
        where is_approvable or not blocked_reason like any (%(of_app)s::text[])
        group by 1, 2, 3, 4
    ),
    reasons as (
        select * from unnest(%(reasons)s::text[], %(words)s::text[]) as known (reason, words)
    )
    select
        case when not is_approvable then 'blocked' when is_approved then 'approved'
            else 'waiting' end as state,
        null::text as reason, currency, sum(line_count)::int as line_count, sum(amount) as amount
    from lines
    group by 1, currency
    union all
    select 'blocked for', coalesce(reasons.reason, 'other'), lines.currency,
        sum(lines.line_count)::int, sum(lines.amount)
    from lines
    left join reasons on position(reasons.words in lines.blocked_reason) > 0
    where not lines.is_approvable
    group by coalesce(reasons.reason, 'other'), lines.currency
    order by 1, 4 desc, 2, 3
"""
PARAMETERS = {
    "of_app": ["%the app already invoiced the period in %", "%Odoo issues only from %"],
    "reasons": list(REASONS),
    "words": list(REASONS.values()),
}
KINDS = """
    select kind, severity, count(*)::int as open_count,
        count(*) filter (where is_blocking)::int as blocking_count, max(age_days) as oldest_days,
        max(owner) as owner, max(what_to_do) as what_to_do
    from {serving}.fct_billing_exceptions
    where is_open
    group by kind, severity
    order by array_position(array['critical', 'high', 'medium', 'low'], severity),
        count(*) filter (where is_blocking) desc, count(*) desc, kind
"""
# As ops.publication_findings has it, which the pages' role does not read.
ALARMS = """
    select document_key, odoo_id, odoo_name, service, currency, expected_total_amount,
        case when state = 'quarantined' then 'quarantined' else finding end as finding
    from ops.publications
    where state = 'quarantined'
        or (state = 'confirmed'
            and finding in ('posted_by_bot', 'edited', 'cancelled', 'deleted'))
        or (state in ('confirmed', 'released') and finding = 'released_document_is_back')
    order by document_key
"""
BUILD = "select code_version, tests_passed from {marts}.dim_build"
# The newest month with something in it, and the one before. An invoice that people entered in Odoo
# by hand has no service: it may be the twin of one of the app's, and counts once.
MONTHS = """
    with earned as (
        select revenue_month as month_on, currency, sum(earned_amount) as earned_amount,
            sum(usage_amount) as usage_amount
        from {marts}.rpt_revenue_by_month
        group by revenue_month, currency
    ),
    invoiced as (
        select month_on, currency,
            coalesce(sum(net_amount) filter (where invoice_state = 'draft'), 0) as draft_amount,
            coalesce(sum(net_amount) filter (
                where invoice_state in ('posted', 'partly_paid', 'paid', 'credited',
                    'uncollectible')
            ), 0) as invoiced_amount
        from {marts}.fct_invoices
        where service is not null
        group by month_on, currency
    )
    select month_on, currency, coalesce(earned_amount, 0) as earned_amount,
        coalesce(usage_amount, 0) as usage_amount, coalesce(draft_amount, 0) as draft_amount,
        coalesce(invoiced_amount, 0) as invoiced_amount
    from earned
    full join invoiced using (month_on, currency)
    where month_on > (select max(revenue_month) from {marts}.rpt_revenue_by_month)
        - interval '2 months'
    order by currency, month_on
"""
