{{ config(materialized='view') }}

-- An acknowledgement holds for the facts that it was given for, and until the day it names.
with acknowledgements as (

    select * from {{ ref('stg_ops__exception_acknowledgements') }}

),

final as (

    select distinct on (exception_key, facts_hash)
        exception_key,
        facts_hash,
        acknowledged_by,
        acknowledged_at,
        acknowledged_until,
        coalesce(acknowledged_until > {{ as_of() }}, true) as is_in_force,
        note
    from acknowledgements
    order by exception_key asc, facts_hash asc, acknowledgement_id desc

)

select * from final
