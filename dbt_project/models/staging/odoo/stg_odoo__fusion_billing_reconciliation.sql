with source as (

    select * from {{ source('raw_odoo', 'fusion_billing_reconciliation') }}

),

final as (

    select
        id as billing_reconciliation_id,
        service_id as billing_service_id,
        external_subscription_id,
        period as period_label,
        odoo_amount,
        app_amount,
        delta as delta_amount,
        status as verdict,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
