{{ config(indexes=[{'columns': ['month_on']}]) }}

-- Why recurring revenue is other than a month before: each movement of a subscription in a currency.
with mrr as (

    select *
    from {{ ref('fct_mrr') }}
    where mrr_amount <> 0

),

services as (

    select
        service,
        date_trunc('month', {{ local_date(as_of(), 'timezone') }})::date as running_month_on
    from {{ ref('int_services') }}

),

neighbours as (

    select
        *,
        lag(month_on) over subscription as earlier_month_on,
        lag(mrr_amount) over subscription as earlier_mrr_amount,
        lead(month_on) over subscription as later_month_on
    from mrr
    window subscription as (partition by subscription_id, currency order by month_on)

),

-- Nothing in the month before is a beginning: the first, or one after a pause.
begun as (

    select
        *,
        coalesce(earlier_month_on = (month_on - interval '1 month')::date, false) as is_continued
    from neighbours

),

changes as (

    select
        service,
        subscription_id,
        external_customer_id,
        customer_name,
        plan_code,
        currency,
        month_on,
        case
            when earlier_month_on is null then 'new'
            when not is_continued then 'reactivation'
            when mrr_amount > earlier_mrr_amount then 'expansion'
            else 'contraction'
        end as movement,
        case when is_continued then mrr_amount - earlier_mrr_amount else mrr_amount end as amount
    from begun
    where not is_continued or mrr_amount <> earlier_mrr_amount

),

ends as (

    select
        begun.service,
        begun.subscription_id,
        begun.external_customer_id,
        begun.customer_name,
        begun.plan_code,
        begun.currency,
        (begun.month_on + interval '1 month')::date as month_on,
        'churn' as movement,
        -begun.mrr_amount as amount
    from begun
    inner join services on begun.service = services.service
    where
        begun.month_on < services.running_month_on
        and begun.later_month_on is distinct from (begun.month_on + interval '1 month')::date

),

final as (

    select * from changes
    union all
    select * from ends

)

select * from final
