{{ config(materialized='view') }}

with emitted_events as (

    select * from {{ ref('int_lifecycle_emitted') }}

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
    order by subject asc, event_sequence desc

)

select * from final
