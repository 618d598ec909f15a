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
        end as price_version
    from versions

)

select * from final
