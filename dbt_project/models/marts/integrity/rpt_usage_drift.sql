with rollups as (

    select * from {{ ref('int_usage_rollups') }}

),

ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where usage_source = 'nexacloud' and deleted_at is null

),

never_pushed as (

    select * from {{ ref('int_usage_unpushed') }}

),

pushed as (

    select
        subscription_id,
        service,
        external_subscription_id,
        metric,
        period_start,
        period_end,
        pushed_quantity
    from rollups
    union all
    select
        subscription_id,
        service,
        external_subscription_id,
        metric,
        period_start,
        period_end,
        pushed_quantity
    from never_pushed

),

compared as (

    select
        pushed.*,
        coalesce(sum(ledger.quantity) filter (where ledger.is_counted), 0) as app_quantity,
        coalesce(sum(ledger.quantity), 0) as recorded_quantity
    from pushed
    left join ledger
        on
            pushed.subscription_id = ledger.subscription_id
            and pushed.metric = ledger.metric
            and pushed.period_start <= ledger.event_at
            and pushed.period_end > ledger.event_at
    group by
        pushed.subscription_id, pushed.service, pushed.external_subscription_id, pushed.metric,
        pushed.period_start, pushed.period_end, pushed.pushed_quantity

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
        -- Odoo keeps quantities as floats: what differs beyond the fourth decimal is not usage.
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
