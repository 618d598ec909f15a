{{ config(materialized='view') }}

-- Live, since the publisher asks it: has the app invoiced this subscription for this time?
with invoices as (

    select * from {{ ref('stg_nexacloud__invoices') }}

),

items as (

    select * from {{ ref('stg_nexacloud__invoice_items') }}

),

final as (

    select distinct
        'nexacloud' as service,
        'nexacloud:' || invoices.external_subscription_id as subscription_id,
        invoices.external_subscription_id,
        invoices.invoice_id,
        invoices.invoice_number,
        invoices.invoice_status,
        coalesce(items.period_start, invoices.period_start) as span_start,
        coalesce(items.period_end, invoices.period_end) as span_end
    from invoices
    left join items
        on
            invoices.invoice_id = items.invoice_id
            and items.item_kind <> 'tax'
    where invoices.external_subscription_id is not null

)

select * from final
