{{ config(materialized='view') }}

with companies as (

    select * from {{ ref('int_companies') }}

),

final as (

    select
        company_id,
        company_name,
        tax_rounding_method
    from companies

)

select * from final
