"""What carries a word: customers, subscriptions, invoices, lines; the first few of each."""

from __future__ import annotations

from dashboards.queries.invoices import NUMBER

CUSTOMERS = """
    select service, external_customer_id, customer_name, email, province, partner_name
    from {marts}.dim_customers
    where customer_name ilike %(like)s or email ilike %(like)s or partner_name ilike %(like)s
        or external_customer_id = %(word)s
    order by lower(customer_name), service, external_customer_id
    limit %(size)s
"""
SUBSCRIPTIONS = """
    select service, subscription_id, external_subscription_id, external_customer_id,
        customer_name, plan_code, plan_name, status, is_held, deployment_names
    from {marts}.dim_subscriptions
    where external_subscription_id ilike %(like)s or subscription_id = %(word)s
        or plan_code ilike %(like)s or plan_name ilike %(like)s
        or deployment_names ilike %(like)s or customer_name ilike %(like)s
    order by is_held desc, lower(customer_name), subscription_id
    limit %(size)s
"""
INVOICES = f"""
    select invoice_key, issuer, {NUMBER} as invoice_number, document_key, service,
        external_customer_id, partner_id, customer_name, issued_on, due_on, invoice_state,
        currency, net_amount, tax_amount, total_amount, open_amount, overdue_days
    from {{marts}}.fct_invoices
    where invoice_number ilike %(like)s or document_key ilike %(like)s
        or customer_name ilike %(like)s
    order by issued_on desc nulls last, invoice_key
    limit %(size)s
"""
# By the words on the invoice, or by the beginning of the key (a range, so that its index helps).
LINES = """
    select line_key, service, external_customer_id, customer_name, description,
        service_period_start, amount, currency
    from {marts}.fct_invoice_lines
    where description ilike %(like)s
        or (line_key >= %(word)s and line_key < %(word)s || 'g')
    order by service_period_start desc, customer_name, line_key
    limit %(size)s
"""
