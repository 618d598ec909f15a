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

final as (

    select
        keyed.rest_number,
        keyed.service,
        keyed.subscription_id,
        keyed.period_type,
        keyed.timezone,
        keyed.proration as own_proration,
        'second' as cut,
        spans.plan_code,
        spans.is_trial,
        greatest(spans.span_start, keyed.period_start) as segment_start,
        least(spans.span_end, keyed.period_end) as segment_end,
        null::integer as held_days,
        null::numeric as fraction_numerator,
        null::numeric as fraction_denominator,
        keyed.full_end_on - keyed.full_start_on as period_days,
        {{ seconds_between('keyed.full_period_start', 'keyed.full_period_end') }} as period_seconds
    from keyed
    inner join spans
        on
            keyed.subscription_id = spans.subscription_id
            and keyed.period_start < spans.span_end
            and keyed.period_end > spans.span_start
    where keyed.proration <> 'second'

)

select * from final
