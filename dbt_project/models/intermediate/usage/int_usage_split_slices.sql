{{ config(unlogged=true, post_hook="analyze {{ this }}") }}

with slices as (

    select * from {{ ref('int_usage_by_slice') }}

),

segments as (

    select *
    from {{ ref('int_subscription_segments') }}
    where period_type in ('all', 'usage')

),

-- Nearly every slice lies in one segment; the records of these are looked at one by one.
final as (

    select slices.*
    from slices
    left join segments
        on
            slices.subscription_id = segments.subscription_id
            and slices.first_event_at >= segments.segment_start
            and slices.last_event_at < segments.segment_end
    where segments.subscription_id is null

)

select * from final
