-- What is billed and proposed for a charge of a period must be what the period costs today: a line
-- that counts twice, or an adjustment that comes back every night, shows here.
with rated as (

    select
        subscription_id,
        period_start,
        currency,
        charge,
        sum(amount + coalesce(minimum_shortfall_amount, 0)) as amount
    from {{ ref('int_rated_charges') }}
    group by subscription_id, period_start, currency, charge

),

lines as (

    select
        subscription_id,
        coalesce(corrects_period_start, service_period_start) as period_start,
        currency,
        charge,
        sum(amount) as amount
    from {{ ref('fct_invoice_lines') }}
    where kind <> 'credit'
    group by
        subscription_id, coalesce(corrects_period_start, service_period_start), currency, charge

)

select
    subscription_id,
    period_start,
    currency,
    charge,
    sum(amount) as difference
from (
    select
        subscription_id,
        period_start,
        currency,
        charge,
        amount
    from rated
    union all
    select
        subscription_id,
        period_start,
        currency,
        charge,
        -amount
    from lines
) as both_sides
group by subscription_id, period_start, currency, charge
having sum(amount) <> 0
