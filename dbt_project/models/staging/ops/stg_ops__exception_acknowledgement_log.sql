with source as (

    select * from {{ source('ops', 'exception_acknowledgements') }}

),

final as (

    select
        acknowledgement_id,
        exception_key,
        facts_hash,
        acknowledged_by,
        acknowledged_at,
        until as acknowledged_until,
        note
    from source

)

select * from final
