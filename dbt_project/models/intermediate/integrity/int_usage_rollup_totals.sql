{{ config(post_hook='analyze {{ this }}') }}

-- Rollups, and months that have none, beside what rating counted. A window that is a whole period
-- is answered by the total of the period; the ledger is not read for it.
with rollups as (

    select * from {{ ref('int_usage_rollups') }}

),

never_pushed as (

    select * from {{ ref('int_usage_unpushed') }}

),

periods as (

    select *
    from {{ ref('int_subscription_periods') }}
    where period_type in ('all', 'usage')

),

usage as (

    select * from {{ ref('int_usage_by_segment') }}

),

pushed as (

    select * from rollups
    union all
    select * from never_pushed

),

final as (

    select
        pushed.subscription_id,
        pushed.service,
        pushed.external_subscription_id,
        pushed.metric,
        pushed.period_start,
        pushed.period_end,
        pushed.pushed_quantity,
        case
            when count(periods.subscription_id) > 0 then coalesce(sum(usage.used_quantity), 0)
        end as counted_quantity
    from pushed
    left join periods
        on
            pushed.subscription_id = periods.subscription_id
            and pushed.period_start = periods.period_start
            and pushed.period_end = periods.period_end
    left join usage
        on
            periods.subscription_id = usage.subscription_id
            and periods.period_type = usage.period_type
            and periods.period_start = usage.period_start
            and pushed.metric = usage.metric
    group by
        pushed.subscription_id, pushed.service, pushed.external_subscription_id, pushed.metric,
        pushed.period_start, pushed.period_end, pushed.pushed_quantity

)

select * from final
