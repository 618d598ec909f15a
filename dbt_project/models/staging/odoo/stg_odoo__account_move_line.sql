with source as (

    select * from {{ source('raw_odoo', 'account_move_line') }}

),

-- What is gone from Odoo stays: what was counted of it must be seen to be withdrawn.
final as (

    select
        id as move_line_id,
        move_id,
        display_type,
        sequence,
        name as line_description,
        product_id,
        quantity,
        price_unit as unit_price,
        discount as discount_percent,
        price_subtotal as subtotal_amount,
        price_total as total_amount,
        balance as balance_amount,
        amount_currency as currency_amount,
        currency_id,
        tax_ids,
        tax_line_id,
        group_tax_id,
        tax_base_amount,
        account_id,
        partner_id,
        company_id,
        date as accounting_on,
        date_maturity as due_on,
        parent_state as move_state,
        reconciled as is_reconciled,
        amount_residual as residual_amount,
        sale_line_ids,
        write_date as updated_at,
        _loaded_at as loaded_at,
        _deleted_at as deleted_at
    from source

)

select * from final
