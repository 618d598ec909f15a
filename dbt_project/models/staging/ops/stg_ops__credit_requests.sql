with source as (

    select * from {{ source('ops', 'credit_requests') }}

),

final as (

    select
        credit_id,
        line_key,
        amount,
        currency,
        requested_by,
        requested_at,
        note
    from source

)

select * from final
