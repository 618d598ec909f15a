with source as (

    select * from {{ source('ops', 'publication_findings') }}

),

final as (

    select
        document_key,
        service,
        partner_id,
        billing_period_start,
        billing_period_end,
        currency,
        odoo_id as odoo_move_id,
        odoo_name,
        odoo_state,
        expected_total_amount,
        odoo_total_amount,
        finding,
        is_alarm,
        found_at,
        detail
    from source

)

select * from final
