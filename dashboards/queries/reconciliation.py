"""The reconciliation down to the line. Long answers come by the page, with their count."""

from __future__ import annotations

from connections.months import in_month

_FROM = f"""
    from {{marts}}.fct_reconciliation as r
    inner join {{marts}}.dim_services as s on r.service = s.service
    where {in_month("r.period_start", "s.timezone")}
        and r.currency = %(currency)s
        and (%(service)s::text is null or r.service = %(service)s)
        and (%(status)s::text is null or r.status = %(status)s)
        and (
            %(search)s::text is null
            or r.customer_name ilike %(search)s
            or r.external_subscription_id ilike %(search)s
            or r.plan_code ilike %(search)s
            or array_to_string(r.invoice_numbers, ' ') ilike %(search)s
        )
"""
COLUMNS = """
    r.service, r.subscription_id, r.external_subscription_id, r.external_customer_id,
    r.customer_name, r.plan_code,
    r.period_start, r.period_end, r.currency, r.list_amount, r.expected_amount, r.actual_amount,
    r.billed_amount, r.delta_amount, r.unexplained_amount, r.status, r.causes, r.invoice_numbers,
    r.expected_tax_amount, r.actual_tax_amount, r.tax_delta_amount
"""
ORDERS = {
    "Largest difference": "abs(r.delta_amount) desc",
    "Largest unexplained": "abs(r.unexplained_amount) desc",
    "Largest expected": "r.expected_amount desc nulls last",
    "Customer": "r.customer_name",
}
STATUSES = (
    "match", "explained", "unexplained", "missing_actual", "missing_expected", "not_comparable",
    "double_issuer",
)  # fmt: skip


def everything(order: str) -> str:
    """All rows, for an export."""
    key = "r.subscription_id, r.period_start"
    return f"select {COLUMNS} {_FROM} order by {ORDERS[order]}, {key}"


ONE = """
    select *
    from {marts}.fct_reconciliation
    where subscription_id = %(subscription_id)s and period_start = %(period_start)s
    order by period_end
    limit 1
"""
CAUSES = """
    select cause, variant, amount, currency, sentence, evidence
    from {marts}.fct_reconciliation_causes
    where subscription_id = %(subscription_id)s and period_start = %(period_start)s
    order by cause_order, cause
"""
LINES = """
    select
        line_key, kind, charge, description, quantity, unit_price, amount, currency,
        case when is_published then 'published' when approval_state = 'open' then 'waiting'
            else approval_state end as state,
        approved_by, document_key, blocked_reason
    from {serving}.fct_invoice_line_status
    where subscription_id = %(subscription_id)s
        and (service_period_start = %(period_start)s or corrects_period_start = %(period_start)s)
    order by segment_start, kind, charge, line_key
"""
DOCUMENTS = """
    select document_key, move_type, state, odoo_id, odoo_name, odoo_state, currency,
        expected_untaxed_amount, expected_tax_amount, expected_total_amount, confirmed_at
    from ops.publications
    where document_key = any(%(document_keys)s)
    order by document_key
"""
STORY = "select * from {serving}.rpt_line_story where line_key = %(line_key)s"
ONE_OFFS = """
    select o.service, o.external_customer_id, o.invoice_number, o.customer_name,
        o.invoice_status, o.issued_at, o.currency, o.amount, o.tax_amount,
        o.total_amount, o.match_status, o.odoo_move_id, o.odoo_name
    from {marts}.fct_one_off_invoices as o
    where o.month_on = %(month)s
        and o.currency = %(currency)s
        and (%(service)s::text is null or o.service = %(service)s)
    order by o.amount desc, o.invoice_number
"""
