with odoo_usage as (

    select *
    from {{ ref('stg_odoo__fusion_billing_usage') }}
    where deleted_at is null

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

billing_metrics as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_metric') }}
    where is_current

),

usage as (

    select * from {{ ref('int_usage_by_segment') }}

),

periods as (

    select *
    from {{ ref('int_subscription_periods') }}
    where period_type in ('all', 'usage')

),

events as not materialized (

    select *
    from {{ ref('int_usage_events') }}
    where {{ usage_is_loaded() }}

),

left_out as not materialized (

    select * from {{ ref('int_usage_left_out') }}

),

-- What the apps pushed to Odoo about usage that we read at its source. A rollup that was pushed
-- twice under one key counts once, as it would in billing.
pushed_once as (

    select distinct on (
        billing_services.service, odoo_usage.external_subscription_id, billing_metrics.metric,
        coalesce(odoo_usage.idempotency_key, odoo_usage.billing_usage_id::text)
    )
        billing_services.service,
        odoo_usage.external_subscription_id,
        billing_metrics.metric,
        odoo_usage.period_start,
        odoo_usage.period_end,
        odoo_usage.quantity
    from odoo_usage
    inner join billing_services
        on odoo_usage.billing_service_id = billing_services.billing_service_id
    inner join billing_metrics
        on odoo_usage.billing_metric_id = billing_metrics.billing_metric_id
    where
        billing_services.service = 'nexacloud'
        and odoo_usage.external_subscription_id is not null
    order by
        billing_services.service, odoo_usage.external_subscription_id, billing_metrics.metric,
        coalesce(odoo_usage.idempotency_key, odoo_usage.billing_usage_id::text),
        odoo_usage.billing_usage_id

),

rollups as (

    select
        service || ':' || external_subscription_id as subscription_id,
        service,
        external_subscription_id,
        metric,
        period_start,
        period_end,
        sum(quantity) as pushed_quantity
    from pushed_once
    group by service, external_subscription_id, metric, period_start, period_end

),

first_rollups as (

    select
        metric,
        min(period_start) as first_period_start
    from rollups
    group by metric

),

-- A month that was measured and never pushed, in the time in which months are pushed at all.
never_pushed as (

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
    where
        rollups.subscription_id is null
        and periods.period_end <= {{ as_of() }}
        and periods.subscription_id like 'nexacloud:%'
    group by
        periods.subscription_id, usage.metric, periods.period_start, periods.period_end

),

pushed as (

    select * from rollups
    union all
    select * from never_pushed

),

-- Rollups, and months that have none, beside what rating counted. A window that is a whole period
-- is answered by the total of the period; no record is read for it.
totals as (

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

),

-- Odoo keeps quantities as floats: what differs beyond the fourth decimal is not usage. Only what
-- is in doubt is looked up record by record.
doubtful as (

    select *
    from totals
    where counted_quantity is null or round(pushed_quantity, 4) <> round(counted_quantity, 4)

),

windows as (

    select
        *,
        period_start as window_start,
        period_end as window_end
    from doubtful

),

found as (

    {{ usage_within('windows', ['metric', 'period_start', 'period_end']) }}

),

measured as (

    select *
    from found
    where
        deleted_at is null
        and metric = window_metric
        and event_at >= window_period_start
        and event_at < window_period_end

),

-- A window without a record has used nothing. Added up in one go: the planner takes the records for a
-- few, and a join with the windows would compare each with each.
quantities as (

    select
        subscription_id,
        metric,
        period_start,
        period_end,
        0::numeric as counted_quantity,
        0::numeric as recorded_quantity
    from doubtful
    union all
    select
        subscription_id,
        metric,
        window_period_start as period_start,
        window_period_end as period_end,
        case when left_out_reason is null then quantity else 0 end as counted_quantity,
        quantity as recorded_quantity
    from measured

),

looked_up as (

    select
        subscription_id,
        metric,
        period_start,
        period_end,
        sum(counted_quantity) as counted_quantity,
        sum(recorded_quantity) as recorded_quantity
    from quantities
    group by subscription_id, metric, period_start, period_end

),

compared as (

    select
        totals.service,
        totals.subscription_id,
        totals.external_subscription_id,
        totals.metric,
        totals.period_start,
        totals.period_end,
        totals.pushed_quantity,
        coalesce(looked_up.counted_quantity, totals.counted_quantity) as app_quantity,
        looked_up.recorded_quantity
    from totals
    left join looked_up
        on
            totals.subscription_id = looked_up.subscription_id
            and totals.metric = looked_up.metric
            and totals.period_start = looked_up.period_start
            and totals.period_end = looked_up.period_end

),

final as (

    select
        service,
        subscription_id,
        external_subscription_id,
        metric,
        period_start,
        period_end,
        app_quantity,
        pushed_quantity,
        pushed_quantity - app_quantity as drift_quantity,
        round(pushed_quantity, 4) <> round(app_quantity, 4) as is_drift,
        case
            when round(pushed_quantity, 4) = round(app_quantity, 4) then null
            when pushed_quantity = 0 then 'nothing was pushed'
            when round(pushed_quantity, 4) = round(recorded_quantity, 4)
                then 'the rollup counts repeated records'
            when pushed_quantity < app_quantity then 'usage is missing in the rollup'
            else 'the rollup has more than was measured'
        end as explanation
    from compared

)

select * from final
