with kept as (select * from {{ ref('int_kept') }})

select count(*)::int as row_count, sum(quantity) as quantity from kept
