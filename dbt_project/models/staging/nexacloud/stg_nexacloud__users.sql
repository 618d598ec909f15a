with source as (

    select * from {{ source('raw_nexacloud', 'users') }}

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
        _loaded_at as loaded_at
    from source
    where _deleted_at is null

)

select * from final
