with price_book as (

    select * from {{ ref('int_price_book') }}

),

odoo_prices as (

    select * from {{ ref('int_odoo_prices') }}

),

charge_models as (

    select * from {{ ref('charge_models') }}

),

app_plan_versions as (

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
    from app_plan_versions
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

app_prices as (

    select * from base_fees
    where base_fee is not null
    union all
    select * from usage_charges

),

versions as (

    select
        'price_book' as price_source,
        1 as source_rank,
        service,
        null::text as plan_id,
        plan_code,
        null::text as subscription_id,
        charge,
        charge_kind,
        metric,
        charge_model,
        currency,
        base_fee,
        unit_price,
        included_quantity,
        minimum_amount,
        maximum_amount,
        package_size,
        rate_percent,
        tiers,
        coalesce(valid_from_at, '-infinity') as valid_from,
        valid_until_at as valid_until,
        null::timestamptz as known_from
    from price_book
    union all
    select
        'odoo' as price_source,
        2 as source_rank,
        service,
        plan_id,
        plan_code,
        subscription_id,
        charge,
        charge_kind,
        metric,
        charge_model,
        currency,
        base_fee,
        unit_price,
        included_quantity,
        null::numeric as minimum_amount,
        null::numeric as maximum_amount,
        null::numeric as package_size,
        null::numeric as rate_percent,
        null::jsonb as tiers,
        valid_from,
        valid_until,
        known_from
    from odoo_prices
    union all
    select
        'app_plan' as price_source,
        3 as source_rank,
        service,
        plan_id,
        plan_code,
        null::text as subscription_id,
        charge,
        charge_kind,
        metric,
        charge_model,
        currency,
        base_fee,
        unit_price,
        included_quantity,
        null::numeric as minimum_amount,
        null::numeric as maximum_amount,
        null::numeric as package_size,
        null::numeric as rate_percent,
        null::jsonb as tiers,
        valid_from,
        valid_until,
        known_from
    from app_prices

),

final as (

    select
        {{ hash_key([
            'price_source', 'service', 'plan_id', 'plan_code', 'subscription_id', 'charge_kind',
            'charge', 'valid_from',
        ]) }} as price_key,
        versions.*,
        price_source || case
            when known_from is not null then ', seen ' || {{ iso_seconds('known_from') }}
            when valid_from > '-infinity' then ', from ' || {{ iso_seconds('valid_from') }}
            else ', always'
        end as price_version,
        -- Nothing is rated by such a price, and no other source's stands in for it: a person decides.
        case
            when
                not (
                    {%- for amount in [
                        'base_fee', 'unit_price', 'included_quantity', 'minimum_amount',
                        'maximum_amount', 'package_size', 'rate_percent',
                    ] %}
                    {{ is_usable_amount(amount) }} {{ 'and' if not loop.last }}
                    {%- endfor %}
                )
                or exists (
                    select 1
                    from jsonb_array_elements(tiers) as listed (tier)
                    where
                        not {{ is_usable_amount("(tier ->> 'unit_price')::numeric") }}
                        or not {{ is_usable_amount("(tier ->> 'flat_fee')::numeric") }}
                        or not {{ is_usable_amount("(tier ->> 'from')::numeric") }}
                )
                then 'negative_or_no_number'
            when charge_models.reads_tiers and tiers is null then 'no_tiers'
            when charge_models.reads_package_size and coalesce(package_size, 0) = 0
                then 'no_package_size'
            when charge_models.reads_rate_percent and rate_percent is null then 'no_rate_percent'
        end as price_problem
    from versions
    left join charge_models on versions.charge_model = charge_models.charge_model

)

select * from final
