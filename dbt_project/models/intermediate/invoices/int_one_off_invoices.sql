{{ config(post_hook='analyze {{ this }}') }}

with invoices as (

    select * from {{ ref('stg_nexacloud__invoices') }}

),

final as (

    select
        'nexacloud' as service,
        invoice_id,
        invoice_number,
        user_id as external_customer_id,
        invoice_status,
        currency,
        subtotal_amount,
        tax_amount,
        total_amount,
        stripe_invoice_id,
        period_start,
        period_end,
        issued_at
    from invoices
    where external_subscription_id is null

)

select * from final
