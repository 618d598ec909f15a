with source as (

    select * from {{ source('ops', 'line_approval_status') }}

),

final as (

    select
        line_key,
        content_hash,
        approval_state,
        is_approved,
        required_approver_count,
        person_count,
        approved_by,
        approved_at,
        latest_decision,
        latest_decided_by,
        latest_decided_at,
        latest_note
    from source

)

select * from final
