with app_invoices as (

    select *
    from {{ ref('int_invoice_totals') }}
    where invoice_status = 'open'

),

odoo_moves as (

    select *
    from {{ ref('int_odoo_receivables') }}
    where move_state = 'posted' and residual_amount <> 0

),

customers as (

    select * from {{ ref('dim_customers') }}

),

services as (

    select * from {{ ref('int_services') }}

),

today as (

    select
        {{ local_date(as_of(), "'" ~ var('company_timezone', 'America/Toronto') ~ "'") }}
            as today_on

),

-- The app keeps no due date: an invoice of the app is due when it is issued.
owed_to_app as (

    select
        'app' as issuer,
        coalesce(customers.partner_id::text, app_invoices.external_customer_id) as debtor_id,
        coalesce(customers.partner_name, customers.customer_name) as customer_name,
        app_invoices.currency,
        {{ local_date('app_invoices.issued_at', 'services.timezone') }} as due_on,
        app_invoices.total_amount as open_amount
    from app_invoices
    inner join services on services.service = 'nexacloud'
    left join customers
        on
            customers.service = 'nexacloud'
            and app_invoices.external_customer_id = customers.external_customer_id

),

owed_to_odoo as (

    select
        'odoo' as issuer,
        partner_id::text as debtor_id,
        partner_name as customer_name,
        currency,
        due_on,
        residual_amount as open_amount
    from odoo_moves

),

aged as (

    select
        unioned.*,
        today.today_on - unioned.due_on as overdue_days
    from (
        select * from owed_to_app
        union all
        select * from owed_to_odoo
    ) as unioned
    cross join today

),

final as (

    select
        issuer,
        debtor_id,
        max(customer_name) as customer_name,
        currency,
        count(*)::integer as invoice_count,
        coalesce(sum(open_amount) filter (where overdue_days <= 0), 0) as not_due_amount,
        coalesce(sum(open_amount) filter (where overdue_days between 1 and 30), 0)
            as overdue_1_to_30_days_amount,
        coalesce(sum(open_amount) filter (where overdue_days between 31 and 60), 0)
            as overdue_31_to_60_days_amount,
        coalesce(sum(open_amount) filter (where overdue_days between 61 and 90), 0)
            as overdue_61_to_90_days_amount,
        coalesce(sum(open_amount) filter (where overdue_days > 90), 0)
            as overdue_over_90_days_amount,
        sum(open_amount) as open_amount,
        max(overdue_days)::integer as longest_overdue_days
    from aged
    group by issuer, debtor_id, currency

)

select * from final
