with versions as (

    select *
    from {{ ref('stg_snapshots__nexacloud_plans') }}
    where not is_deleted or version_number = 1

),

compared as (

    select
        *,
        {{ same_as_before([
            'plan_code', 'plan_price', 'currency', 'included_cpu_seconds',
            'overage_price_per_cpu_second',
        ], 'earlier') }} as is_same_price
    from versions
    window earlier as (partition by plan_id order by version_number)

),

-- A price counts until the next one: also after its plan was deleted. The first reaches back.
dated as (

    select
        *,
        case
            when lag(valid_from) over earlier is null then '-infinity'::timestamptz else valid_from
        end as counts_from,
        lead(valid_from) over earlier as valid_until_at
    from compared
    where not is_same_price
    window earlier as (partition by plan_id order by version_number)

),

base_fees as (

    select
        'nexacloud' as service,
        plan_id,
        plan_code,
        'base' as charge,
        'base' as charge_kind,
        null::text as metric,
        'flat' as charge_model,
        upper(currency) as currency,
        plan_price as base_fee,
        null::numeric as unit_price,
        0::numeric as included_quantity,
        counts_from as valid_from,
        valid_until_at as valid_until,
        valid_from as known_from
    from dated

),

usage_charges as (

    select
        'nexacloud' as service,
        plan_id,
        plan_code,
        'cpu_seconds' as charge,
        'usage' as charge_kind,
        'cpu_seconds' as metric,
        'per_unit' as charge_model,
        upper(currency) as currency,
        null::numeric as base_fee,
        coalesce(overage_price_per_cpu_second, 0) as unit_price,
        coalesce(included_cpu_seconds, 0) as included_quantity,
        counts_from as valid_from,
        valid_until_at as valid_until,
        valid_from as known_from
    from dated

),

final as (

    select * from base_fees
    where base_fee is not null
    union all
    select * from usage_charges

)

select * from final
