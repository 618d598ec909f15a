with source as (

    select * from {{ source('raw_odoo', 'account_move_line') }}

),

final as (

    select
        id as move_line_id,
        _deleted_at as deleted_at
    from source
    where _deleted_at is not null

)

select * from final
