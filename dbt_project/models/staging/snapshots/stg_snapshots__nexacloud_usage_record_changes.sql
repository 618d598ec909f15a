with source as (

    select * from {{ source('snapshots', 'nexacloud_usage_record_changes') }}

),

final as (

    select
        _change_id as usage_record_change_id,
        id as usage_record_id,
        subscription_id as external_subscription_id,
        metric,
        window_start,
        idempotency_key,
        {{ usage_key_hash() }} as key_hash,
        _is_withdrawn as is_withdrawn,
        _changed_at as changed_at
    from source

)

select * from final
