with source as (

    select * from {{ source('ops', 'line_approvals') }}

),

final as (

    select
        approval_id,
        line_key,
        content_hash,
        decision,
        decided_by,
        decided_at,
        note,
        policy_version,
        amount,
        currency,
        content
    from source

)

select * from final
