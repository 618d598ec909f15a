with source as (

    select * from {{ source('ops', 'rejected_rows') }}

),

final as (

    select
        rejected_row_id,
        source,
        table_name,
        row_key,
        reason,
        row as rejected_row,
        run_id,
        first_rejected_at,
        last_rejected_at,
        resolved_at
    from source

)

select * from final
