select * from {{ ref('fct_total') }} where quantity < 0
