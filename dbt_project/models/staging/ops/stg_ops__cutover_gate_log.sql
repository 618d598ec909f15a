with source as (

    select * from {{ source('ops', 'cutover_gates') }}

),

final as (

    select
        gate_id,
        service,
        external_subscription_id,
        decision,
        from_period_start,
        decided_by,
        decided_at,
        note
    from source

)

select * from final
