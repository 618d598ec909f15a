{{ config(post_hook='analyze {{ this }}') }}

-- The held time of each open key, cut by the second and cut by local days: what the policies share.
with own_cuts as (

    select * from {{ ref('int_hypothesis_own_cuts') }}

),

day_cuts as (

    select * from {{ ref('int_hypothesis_day_cuts') }}

),

exact_cuts as (

    select * from {{ ref('int_hypothesis_exact_cuts') }}

),

unioned as (

    select * from own_cuts
    union all
    select * from exact_cuts
    union all
    select * from day_cuts

),

final as (

    select
        rest_number,
        service,
        subscription_id,
        period_type,
        timezone,
        own_proration,
        cut,
        plan_id,
        plan_code,
        is_trial,
        segment_start,
        segment_end,
        held_times,
        held_seconds,
        held_days,
        fraction_numerator,
        fraction_denominator,
        period_days,
        period_seconds
    from unioned

)

select * from final
