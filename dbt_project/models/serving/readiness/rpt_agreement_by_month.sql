{{ config(materialized='view') }}

with history as (

    select * from {{ ref('cutover_readiness_by_period') }}

),

final as (

    select
        service,
        period_month,
        count(*)::integer as subscription_count,
        count(*) filter (where is_agreeing)::integer as agreeing_count,
        count(*) filter (where is_missing_actual)::integer as missing_actual_count,
        count(*) filter (where is_disagreeing)::integer as disagreeing_count,
        count(*) filter (where is_agreeing_long_enough)::integer as agreeing_long_enough_count,
        bool_and(is_wholly_agreeing) as is_agreeing
    from (
        select
            service,
            subscription_id,
            date_trunc('month', period_start_on)::date as period_month,
            bool_or(is_agreeing) as is_agreeing,
            bool_or(status = 'missing_actual') as is_missing_actual,
            bool_or(status in ('unexplained', 'missing_expected', 'not_comparable', 'double_issuer'))
                as is_disagreeing,
            bool_or(agreeing_period_count >= {{ var('readiness_periods') }})
                as is_agreeing_long_enough,
            bool_and(is_agreeing) as is_wholly_agreeing
        from history
        group by service, subscription_id, date_trunc('month', period_start_on)::date
    ) as subscriptions
    group by service, period_month

)

select * from final
