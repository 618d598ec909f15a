with source as (

    select * from {{ source('raw_nexacloud', 'deployments') }}

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
        _loaded_at as loaded_at
    from source
    where _deleted_at is null

)

select * from final
