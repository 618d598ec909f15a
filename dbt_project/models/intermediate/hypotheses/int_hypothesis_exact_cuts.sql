{{ config(post_hook='analyze {{ this }}') }}

-- Where the policy is not second: the held time by the second.
with rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

periods as (

    select * from {{ ref('int_subscription_periods') }}

),

spans as (

    select * from {{ ref('int_subscription_spans') }}

),

plans as (

    select * from {{ ref('int_plan_versions') }}

),

keyed as (

    select
        periods.*,
        rests.rest_number,
        rests.service
    from rests
    inner join periods
        on
            rests.subscription_id = periods.subscription_id
            and rests.period_start = periods.period_start
            and rests.period_end = periods.period_end

),

held as (

    select
        keyed.rest_number,
        keyed.service,
        keyed.subscription_id,
        keyed.period_type,
        keyed.timezone,
        keyed.proration,
        keyed.full_end_on - keyed.full_start_on as period_days,
        {{ seconds_between('keyed.full_period_start', 'keyed.full_period_end') }} as period_seconds,
        spans.plan_id,
        spans.is_trial,
        greatest(spans.span_start, keyed.period_start) as held_start,
        least(spans.span_end, keyed.period_end) as held_end
    from keyed
    inner join spans
        on
            keyed.subscription_id = spans.subscription_id
            and keyed.period_start < spans.span_end
            and keyed.period_end > spans.span_start
    where keyed.proration <> 'second' and (keyed.bill_suspended or not spans.is_suspended)

),

together as (

    select
        rest_number,
        service,
        subscription_id,
        period_type,
        timezone,
        proration,
        plan_id,
        is_trial,
        min(held_start) as segment_start,
        max(held_end) as segment_end,
        range_agg(tstzrange(held_start, held_end)) as held_times,
        sum({{ seconds_between('held_start', 'held_end') }}) as held_seconds,
        period_days,
        period_seconds
    from held
    group by
        rest_number, service, subscription_id, period_type, timezone, proration, plan_id, is_trial,
        period_days, period_seconds

),

final as (

    select
        together.rest_number,
        together.service,
        together.subscription_id,
        together.period_type,
        together.timezone,
        together.proration as own_proration,
        'second' as cut,
        together.plan_id,
        plans.plan_code,
        together.is_trial,
        together.segment_start,
        together.segment_end,
        together.held_times,
        together.held_seconds,
        null::integer as held_days,
        null::numeric as fraction_numerator,
        null::numeric as fraction_denominator,
        together.period_days,
        together.period_seconds
    from together
    left join plans
        on
            together.plan_id = plans.plan_id
            and together.segment_start >= plans.valid_from
            and together.segment_start < plans.valid_until

)

select * from final
