{{ config(indexes=[{'columns': ['subscription_id']}], post_hook='analyze {{ this }}') }}

-- Every finished period of every subscription that still runs, with what the reconciliation says.
with subscriptions as (

    select *
    from {{ ref('int_subscriptions') }}
    where problem is null and coalesce(held_until, 'infinity') > {{ as_of() }}

),

periods as (

    select *
    from {{ ref('int_subscription_periods') }}
    where period_end <= {{ as_of() }}

),

reconciliation as (

    select * from {{ ref('fct_reconciliation') }}

),

final as (

    select
        subscriptions.service,
        subscriptions.subscription_id,
        subscriptions.external_subscription_id,
        subscriptions.external_customer_id,
        subscriptions.plan_code,
        periods.period_start,
        periods.period_end,
        {{ local_date('periods.period_start', 'periods.timezone') }} as period_start_on,
        coalesce(reconciliation.currency, subscriptions.currency) as currency,
        coalesce(reconciliation.status, 'nothing_to_bill') as status,
        coalesce(reconciliation.compared_side, 'actual') as compared_side,
        coalesce(reconciliation.expected_amount, 0) as expected_amount,
        coalesce(reconciliation.delta_amount, 0) as delta_amount,
        coalesce(reconciliation.unexplained_amount, 0) as unexplained_amount
    from subscriptions
    inner join periods on subscriptions.subscription_id = periods.subscription_id
    left join reconciliation
        on
            periods.subscription_id = reconciliation.subscription_id
            and periods.period_start = reconciliation.period_start
            and periods.period_end = reconciliation.period_end

)

select * from final
