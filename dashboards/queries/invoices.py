"""Every invoice whoever issued it, by state, month and due date; payments beside them."""

from __future__ import annotations

STATES = (
    "draft", "posted", "partly_paid", "paid", "credited", "void", "uncollectible", "unknown",
)  # fmt: skip
# Who issued it: the app, Odoo out of our documents, or people in Odoo by hand.
ORIGINS = ("app", "from_here", "by_hand")
_ORIGIN = """
    case when issuer = 'app' then 'app' when document_key is not null then 'from_here'
        else 'by_hand' end
"""
# A draft of Odoo has no number yet.
NUMBER = "coalesce(invoice_number, 'draft ' || split_part(invoice_key, ':', 2))"
DUE = {
    "Overdue": "overdue_days > 0",
    "Overdue for more than 30 days": "overdue_days > 30",
    "Due within 7 days": "overdue_days between -7 and 0",
}
MONTHS = """
    select distinct month_on
    from {marts}.fct_invoices
    where month_on is not null
    order by month_on desc
"""
CURRENCIES = """
    select currency, count(*)::int as rows
    from {marts}.fct_invoices
    where currency is not null
    group by currency
    order by rows desc, currency
"""


def _chosen(due: str | None) -> str:
    return f"""
        from {{marts}}.fct_invoices
        where currency = %(currency)s
            and (%(month)s::date is null or month_on = %(month)s)
            and (%(service)s::text is null or service = %(service)s)
            and (%(state)s::text is null or invoice_state = %(state)s)
            and (%(origin)s::text is null or {_ORIGIN} = %(origin)s)
            and (%(search)s::text is null or customer_name ilike %(search)s
                or invoice_number ilike %(search)s or document_key ilike %(search)s)
            and {DUE[due] if due else "true"}
    """


def everything(due: str | None) -> str:
    """All invoices of a selection, those that are owed longest first."""
    return f"""
        select invoice_key, issuer, {_ORIGIN} as origin, {NUMBER} as invoice_number,
            document_type, document_key, service, external_customer_id, partner_id,
            customer_name, issued_on, due_on, month_on, invoice_state, currency, net_amount,
            tax_amount, total_amount, open_amount, overdue_days
        {_chosen(due)}
        order by overdue_days desc nulls last, issued_on desc nulls last, invoice_key
    """


def by_state(due: str | None) -> str:
    """The sums of a selection, a row a state."""
    return f"""
        select invoice_state, currency, count(*)::int as invoice_count,
            sum(net_amount) as net_amount, sum(tax_amount) as tax_amount,
            sum(total_amount) as total_amount, sum(open_amount) as open_amount,
            coalesce(sum(open_amount) filter (where overdue_days > 0), 0) as overdue_amount
        {_chosen(due)}
        group by invoice_state, currency
        order by array_position(array{list(STATES)}::text[], invoice_state)
    """
