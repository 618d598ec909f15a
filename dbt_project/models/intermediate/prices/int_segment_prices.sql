{{ config(materialized='view') }}

with segments as (

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

final as (

    select * from plan_prices
    union all
    select * from app_prices
    union all
    select * from own_prices

)

select * from final
