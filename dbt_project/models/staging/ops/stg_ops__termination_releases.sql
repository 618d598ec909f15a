with source as (

    select * from {{ source('ops', 'termination_releases') }}

),

final as (

    select
        release_id,
        service,
        external_subscription_id,
        ended_at,
        released_by,
        released_at,
        note
    from source

)

select * from final
