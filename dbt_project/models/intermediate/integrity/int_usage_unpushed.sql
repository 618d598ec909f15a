{{ config(post_hook='analyze {{ this }}') }}

with rollups as (

    select * from {{ ref('int_usage_rollups') }}

),

usage as (

    select * from {{ ref('int_usage_by_segment') }}

),

periods as (

    select *
    from {{ ref('int_subscription_periods') }}
    where period_type in ('all', 'usage') and period_end <= {{ as_of() }}

),

first_rollups as (

    select
        metric,
        min(period_start) as first_period_start
    from rollups
    group by metric

),

-- A month that was measured and never pushed, in the time in which months are pushed at all.
final as (

    select
        periods.subscription_id,
        'nexacloud' as service,
        substring(periods.subscription_id from position(':' in periods.subscription_id) + 1)
            as external_subscription_id,
        usage.metric,
        periods.period_start,
        periods.period_end,
        0::numeric as pushed_quantity
    from periods
    inner join usage
        on
            periods.subscription_id = usage.subscription_id
            and periods.period_type = usage.period_type
            and periods.period_start = usage.period_start
    inner join first_rollups
        on
            usage.metric = first_rollups.metric
            and periods.period_start >= first_rollups.first_period_start
    left join rollups
        on
            periods.subscription_id = rollups.subscription_id
            and usage.metric = rollups.metric
            and periods.period_start < rollups.period_end
            and periods.period_end > rollups.period_start
    where rollups.subscription_id is null and periods.subscription_id like 'nexacloud:%'
    group by
        periods.subscription_id, usage.metric, periods.period_start, periods.period_end

)

select * from final
