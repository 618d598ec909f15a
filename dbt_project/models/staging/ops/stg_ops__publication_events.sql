with source as (

    select * from {{ source('ops', 'publication_events') }}

),

final as (

    select
        event_id,
        document_key,
        event as event_type,
        at as occurred_at,
        run_id,
        by as caused_by,
        detail
    from source

)

select * from final
