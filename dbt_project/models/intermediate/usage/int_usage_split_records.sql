with split_days as (

    select *
    from {{ ref('int_usage_placed_days') }}
    where segment_start is null

),

ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where is_counted

),

segments as (

    select *
    from {{ ref('int_subscription_segments') }}
    where period_type in ('all', 'usage')

),

final as (

    select
        ledger.usage_key,
        ledger.subscription_id,
        ledger.metric,
        ledger.unique_value,
        ledger.quantity,
        ledger.event_at,
        ledger.written_at,
        ledger.written_number,
        segments.period_type,
        segments.period_start,
        segments.segment_start
    from split_days
    inner join ledger
        on
            ledger.event_at between split_days.first_event_at and split_days.last_event_at
            and split_days.subscription_id = ledger.subscription_id
            and split_days.metric is not distinct from ledger.metric
            and split_days.unique_value is not distinct from ledger.unique_value
            and split_days.usage_on = (ledger.event_at at time zone 'UTC')::date
    left join segments
        on
            ledger.subscription_id = segments.subscription_id
            and ledger.event_at >= segments.segment_start
            and ledger.event_at < segments.segment_end

)

select * from final
