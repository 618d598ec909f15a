with source as (

    select * from {{ source('ops', 'lifecycle_events') }}

),

final as (

    select
        event_id,
        event_type,
        service,
        external_subscription_id,
        deployment_id,
        subject,
        cause,
        occurred_at,
        payload,
        reason,
        emitted_at
    from source

)

select * from final
