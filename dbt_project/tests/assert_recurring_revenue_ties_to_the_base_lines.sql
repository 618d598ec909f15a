-- Every base line is in its month; and where a whole month was held on one plan, the recurring revenue of
-- the month is what that line charges.
with mrr as (

    select * from {{ ref('fct_mrr') }}

),

base_lines as (

    select *
    from {{ ref('int_rated_lines') }}
    where kind = 'base'

),

services as (

    select * from {{ ref('int_services') }}

),

dated as (

    select
        base_lines.*,
        date_trunc(
            'month', {{ local_date('base_lines.service_period_start', 'services.timezone') }}
        )::date as month_on,
        count(*) over (
            partition by base_lines.subscription_id, base_lines.currency, base_lines.service_period_start
        ) as line_count
    from base_lines
    inner join services on base_lines.service = services.service

),

totals as (

    select 'base lines' as what, sum(amount) as amount
    from base_lines
    union all
    select 'recurring revenue', -sum(base_amount) as amount
    from mrr

)

select
    null::text as subscription_id,
    null::date as month_on,
    sum(amount) as difference
from totals
having sum(amount) <> 0
union all
select
    dated.subscription_id,
    dated.month_on,
    mrr.mrr_amount - dated.amount as difference
from dated
inner join mrr
    on
        dated.subscription_id = mrr.subscription_id
        and dated.currency = mrr.currency
        and dated.month_on = mrr.month_on
where
    dated.line_count = 1
    and dated.fraction_numerator = dated.fraction_denominator
    and dated.service_period_end = (
        date_trunc('month', dated.service_period_start at time zone (
            select services.timezone from services
            where services.service = dated.service
        )) + interval '1 month'
    ) at time zone (
        select services.timezone from services
        where services.service = dated.service
    )
    and mrr.is_month_over
    and mrr.mrr_amount <> dated.amount
