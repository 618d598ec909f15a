{{ config(materialized='view') }}

with history as (

    select * from {{ ref('cutover_readiness_by_period') }}

),

readiness as (

    select * from {{ ref('cutover_readiness') }}

),

-- The line of progress: of the subscriptions of each month, how many agreed.
final as (

    select
        history.service,
        date_trunc('month', history.period_start_on)::date as period_month,
        count(distinct history.subscription_id)::integer as subscription_count,
        count(distinct history.subscription_id) filter (where history.is_agreeing)::integer
            as agreeing_count,
        count(distinct history.subscription_id) filter (
            where history.status = 'missing_actual'
        )::integer as missing_actual_count,
        count(distinct history.subscription_id) filter (
            where history.status in ('unexplained', 'missing_expected', 'not_comparable')
        )::integer as disagreeing_count,
        count(distinct history.subscription_id) filter (
            where history.agreeing_period_count >= {{ var('readiness_periods') }}
        )::integer as agreeing_long_enough_count,
        count(distinct history.subscription_id) filter (where readiness.is_ready)::integer
            as ready_now_count,
        count(distinct history.subscription_id) filter (where readiness.is_gate_open)::integer
            as gate_open_count,
        bool_and(history.is_agreeing) as is_agreeing,
        bool_and(readiness.is_ready) as is_ready_now
    from history
    inner join readiness on history.subscription_id = readiness.subscription_id
    group by history.service, date_trunc('month', history.period_start_on)::date

)

select * from final
