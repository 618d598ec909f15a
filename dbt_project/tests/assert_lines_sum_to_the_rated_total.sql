-- What is billed and proposed for a charge of a period must be what the period costs today: a line
-- that counts twice, or an adjustment that comes back every night, shows here.
with rated as (

    select
        subscription_id,
        service_period_start as period_start,
        currency,
        charge,
        sum(amount) as amount
    from {{ ref('int_rated_lines') }}
    group by subscription_id, service_period_start, currency, charge

),

-- Held, in an exception: what was billed under another period start is neither billed nor given back.
held as (

    select
        subscription_id,
        rated_period_start as period_start,
        charge
    from {{ ref('int_service_time_overlaps') }}
    where is_held
    union
    select
        subscription_id,
        billed_period_start as period_start,
        charge
    from {{ ref('int_service_time_overlaps') }}
    where is_held and is_orphan

),

lines as (

    select
        subscription_id,
        coalesce(corrects_period_start, service_period_start) as period_start,
        currency,
        charge,
        sum(amount) as amount
    from {{ ref('fct_invoice_lines') }}
    -- What people gave back counts only where nothing is rated any more.
    where
        kind <> 'credit'
        or not exists (
            select 1
            from rated
            where
                rated.subscription_id = fct_invoice_lines.subscription_id
                and rated.period_start = fct_invoice_lines.corrects_period_start
                and rated.currency = fct_invoice_lines.currency
                and rated.charge = fct_invoice_lines.charge
        )
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
where
    not exists (
        select 1
        from held
        where
            held.subscription_id = both_sides.subscription_id
            and held.period_start = both_sides.period_start
            and held.charge = both_sides.charge
    )
group by subscription_id, period_start, currency, charge
having sum(amount) is distinct from 0
