{{ config(post_hook='analyze {{ this }}') }}

-- The time of each segment of an open key, as we see it and as the invoice states it.
with segments as (

    select *
    from {{ ref('int_hypothesis_segments') }}
    where not is_trial and period_type in ('all', 'usage')

),

rests as (

    select * from {{ ref('int_reconciliation_rests') }}

),

final as (

    select
        segments.segment_number,
        segments.service,
        segments.subscription_id,
        segments.segment_start,
        segments.segment_end,
        segments.held_times,
        rests.issued_at,
        case
            when segments.segment_start = min(segments.segment_start) over same_key
                then rests.said_start
            else segments.segment_start
        end as said_segment_start,
        case
            when segments.segment_end = max(segments.segment_end) over same_key
                then rests.said_end
            else segments.segment_end
        end as said_segment_end
    from segments
    inner join rests on segments.rest_number = rests.rest_number
    window same_key as (
        partition by segments.rest_number, segments.segmentation, segments.plan_variant
    )

)

select * from final
