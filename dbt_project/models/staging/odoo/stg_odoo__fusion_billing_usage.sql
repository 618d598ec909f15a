with source as (

    select * from {{ source('raw_odoo', 'fusion_billing_usage') }}

),

-- What is gone from Odoo stays: what was counted of it must be seen to be withdrawn.
final as (

    select
        id as billing_usage_id,
        service_id as billing_service_id,
        subscription_id as sale_order_id,
        external_subscription_id,
        metric_id as billing_metric_id,
        period_start,
        period_end,
        quantity,
        idempotency_key,
        write_date as updated_at,
        _loaded_at as loaded_at,
        _deleted_at as deleted_at
    from source

)

select * from final
