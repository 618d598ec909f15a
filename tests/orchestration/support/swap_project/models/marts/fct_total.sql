select count(*)::int as row_count, sum(quantity) as quantity from {{ ref('int_kept') }}
