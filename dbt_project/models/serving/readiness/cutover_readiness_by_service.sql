{{ config(materialized='view') }}

with history as (

    select * from {{ ref('cutover_readiness_by_period') }}

),

readiness as (

    select * from {{ ref('cutover_readiness') }}

),

subscriptions as (

    select
        history.service,
        history.subscription_id,
        date_trunc('month', history.period_start_on)::date as period_month,
        bool_or(history.is_agreeing) as is_agreeing,
        bool_and(history.is_agreeing) as is_wholly_agreeing,
        bool_or(history.status = 'missing_actual') as is_missing_actual,
        bool_or(history.status in ('unexplained', 'missing_expected', 'not_comparable', 'double_issuer'))
            as is_disagreeing,
        bool_or(history.agreeing_period_count >= {{ var('readiness_periods') }})
            as is_agreeing_long_enough
    from history
    group by
        history.service, history.subscription_id,
        date_trunc('month', history.period_start_on)::date

),

-- The line of progress: of the subscriptions of each month, how many agreed.
final as (

    select
        subscriptions.service,
        subscriptions.period_month,
        count(*)::integer as subscription_count,
        count(*) filter (where subscriptions.is_agreeing)::integer as agreeing_count,
        count(*) filter (where subscriptions.is_missing_actual)::integer as missing_actual_count,
        count(*) filter (where subscriptions.is_disagreeing)::integer as disagreeing_count,
        count(*) filter (where subscriptions.is_agreeing_long_enough)::integer
            as agreeing_long_enough_count,
        count(*) filter (where readiness.is_ready)::integer as ready_now_count,
        count(*) filter (where readiness.is_gate_open)::integer as gate_open_count,
        bool_and(subscriptions.is_wholly_agreeing) as is_agreeing,
        bool_and(readiness.is_ready) as is_ready_now
    from subscriptions
    inner join readiness on subscriptions.subscription_id = readiness.subscription_id
    group by subscriptions.service, subscriptions.period_month

)

select * from final
