{{ config(materialized='view') }}

with line_status as (

    select * from {{ ref('fct_invoice_line_status') }}

),

final as (

    select
        {{ invoice_line_columns('line_status') }},
        line_status.approved_by
    from line_status
    where line_status.blocked_reason is null

)

select * from final
