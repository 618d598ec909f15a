-- An acknowledgement holds for the facts that it was given for, and until the day it names.
with source as (

    select * from {{ source('ops', 'exception_acknowledgements') }}

),

final as (

    select distinct on (exception_key, facts_hash)
        exception_key,
        facts_hash,
        acknowledged_by,
        acknowledged_at,
        until as acknowledged_until,
        coalesce(until > {{ as_of() }}, true) as is_in_force,
        note
    from source
    order by exception_key asc, facts_hash asc, acknowledgement_id desc

)

select * from final
