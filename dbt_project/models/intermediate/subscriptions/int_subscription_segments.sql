{{
    config(
        indexes=[{'columns': ['subscription_id', 'segment_start']}],
        post_hook="{{ analyze_keys('subscription_id, period_type, period_start, segment_start, segment_end, plan_id, plan_code') }}"
    )
}}

with pieces as (

    select * from {{ ref('int_segment_pieces') }}

),

versions as (

    select * from {{ ref('int_subscription_versions') }}

),

plans as (

    select * from {{ ref('int_plan_versions') }}

),

-- All that was held of one plan within a period is rated once, breaks included.
rated_together as (

    select
        subscription_id,
        period_type,
        period_start,
        period_end,
        segment_start,
        max(piece_end) as segment_end,
        plan_id,
        is_trial,
        proration,
        max(period_days) as period_days,
        {{ seconds_between('max(full_period_start)', 'max(full_period_end)') }} as period_seconds,
        sum(held_days)::integer as held_days,
        sum(held_seconds) as held_seconds
    from pieces
    group by
        subscription_id, period_type, period_start, period_end, segment_start, plan_id, is_trial,
        proration

),

-- Policy none charges the whole whatever was held; several plans share it by their days. Whose it was
-- and what the plan was is as it was when the segment began.
final as (

    select
        versions.service,
        segments.subscription_id,
        segments.period_type,
        segments.period_start,
        segments.period_end,
        segments.segment_start,
        segments.segment_end,
        segments.plan_id,
        plans.plan_code,
        plans.plan_name,
        plans.billing_interval,
        coalesce(versions.currency, plans.currency) as currency,
        versions.external_subscription_id,
        versions.external_customer_id,
        segments.is_trial,
        segments.proration,
        segments.held_days,
        segments.held_seconds,
        case segments.proration
            when 'second' then trim_scale(segments.held_seconds)
            else segments.held_days::numeric
        end as fraction_numerator,
        case segments.proration
            when 'second' then trim_scale(segments.period_seconds)
            when 'day' then segments.period_days::numeric
            else sum(segments.held_days) over (
                partition by segments.subscription_id, segments.period_type, segments.period_start
            )::numeric
        end as fraction_denominator
    from rated_together as segments
    inner join versions
        on
            segments.subscription_id = versions.subscription_id
            and segments.segment_start >= versions.valid_from
            and segments.segment_start < versions.valid_until
    left join plans
        on
            segments.plan_id = plans.plan_id
            and segments.segment_start >= plans.valid_from
            and segments.segment_start < plans.valid_until

)

select * from final
