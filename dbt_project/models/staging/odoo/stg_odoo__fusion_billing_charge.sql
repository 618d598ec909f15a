with source as (

    select * from {{ source('raw_odoo', 'fusion_billing_charge') }}

),

final as (

    select
        id as billing_charge_id,
        service_id as billing_service_id,
        plan_code,
        plan_id as subscription_plan_id,
        metric_id as billing_metric_id,
        included_quantity,
        price_per_unit as unit_price,
        currency_id,
        active as is_active,
        write_date as updated_at,
        _loaded_at as loaded_at
    from source
    where _deleted_at is null

)

select * from final
