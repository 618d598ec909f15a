-- An amount that was rounded on the way (per tier, day or record) drifts from what people compute.
select
    line_key,
    exact_amount,
    amount
from {{ ref('int_rated_lines') }}
where amount is distinct from round(exact_amount, decimals)
