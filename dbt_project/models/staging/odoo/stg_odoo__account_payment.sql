with source as (

    select * from {{ source('raw_odoo', 'account_payment') }}

),

final as (

    select
        id as payment_id,
        name as payment_name,
        date as payment_on,
        state as payment_state,
        payment_type,
        partner_type,
        partner_id,
        amount,
        currency_id,
        company_id,
        journal_id,
        memo,
        payment_reference,
        move_id,
        is_reconciled,
        is_matched,
        invoice_ids as invoice_move_ids,
        payment_transaction_id,
        create_date as created_at,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
