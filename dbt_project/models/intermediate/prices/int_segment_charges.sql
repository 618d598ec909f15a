{{
    config(
        indexes=[{'columns': ['subscription_id', 'segment_start']}],
        post_hook="{{ analyze_keys('subscription_id, period_type, segment_start, charge, metric') }}"
    )
}}

with offered as (

    select * from {{ ref('int_segment_prices') }}

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

-- Price book, else Odoo, else the app's plan: the first for a fee or a metric sets all of it.
ranked as (

    select
        *,
        min(source_rank) over (
            partition by held_subscription_id, period_type, segment_start, charge_kind, metric
        ) as chosen_rank
    from offered

),

-- Of one source the subscription's own price before its plan's, and the newest.
chosen as (

    select distinct on (held_subscription_id, period_type, segment_start, charge) *
    from ranked
    where source_rank = chosen_rank
    order by
        held_subscription_id asc, period_type asc, segment_start asc, charge asc,
        subscription_id asc nulls last, valid_from desc, price_key asc

),

final as (

    select
        chosen.held_subscription_id as subscription_id,
        chosen.period_type,
        chosen.period_start,
        chosen.segment_start,
        chosen.charge,
        chosen.charge_kind,
        chosen.metric,
        chosen.charge_model,
        chosen.currency,
        chosen.base_fee,
        chosen.unit_price,
        chosen.included_quantity,
        chosen.minimum_amount,
        chosen.maximum_amount,
        chosen.package_size,
        chosen.rate_percent,
        chosen.tiers,
        chosen.price_source,
        chosen.price_version,
        chosen.price_key,
        chosen.price_problem,
        chosen.known_from as price_known_from,
        coalesce(chosen.segment_start < chosen.known_from, false) as is_assumed_price,
        -- Null where nobody knows the currency: an exception holds the lines, none is rounded by guess.
        currencies.decimals::int as decimals
    from chosen
    left join currencies on chosen.currency = currencies.currency_code

)

select * from final
