"""Lines that wait for a person, and what is known about each decision so far."""

from __future__ import annotations

# What the page may show; each is a condition on fct_invoice_line_status.
VIEWS = {
    "Waiting for approval": "is_approvable and not is_approved",
    "Approved, not published": "is_approved and not is_published",
    "Changed since approval": "approval_state = 'changed' and not is_published",
    "Rejected or revoked": "approval_state in ('rejected', 'revoked')",
    "Blocked": "not is_published and not is_approvable",
}
_CONDITIONS = """
    where {view}
        and (%(service)s::text is null or service = %(service)s)
        and (%(search)s::text is null or customer_name ilike %(search)s
            or external_subscription_id ilike %(search)s or description ilike %(search)s)
"""
_GROUP = "service, partner_id, billing_period_start, billing_period_end, currency"


def documents(view: str) -> str:
    """One page of the documents to be: customer, service, billing period, currency.

    Beside each stands what there is in all, the sums by currency as text: where lines stand is
    computed over many, and asked once.
    """
    conditions = _CONDITIONS.replace("{view}", VIEWS[view])
    return f"""
        with documents as materialized (
            select {_GROUP}, max(customer_name) as customer_name, count(*)::int as line_count,
                sum(amount) as amount
            from {{serving}}.fct_invoice_line_status {conditions}
            group by {_GROUP}
        ),
        sums as (
            select currency, sum(amount)::text as amount from documents group by currency
        )
        select documents.*, count(*) over ()::int as total_rows,
            sum(line_count) over ()::int as total_lines,
            (select jsonb_object_agg(currency, amount) from sums) as total_amounts
        from documents
        order by billing_period_start, customer_name, partner_id, service, currency
        limit %(size)s offset %(offset)s
    """


def lines(view: str) -> str:
    """All lines of a view, for an export."""
    conditions = _CONDITIONS.replace("{view}", VIEWS[view])
    return f"""
        select * from {{serving}}.fct_invoice_line_status {conditions}
        order by customer_name, external_subscription_id, service_period_start, line_key
    """


def lines_of_documents(view: str) -> str:
    """All lines that the drafts of some documents would hold; `is_in_view` marks the view's own."""
    return f"""
        select *, ({VIEWS[view]}) as is_in_view
        from {{serving}}.fct_invoice_line_status
        where (({VIEWS[view]}) or is_approvable)
            and (partner_id = any(%(partners)s::bigint[]) or %(is_unknown)s and partner_id is null)
            and billing_period_start = any(%(starts)s::timestamptz[])
            and (service, coalesce(partner_id, 0), billing_period_start, currency) in (
                select * from unnest(%(services)s::text[], %(partners)s::bigint[],
                    %(starts)s::timestamptz[], %(currencies)s::text[])
            )
        order by external_subscription_id, service_period_start, kind, charge, line_key
    """


# Lines with a standing decision of which none is at today's hash: few, so that only they are asked.
CHANGED = """
    select said.line_key
    from (
        select distinct on (line_key) line_key, decision
        from ops.line_approvals
        order by line_key, approval_id desc
    ) as said
    inner join {marts}.fct_invoice_lines as lines on said.line_key = lines.line_key
    where said.decision = 'approve'
        and not exists (
            select from ops.line_approvals as known
            where known.line_key = lines.line_key and known.content_hash = lines.content_hash
        )
        and not exists (
            select from ops.publication_lines as published
            where published.line_key = lines.line_key and published.released_at is null
        )
    order by said.line_key
    limit 200
"""
# The last decision about a line, whatever its hash; and what counts at today's hash.
STANDING = """
    select
        said.line_key, max(said.approval_id) as latest_id,
        max(status.person_count) as person_count,
        max(status.required_approver_count) as required_approver_count,
        max(status.approved_by) as approved_by
    from ops.line_approvals as said
    left join ops.line_approval_status as status
        on said.line_key = status.line_key and said.content_hash = status.content_hash
        and status.content_hash = any(%(hashes)s)
    where said.line_key = any(%(keys)s)
    group by said.line_key
"""
FOUR_EYES = """
    select service, currency, min(four_eyes_amount) as four_eyes_amount
    from ops.policies_in_force
    group by service, currency
    order by coalesce(service, ''), currency
"""
TAXES = """
    select tax_id, tax_name, components, is_price_included
    from {marts}.dim_taxes
    where tax_id = any(%(tax_ids)s)
"""
