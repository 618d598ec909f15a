with plan_versions as (

    select
        *,
        {{ reaching_back('plan_id') }} as valid_from
    from {{ ref('nexacloud_plan_history') }}

),

base_fees as (

    select
        'nexacloud' as service,
        plan_code,
        'base' as charge,
        'base' as charge_kind,
        null::text as metric,
        'flat' as charge_model,
        currency,
        plan_price as base_fee,
        null::numeric as unit_price,
        0::numeric as included_quantity,
        valid_from,
        dbt_valid_to as valid_until,
        dbt_valid_from as known_from
    from plan_versions

),

usage_charges as (

    select
        'nexacloud' as service,
        plan_code,
        'cpu_seconds' as charge,
        'usage' as charge_kind,
        'cpu_seconds' as metric,
        'per_unit' as charge_model,
        currency,
        null::numeric as base_fee,
        coalesce(overage_price_per_cpu_second, 0) as unit_price,
        coalesce(included_cpu_seconds, 0) as included_quantity,
        valid_from,
        dbt_valid_to as valid_until,
        dbt_valid_from as known_from
    from plan_versions

),

final as (

    select * from base_fees
    where base_fee is not null
    union all
    select * from usage_charges

)

select * from final
