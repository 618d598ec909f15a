{{ config(materialized='view') }}

with emitted_events as (

    select * from {{ ref('stg_ops__lifecycle_events') }}

),

-- The app believes what it was told last, whatever happened since.
final as (

    select distinct on (subject)
        subject,
        event_id,
        event_type,
        cause,
        occurred_at
    from emitted_events
    order by subject asc, (payload ->> 'sequence')::bigint desc

)

select * from final
