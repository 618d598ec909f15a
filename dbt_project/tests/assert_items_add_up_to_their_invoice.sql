-- An invoice that its items do not add up to would be one amount on the page of invoices and another on
-- that of its items.
with invoices as (

    select * from {{ ref('fct_invoices') }}

),

items as (

    select
        invoice_key,
        sum(amount) as amount
    from {{ ref('fct_invoice_items') }}
    group by invoice_key

)

select
    invoices.invoice_key,
    invoices.net_amount,
    items.amount
from invoices
left join items on invoices.invoice_key = items.invoice_key
-- What Odoo holds of a document before its lines are loaded is in no item yet.
where coalesce(items.amount, 0) <> invoices.net_amount
