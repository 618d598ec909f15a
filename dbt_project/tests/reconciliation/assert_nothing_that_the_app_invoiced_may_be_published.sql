-- Exists for the worst failure there is: a customer charged twice for the same time, by the app and
-- by Odoo. No line that may be published may overlap an invoice of the app that is not void.
with lines as (

    select * from {{ ref('invoice_lines_to_publish') }}

),

app_invoices as (

    select * from {{ ref('int_app_invoice_spans') }}

)

select
    lines.line_key,
    app_invoices.invoice_number
from lines
inner join app_invoices
    on
        lines.subscription_id = app_invoices.subscription_id
        and lines.service_period_start < app_invoices.span_end
        and lines.service_period_end > app_invoices.span_start
where app_invoices.invoice_status <> 'void'
