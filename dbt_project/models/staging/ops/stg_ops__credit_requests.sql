with source as (

    select * from {{ source('ops', 'credit_requests') }}

),

final as (

    select
        credit_id,
        line_key as credited_line_key,
        amount,
        upper(currency) as currency,
        requested_by,
        requested_at,
        note
    from source

)

select * from final
