with price_book as (

    select * from {{ ref('int_price_book') }}

),

odoo_prices as (

    select * from {{ ref('int_odoo_prices') }}

),

app_prices as (

    select * from {{ ref('int_app_prices') }}

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
        *,
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
            when charge_model in ('graduated', 'volume') and tiers is null then 'no_tiers'
            when charge_model = 'package' and coalesce(package_size, 0) = 0 then 'no_package_size'
            when charge_model = 'percentage' and rate_percent is null then 'no_rate_percent'
        end as price_problem
    from versions

)

select * from final
