with source as (

    select * from {{ source('raw_odoo', 'sale_subscription_plan') }}

),

final as (

    select
        id as subscription_plan_id,
        name as subscription_plan_name,
        active as is_active,
        billing_period_value,
        billing_period_unit,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
