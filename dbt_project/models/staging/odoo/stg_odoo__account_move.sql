with source as (

    select * from {{ source('raw_odoo', 'account_move') }}

),

-- What is gone from Odoo stays: what was counted of it must be seen to be withdrawn.
final as (

    select
        id as move_id,
        name as move_name,
        ref as move_reference,
        move_type,
        state as move_state,
        payment_state,
        date as accounting_on,
        invoice_date as invoice_on,
        invoice_date_due as due_on,
        partner_id,
        commercial_partner_id,
        partner_shipping_id as delivery_partner_id,
        fiscal_position_id,
        journal_id,
        company_id,
        currency_id,
        amount_untaxed as untaxed_amount,
        amount_tax as tax_amount,
        amount_total as total_amount,
        amount_residual as residual_amount,
        reversed_entry_id as reversed_move_id,
        payment_reference,
        invoice_origin as origin,
        create_uid as created_by_user_id,
        write_uid as updated_by_user_id,
        create_date as created_at,
        write_date as updated_at,
        _loaded_at as loaded_at,
        _deleted_at as deleted_at
    from source

)

select * from final
