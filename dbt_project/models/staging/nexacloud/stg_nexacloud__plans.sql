with source as (

    select * from {{ source('raw_nexacloud', 'plans') }}

),

final as (

    select
        id as plan_id,
        code as plan_code,
        name as plan_name,
        price as plan_price,
        upper(currency) as currency,
        billing_interval,
        included_cpu_seconds,
        overage_price_per_cpu_second,
        is_active,
        created_at,
        updated_at,
        _loaded_at as loaded_at
    from source
    where _deleted_at is null

)

select * from final
