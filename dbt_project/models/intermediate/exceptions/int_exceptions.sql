{{ config(post_hook='analyze {{ this }}') }}

-- What stands between a fact and its invoice line. Nothing of it waits for an explanation of what was
-- invoiced before: see fct_exceptions for all that a person has to look at.
with anomalies as (

    select *
    from {{ ref('int_usage_anomalies') }}
    where window_end < {{ as_of() }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

-- Usage that is far from its past asks before it bills: once a period and metric, when the time is over.
unusual_usage as (

    select
        'usage_anomaly' as kind,
        anomalies.service,
        anomalies.subscription_id || ' ' || anomalies.metric || ' '
        || {{ iso_seconds('anomalies.period_start') }} as subject,
        anomalies.subscription_id,
        min(subscriptions.external_customer_id) as external_customer_id,
        anomalies.period_start,
        null::text as currency,
        null::numeric as stake_amount,
        string_agg(
            anomalies.window_type || ' ' || {{ iso_seconds('anomalies.window_start') }} || ' '
            || trim_scale(anomalies.used_quantity),
            ', ' order by anomalies.window_type, anomalies.window_start
        ) as facts,
        'Used ' || string_agg(
            {{ readable_quantity('round(anomalies.daily_quantity, 2)') }} || ' ' || anomalies.metric || ' a day in the '
            || anomalies.window_type || ' from ' || {{ iso_seconds('anomalies.window_start') }}
            || ', usually ' || {{ readable_quantity('round(anomalies.median_daily_quantity, 2)') }},
            '; ' order by anomalies.window_type, anomalies.window_start
        ) as description,
        max(anomalies.window_end) as since_at
    from anomalies
    inner join subscriptions on anomalies.subscription_id = subscriptions.subscription_id
    group by
        anomalies.service, anomalies.subscription_id, anomalies.metric, anomalies.period_start

),

unioned as (

    select * from {{ ref('int_exceptions_identity') }}
    union all
    select * from {{ ref('int_exceptions_subscriptions') }}
    union all
    select * from {{ ref('int_exceptions_documents') }}
    union all
    select * from {{ ref('int_exceptions_billed') }}
    union all
    select * from unusual_usage

),

final as (

    select
        {{ exception_keys('unioned') }},
        unioned.*
    from unioned

)

select * from final
