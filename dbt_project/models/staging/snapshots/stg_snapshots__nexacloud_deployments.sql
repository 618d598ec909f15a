with source as (

    select * from {{ source('snapshots', 'nexacloud_deployments') }}

),

final as (

    select
        id as deployment_id,
        subscription_id as external_subscription_id,
        user_id,
        name as deployment_name,
        status as deployment_status,
        created_at,
        terminated_at,
        updated_at,
        _version as version_number,
        _seen_at as seen_at,
        _valid_from as valid_from,
        _valid_until as valid_until,
        _is_deleted as is_deleted
    from source

)

select * from final
