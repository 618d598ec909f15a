with source as (

    select * from {{ source('snapshots', 'nexacloud_subscriptions') }}

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
        _version as version_number,
        _seen_at as seen_at,
        _valid_from as valid_from,
        _valid_until as valid_until,
        _is_deleted as is_deleted,
        -- What the source says today; of a row that it deleted, nothing.
        _valid_until is null and not _is_deleted as is_current
    from source

)

select * from final
