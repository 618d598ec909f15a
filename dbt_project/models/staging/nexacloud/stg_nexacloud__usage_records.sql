with source as (

    select * from {{ source('raw_nexacloud', 'usage_records') }}

),

-- The dead stay: what counted so far must be seen to be withdrawn.
final as (

    select
        id as usage_record_id,
        subscription_id as external_subscription_id,
        deployment_id,
        metric,
        quantity,
        window_start,
        window_end,
        idempotency_key,
        {{ usage_key_hash() }} as key_hash,
        created_at,
        _loaded_at as loaded_at,
        _deleted_at as deleted_at
    from source

)

select * from final
