with source as (

    select * from {{ source('raw_nexacloud', 'subscriptions') }}

),

final as (

    select
        id as external_subscription_id,
        user_id,
        plan_id,
        status as subscription_status,
        started_at,
        trial_ends_at,
        current_period_start,
        current_period_end,
        cancelled_at,
        created_at,
        updated_at,
        _loaded_at as loaded_at
    from source
    where _deleted_at is null

)

select * from final
