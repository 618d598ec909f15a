with days as (

    select *
    from {{ ref('int_usage_by_day') }}
    where record_count > 0

),

segments as (

    select *
    from {{ ref('int_subscription_segments') }}
    where period_type in ('all', 'usage')

),

-- Nearly every day lies in one segment; the records of the others are looked at one by one.
final as (

    select
        days.*,
        segments.period_type,
        segments.period_start,
        segments.segment_start
    from days
    left join segments
        on
            days.subscription_id = segments.subscription_id
            and days.first_event_at >= segments.segment_start
            and days.last_event_at < segments.segment_end

)

select * from final
