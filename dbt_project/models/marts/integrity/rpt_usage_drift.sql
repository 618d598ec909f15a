{{ config(pre_hook="{{ usage_must_be_held() }}") }}

-- depends_on: {{ ref('int_usage_events') }}
with totals as (

    select * from {{ ref('int_usage_rollup_totals') }}

),

ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where usage_source = 'nexacloud' and deleted_at is null

),

-- Odoo keeps quantities as floats: what differs beyond the fourth decimal is not usage. Only what
-- is in doubt is looked up record by record.
doubtful as (

    select *
    from totals
    where counted_quantity is null or round(pushed_quantity, 4) <> round(counted_quantity, 4)

),

looked_up as (

    select
        doubtful.subscription_id,
        doubtful.metric,
        doubtful.period_start,
        doubtful.period_end,
        coalesce(sum(ledger.quantity) filter (where ledger.is_counted), 0) as counted_quantity,
        coalesce(sum(ledger.quantity), 0) as recorded_quantity
    from doubtful
    left join ledger
        on
            doubtful.subscription_id = ledger.subscription_id
            and doubtful.metric = ledger.metric
            and doubtful.period_start <= ledger.event_at
            and doubtful.period_end > ledger.event_at
    group by
        doubtful.subscription_id, doubtful.metric, doubtful.period_start, doubtful.period_end

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
