{{ config(unlogged=true) }}

with ledger as (

    select *
    from {{ ref('int_usage_ledger') }}
    where is_counted

),

pieces as (

    select *
    from {{ ref('int_segment_pieces') }}
    where period_type in ('all', 'usage')

),

slices as (

    select * from {{ ref('int_usage_by_slice') }}

),

-- Nearly every slice lies in one segment; the records of these are looked at one by one.
split_slices as materialized (

    select slices.*
    from slices
    left join pieces
        on
            slices.subscription_id = pieces.subscription_id
            and slices.first_event_at >= pieces.piece_start
            and slices.last_event_at < pieces.piece_end
    where pieces.subscription_id is null

),

-- Of the ledger only the days that hold one (`offset 0`): most nights few.
final as (

    select
        ledger.usage_source,
        ledger.written_number,
        ledger.subscription_id,
        ledger.metric,
        ledger.unique_value,
        ledger.quantity,
        ledger.event_at,
        ledger.written_at,
        pieces.period_type,
        pieces.period_start,
        pieces.segment_start
    from (select distinct slice_on from split_slices) as split_days
    cross join lateral (
        select *
        from ledger as held
        where split_days.slice_on = held.slice_on
        offset 0  -- noqa: AM09
    ) as ledger
    inner join split_slices
        on
            ledger.slice_on = split_slices.slice_on
            and ledger.subscription_id = split_slices.subscription_id
            and ledger.metric = split_slices.metric
            and ledger.unique_value is not distinct from split_slices.unique_value
    left join pieces
        on
            ledger.subscription_id = pieces.subscription_id
            and ledger.event_at >= pieces.piece_start
            and ledger.event_at < pieces.piece_end

)

select * from final
