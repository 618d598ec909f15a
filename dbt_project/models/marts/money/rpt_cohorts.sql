-- What is left of the subscriptions that began in a month, one month after the other.
with mrr as (

    select *
    from {{ ref('fct_mrr') }}
    where mrr_amount <> 0

),

begun as (

    select
        *,
        min(month_on) over (partition by subscription_id, currency) as cohort_on
    from mrr

),

months as (

    select
        service,
        currency,
        cohort_on,
        month_on,
        count(*) as subscription_count,
        sum(mrr_amount) as mrr_amount
    from begun
    group by service, currency, cohort_on, month_on

),

beginnings as (

    select *
    from months
    where month_on = cohort_on

),

final as (

    select
        beginnings.service,
        beginnings.currency,
        beginnings.cohort_on,
        months.month_on,
        (
            12 * (extract(year from months.month_on) - extract(year from beginnings.cohort_on))
            + extract(month from months.month_on) - extract(month from beginnings.cohort_on)
        )::integer as month_number,
        beginnings.subscription_count::integer as cohort_subscription_count,
        beginnings.mrr_amount as cohort_mrr_amount,
        months.subscription_count::integer as subscription_count,
        months.mrr_amount,
        round(100.0 * months.subscription_count / beginnings.subscription_count, 1)
            as subscription_percent,
        round(100 * months.mrr_amount / beginnings.mrr_amount, 1) as mrr_percent
    from beginnings
    inner join months
        on
            beginnings.service = months.service
            and beginnings.currency = months.currency
            and beginnings.cohort_on = months.cohort_on

)

select * from final
