with source as (

    select * from {{ source('raw_nexacloud', 'invoice_items') }}

),

final as (

    select
        id as invoice_item_id,
        invoice_id,
        kind as item_kind,
        period_start,
        period_end,
        description,
        quantity,
        unit_price,
        amount,
        created_at,
        _loaded_at as loaded_at
    from source
    where _deleted_at is null

)

select * from final
