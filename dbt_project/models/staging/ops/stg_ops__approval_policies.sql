with source as (

    select * from {{ source('ops', 'approval_policies') }}

),

final as (

    select
        policy_id,
        policy_version,
        service,
        currency,
        is_automatic,
        within_percent,
        four_eyes_amount,
        decided_by,
        decided_at,
        note
    from source

)

select * from final
