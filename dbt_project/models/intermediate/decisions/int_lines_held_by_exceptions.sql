{{ config(materialized='view') }}

-- Live: an acknowledgement lets its lines go at once.
with line_exceptions as (

    select * from {{ ref('int_line_exceptions') }}

),

exceptions as (

    select *
    from {{ ref('fct_billing_exceptions') }}
    where is_open

),

final as (

    select
        line_exceptions.line_key,
        string_agg(distinct line_exceptions.kind, ', ' order by line_exceptions.kind) as kinds
    from line_exceptions
    inner join exceptions on line_exceptions.exception_key = exceptions.exception_key
    group by line_exceptions.line_key

)

select * from final
