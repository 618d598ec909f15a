{{ config(unlogged=true, post_hook="analyze {{ this }}") }}

with slices as (

    select * from {{ ref('int_usage_by_slice') }}

),

pieces as (

    select *
    from {{ ref('int_segment_pieces') }}
    where period_type in ('all', 'usage')

),

-- Nearly every slice lies in one segment; the records of these are looked at one by one.
final as (

    select slices.*
    from slices
    left join pieces
        on
            slices.subscription_id = pieces.subscription_id
            and slices.first_event_at >= pieces.piece_start
            and slices.last_event_at < pieces.piece_end
    where pieces.subscription_id is null

)

select * from final
