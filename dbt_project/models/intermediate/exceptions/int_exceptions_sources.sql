{{ config(post_hook='analyze {{ this }}') }}

-- Rows of the sources that reach no line. Repeated and withdrawn records are the ledger's daily
-- work and nobody's problem; one row a subscription, metric and reason tells the others.
with usage_exceptions as (

    select *
    from {{ ref('fct_usage_exceptions') }}
    where reason not in ('duplicate', 'withdrawn')

),

rejected_rows as (

    select *
    from {{ ref('stg_ops__rejected_rows') }}
    where resolved_at is null

),

lost_usage as (

    select
        -- What nobody knows how to add up would be missing on the invoice.
        case
            when reason in ('unknown_metric', 'unknown_aggregation') then 'usage_metric_unknown'
            else 'usage_left_out'
        end as kind,
        coalesce(service, usage_source) as service,
        concat_ws(' ', subscription_id, metric, reason) as subject,
        subscription_id,
        count(*) || ' ' || coalesce(sum(quantity), 0) as facts,
        count(*) || ' usage record(s) of ' || coalesce(subscription_id, 'nobody') || ', '
        || trim_scale(coalesce(sum(quantity), 0)) || ' ' || coalesce(metric, '') || ': '
        || replace(reason, '_', ' ') as description,
        min(event_at) as since_at
    from usage_exceptions
    group by service, usage_source, subscription_id, metric, reason

),

rejected as (

    select
        'source_row_rejected' as kind,
        source as service,
        table_name || ' ' || reason as subject,
        null::text as subscription_id,
        count(*)::text as facts,
        count(*) || ' row(s) of ' || source || '.' || table_name || ' were not loaded: ' || reason
            as description,
        min(first_rejected_at) as since_at
    from rejected_rows
    group by source, table_name, reason

),

unioned as (

    select * from lost_usage
    union all
    select * from rejected

),

final as (

    select
        kind,
        service,
        subject,
        subscription_id,
        null::text as external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        facts,
        description,
        since_at
    from unioned

)

select * from final
