with source as (

    select * from {{ source('snapshots', 'nexacloud_users') }}

),

final as (

    select
        id as user_id,
        email,
        full_name,
        company_name,
        country,
        province,
        is_active,
        created_at,
        updated_at,
        _version as version_number,
        _seen_at as seen_at,
        _valid_from as valid_from,
        _valid_until as valid_until,
        _is_deleted as is_deleted
    from source

)

select * from final
