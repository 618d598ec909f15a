{{
    config(
        indexes=[{'columns': ['subscription_id', 'segment_start']}],
        post_hook="{{ analyze_keys('subscription_id, period_type, segment_start, charge, metric') }}"
    )
}}

with currencies as (

    select * from {{ ref('int_currencies') }}

),

segments as (

    select * from {{ ref('int_subscription_segments') }}

),

price_versions as (

    select * from {{ ref('int_price_versions') }}

),

-- The first segment that is not a trial: where a fee that is charged once is charged.
placed as (

    select
        segments.*,
        not segments.is_trial and segments.period_type in ('all', 'base') and row_number() over (
            partition by segments.subscription_id
            order by
                (segments.is_trial or segments.period_type = 'usage')::int, segments.segment_start
        ) = 1 as is_first_paid
    from segments

),

-- The app's prices are a plan's own, by its id; the price book and Odoo know a plan by the code that
-- it had when the segment began.
plan_prices as (

    select
        placed.subscription_id as held_subscription_id,
        placed.period_type,
        placed.period_start,
        placed.segment_start,
        price_versions.*
    from placed
    inner join price_versions
        on
            placed.service = price_versions.service
            and placed.plan_code = price_versions.plan_code
            and price_versions.plan_id is null
            and placed.segment_start >= price_versions.valid_from
            and placed.segment_start < coalesce(price_versions.valid_until, 'infinity')
    where
        (price_versions.charge_kind = 'base' and placed.period_type in ('all', 'base'))
        or (price_versions.charge_kind = 'usage' and placed.period_type in ('all', 'usage'))
        or (price_versions.charge_kind = 'one_off' and placed.is_first_paid)

),

app_prices as (

    select
        placed.subscription_id as held_subscription_id,
        placed.period_type,
        placed.period_start,
        placed.segment_start,
        price_versions.*
    from placed
    inner join price_versions
        on
            placed.plan_id = price_versions.plan_id
            and price_versions.subscription_id is null
            and placed.segment_start >= price_versions.valid_from
            and placed.segment_start < coalesce(price_versions.valid_until, 'infinity')
    where
        (price_versions.charge_kind = 'base' and placed.period_type in ('all', 'base'))
        or (price_versions.charge_kind = 'usage' and placed.period_type in ('all', 'usage'))

),

own_prices as (

    select
        placed.subscription_id as held_subscription_id,
        placed.period_type,
        placed.period_start,
        placed.segment_start,
        price_versions.*
    from placed
    inner join price_versions
        on
            placed.subscription_id = price_versions.subscription_id
            and placed.plan_id = price_versions.plan_id
            and placed.segment_start >= price_versions.valid_from
            and placed.segment_start < coalesce(price_versions.valid_until, 'infinity')
    where price_versions.charge_kind = 'base' and placed.period_type in ('all', 'base')

),

offered as (

    select * from plan_prices
    union all
    select * from app_prices
    union all
    select * from own_prices

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
