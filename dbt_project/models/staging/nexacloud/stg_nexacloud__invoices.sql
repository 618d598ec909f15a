with source as (

    select * from {{ source('raw_nexacloud', 'invoices') }}

),

final as (

    select
        id as invoice_id,
        number as invoice_number,
        user_id,
        subscription_id as external_subscription_id,
        period_start,
        period_end,
        status as invoice_status,
        upper(currency) as currency,
        subtotal as subtotal_amount,
        tax as tax_amount,
        total as total_amount,
        stripe_invoice_id,
        issued_at,
        created_at,
        updated_at,
        _loaded_at as loaded_at
    from source
    where _deleted_at is null

)

select * from final
