with source as (

    select * from {{ source('ops', 'webhook_deliveries') }}

),

final as (

    select
        delivery_id,
        event_id,
        service,
        url_name,
        state as delivery_state,
        sequence as delivery_sequence,
        attempts as attempt_count,
        next_attempt_at,
        claimed_by,
        claimed_at,
        delivered_at,
        last_status,
        last_error
    from source

)

select * from final
