{{ config(materialized='view') }}

with periods as (

    select * from {{ ref('fct_readiness_periods') }}

),

causes as (

    select * from {{ ref('fct_reconciliation_causes') }}

),

-- Live: an accepted cause counts at once.
acceptances as (

    select * from {{ ref('stg_ops__cause_acceptances') }}

),

accepted as (

    -- A cause is accepted for its amount: another amount has to be accepted again.
    select
        causes.subscription_id,
        causes.period_start,
        causes.period_end,
        bool_and(of_their_amount.cause is not null) as is_accepted
    from causes
    left join (
        select distinct
            service,
            external_subscription_id,
            period_start,
            cause,
            amount,
            currency
        from acceptances
    ) as of_their_amount
        on
            causes.service = of_their_amount.service
            and causes.external_subscription_id = of_their_amount.external_subscription_id
            and causes.period_start = of_their_amount.period_start
            and causes.cause = of_their_amount.cause
            and causes.amount = of_their_amount.amount
            and causes.currency = of_their_amount.currency
    group by causes.subscription_id, causes.period_start, causes.period_end

),

judged as (

    select
        periods.*,
        coalesce(accepted.is_accepted, false) as is_accepted,
        periods.status in ('match', 'nothing_to_bill')
        or (periods.status = 'explained' and coalesce(accepted.is_accepted, false))
            as is_agreeing
    from periods
    left join accepted
        on
            periods.subscription_id = accepted.subscription_id
            and periods.period_start = accepted.period_start
            and periods.period_end = accepted.period_end

),

islands as (

    select
        *,
        count(*) filter (where not is_agreeing) over (
            partition by subscription_id
            order by period_end, period_start
        ) as failure_number
    from judged

),

final as (

    select
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        plan_code,
        period_start,
        period_end,
        period_start_on,
        currency,
        status,
        compared_side,
        expected_amount,
        delta_amount,
        unexplained_amount,
        is_accepted,
        is_agreeing,
        count(*) filter (where is_agreeing) over (
            partition by subscription_id, failure_number
            order by period_end, period_start
        )::integer as agreeing_period_count
    from islands

)

select * from final
