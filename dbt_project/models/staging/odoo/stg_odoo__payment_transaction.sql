with source as (

    select * from {{ source('raw_odoo', 'payment_transaction') }}

),

final as (

    select
        id as payment_transaction_id,
        reference as transaction_reference,
        provider_code,
        provider_reference,
        state as transaction_state,
        state_message,
        last_state_change as state_changed_at,
        amount,
        currency_id,
        partner_id,
        invoice_ids as invoice_move_ids,
        sale_order_ids,
        payment_id,
        operation,
        is_post_processed,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
