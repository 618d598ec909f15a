with source as (

    select * from {{ source('raw_odoo', 'fusion_billing_usage') }}

),

final as (

    select
        id as billing_usage_id,
        service_id as billing_service_id,
        external_subscription_id,
        metric_id as billing_metric_id,
        period_start,
        quantity,
        idempotency_key,
        write_date as updated_at,
        _loaded_at as loaded_at,
        _deleted_at as deleted_at
    from source
    where _deleted_at is not null

)

select * from final
