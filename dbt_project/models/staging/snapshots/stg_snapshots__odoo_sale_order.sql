with source as (

    select * from {{ source('snapshots', 'odoo_sale_order') }}

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
        _version as version_number,
        _seen_at as seen_at,
        _valid_from as valid_from,
        _valid_until as valid_until,
        _is_deleted as is_deleted,
        -- What the source says today; of a row that it deleted, nothing.
        _valid_until is null and not _is_deleted as is_current
    from source

)

select * from final
