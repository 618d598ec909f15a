with source as (

    select * from {{ source('raw_odoo', 'account_partial_reconcile') }}

),

final as (

    select
        id as partial_reconcile_id,
        debit_move_id as debit_move_line_id,
        credit_move_id as credit_move_line_id,
        amount,
        max_date as matched_on,
        full_reconcile_id,
        company_id,
        create_date as created_at,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
