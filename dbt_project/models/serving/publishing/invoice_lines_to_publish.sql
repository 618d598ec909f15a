{{ config(materialized='view') }}

with line_status as (

    select * from {{ ref('fct_invoice_line_status') }}

),

app_invoices as (

    select *
    from {{ ref('int_app_invoice_spans') }}
    where invoice_status <> 'void'

),

-- One issuer: what the app has invoiced is asked once more, of the rows that a load brought since
-- the build.
final as (

    select {{ contract_columns('invoice_lines_to_publish', 'line_status') }}
    from line_status
    where
        line_status.is_approvable
        and line_status.is_approved
        and not exists (
            select 1
            from app_invoices
            where
                app_invoices.subscription_id = line_status.subscription_id
                and app_invoices.span_start < line_status.service_period_end
                and app_invoices.span_end > line_status.service_period_start
        )

)

select * from final
