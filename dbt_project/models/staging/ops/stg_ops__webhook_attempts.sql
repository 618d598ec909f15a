with source as (

    select * from {{ source('ops', 'webhook_attempts') }}

),

final as (

    select
        attempt_id,
        delivery_id,
        attempted_at,
        duration_ms,
        status as http_status,
        error,
        response_body,
        signature_version
    from source

)

select * from final
