with anomalies as (

    select * from {{ ref('int_usage_anomalies') }}

),

subscriptions as (

    select * from {{ ref('dim_subscriptions') }}

),

final as (

    select
        anomalies.service,
        subscriptions.external_customer_id,
        subscriptions.customer_name,
        anomalies.subscription_id,
        subscriptions.external_subscription_id,
        subscriptions.plan_code,
        anomalies.metric,
        anomalies.window_type,
        anomalies.window_start,
        anomalies.window_end,
        anomalies.period_start,
        case
            when anomalies.daily_quantity > anomalies.median_daily_quantity then 'more'
            else 'less'
        end as direction,
        anomalies.used_quantity,
        anomalies.daily_quantity,
        anomalies.median_daily_quantity,
        anomalies.spread_daily_quantity,
        anomalies.history_count,
        anomalies.deviation,
        anomalies.deviation_limit
    from anomalies
    inner join subscriptions on anomalies.subscription_id = subscriptions.subscription_id

)

select * from final
