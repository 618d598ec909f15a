with source as (

    select * from {{ source('raw_odoo', 'sale_order') }}

),

final as (

    select
        id as sale_order_id,
        name as order_name,
        state as order_state,
        partner_id,
        client_order_ref as client_order_reference,
        origin,
        date_order as ordered_at,
        fiscal_position_id,
        currency_id,
        company_id,
        amount_untaxed as untaxed_amount,
        amount_tax as tax_amount,
        amount_total as total_amount,
        invoice_status,
        is_subscription,
        plan_id as subscription_plan_id,
        subscription_state,
        x_fc_nexacloud_subscription_id as external_subscription_id,
        create_date as created_at,
        write_date as updated_at,
        _loaded_at as loaded_at
    from source
    where _deleted_at is null

)

select * from final
