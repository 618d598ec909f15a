-- A movement that is missing or counted twice would leave a waterfall that does not end where the next
-- month begins.
with mrr as (

    select
        service,
        currency,
        month_on,
        sum(mrr_amount) as amount
    from {{ ref('fct_mrr') }}
    group by service, currency, month_on

),

movements as (

    select
        service,
        currency,
        month_on,
        sum(amount) as amount
    from {{ ref('fct_mrr_movements') }}
    group by service, currency, month_on

),

months as (

    select
        service,
        currency,
        month_on
    from mrr
    union
    select
        service,
        currency,
        month_on
    from movements

),

running as (

    select
        months.service,
        months.currency,
        months.month_on,
        coalesce(mrr.amount, 0) as mrr_amount,
        sum(coalesce(movements.amount, 0)) over (
            partition by months.service, months.currency
            order by months.month_on
        ) as moved_amount
    from months
    left join mrr
        on
            months.service = mrr.service
            and months.currency = mrr.currency
            and months.month_on = mrr.month_on
    left join movements
        on
            months.service = movements.service
            and months.currency = movements.currency
            and months.month_on = movements.month_on

)

select *
from running
where mrr_amount <> moved_amount
