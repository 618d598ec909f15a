{{ config(materialized='view') }}

with rated_lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'usage'

),

pieces as (

    select * from {{ ref('int_segment_pieces') }}

),

ledger as (

    select * from {{ ref('int_usage_ledger') }}

),

considered as (

    select
        rated_lines.line_key,
        ledger.usage_source || ':' || ledger.written_number as usage_key,
        ledger.event_at,
        ledger.quantity,
        ledger.is_counted,
        ledger.left_out_reason,
        ledger.usage_source || ':' || ledger.duplicate_of_number as duplicate_of
    from rated_lines
    inner join pieces
        on
            rated_lines.subscription_id = pieces.subscription_id
            and rated_lines.period_type = pieces.period_type
            and rated_lines.segment_start = pieces.segment_start
    inner join ledger
        on
            rated_lines.subscription_id = ledger.subscription_id
            and rated_lines.metric = ledger.metric
            and pieces.piece_start <= ledger.event_at
            and pieces.piece_end > ledger.event_at

),

final as (

    select
        line_key,
        usage_key,
        event_at,
        quantity,
        is_counted,
        jsonb_build_object(
            'usage', usage_key,
            'at', event_at,
            'quantity', trim_scale(quantity)::text,
            'reason', left_out_reason,
            'counted_instead', duplicate_of
        ) as record
    from considered

)

select * from final
