-- An amount that was rounded on the way (per tier, day or record) drifts from what people compute.
select
    lines.line_key,
    lines.exact_amount,
    lines.amount
from {{ ref('int_rated_lines') }} as lines
left join {{ ref('int_rated_charges') }} as charges
    on
        lines.subscription_id = charges.subscription_id
        and lines.period_type = charges.period_type
        and lines.segment_start = charges.segment_start
        and lines.charge = charges.charge
where lines.amount is distinct from round(lines.exact_amount, charges.decimals)
