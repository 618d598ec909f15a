{{ config(materialized='view') }}

with currencies as (

    select * from {{ ref('int_currencies') }}

),

history as (

    select * from {{ ref('cutover_readiness_by_period') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

gates as (

    select * from {{ ref('stg_ops__cutover_gates') }}

),

subscriptions as (

    select *
    from {{ ref('int_subscriptions') }}
    where coalesce(held_until, 'infinity') > {{ as_of() }}

),

open_exceptions as (

    select *
    from {{ ref('fct_billing_exceptions') }}
    where is_open

),

plans as (

    select distinct
        service,
        plan_code
    from subscriptions

),

-- What is open against each running subscription: its own problems, and those of its customer.
-- One equality a way of concerning: with "or" every exception would meet every subscription.
concerned as (

    select
        subscriptions.subscription_id,
        open_exceptions.exception_key,
        open_exceptions.kind,
        open_exceptions.closes_gate
    from subscriptions
    inner join open_exceptions
        on
            subscriptions.service = open_exceptions.service
            and subscriptions.subscription_id = open_exceptions.subscription_id
    union
    select
        subscriptions.subscription_id,
        open_exceptions.exception_key,
        open_exceptions.kind,
        open_exceptions.closes_gate
    from subscriptions
    inner join open_exceptions
        on
            subscriptions.service = open_exceptions.service
            and subscriptions.external_customer_id = open_exceptions.external_customer_id
    where open_exceptions.subscription_id is null
    union
    select
        subscriptions.subscription_id,
        open_exceptions.exception_key,
        open_exceptions.kind,
        open_exceptions.closes_gate
    from plans
    inner join open_exceptions
        on
            plans.service = open_exceptions.service
            and open_exceptions.kind = 'catalogue_drift'
            and starts_with(open_exceptions.subject, plans.plan_code || ' ')
    inner join subscriptions
        on
            plans.service = subscriptions.service
            and plans.plan_code = subscriptions.plan_code

),

exception_counts as (

    select
        subscription_id,
        count(*) filter (where kind = 'catalogue_drift')::integer as catalogue_drift_count,
        count(*) filter (where closes_gate)::integer as blocking_exception_count
    from concerned
    group by subscription_id

),

-- Of each subscription the last period that the app and we can be compared on: what nobody has
-- invoiced yet proves nothing, and from its gate on a subscription is Odoo's.
latest as (

    select distinct on (subscription_id)
        subscription_id,
        period_start,
        period_end,
        status,
        delta_amount,
        unexplained_amount,
        currency,
        agreeing_period_count
    from history
    where compared_side = 'actual' and status <> 'missing_actual'
    order by subscription_id asc, period_end desc, period_start desc

),

readiness_facts as (

    select
        subscriptions.service,
        subscriptions.subscription_id,
        subscriptions.external_subscription_id,
        subscriptions.external_customer_id,
        customers.customer_name,
        subscriptions.plan_code,
        latest.period_start,
        latest.period_end,
        latest.status as last_status,
        latest.delta_amount as last_delta_amount,
        latest.unexplained_amount as last_unexplained_amount,
        latest.currency,
        coalesce(latest.agreeing_period_count, 0) as agreeing_period_count,
        {{ var('readiness_periods') }} as required_period_count,
        customers.certainty as identity_certainty,
        customers.tax_problem,
        coalesce(exception_counts.catalogue_drift_count, 0) as catalogue_drift_count,
        coalesce(exception_counts.blocking_exception_count, 0) as blocking_exception_count,
        coalesce(latest.agreeing_period_count, 0) >= {{ var('readiness_periods') }}
            as has_agreeing_periods,
        customers.partner_id is not null as has_identity,
        coalesce(customers.is_taxable_resolved, false) as has_tax,
        coalesce(exception_counts.catalogue_drift_count, 0) = 0 as has_catalogue,
        coalesce(exception_counts.blocking_exception_count, 0) = 0 as has_no_exception,
        coalesce(gates.is_open, false) as is_gate_open,
        gates.from_period_start as gate_from_period_start
    from subscriptions
    left join latest on subscriptions.subscription_id = latest.subscription_id
    left join customers
        on
            subscriptions.service = customers.service
            and subscriptions.external_customer_id = customers.external_customer_id
    left join exception_counts
        on subscriptions.subscription_id = exception_counts.subscription_id
    left join gates on subscriptions.subscription_id = gates.subscription_id

),

facts as (

    select
        readiness_facts.*,
        {{ decimals_of('currencies') }} as decimals
    from readiness_facts
    left join currencies on readiness_facts.currency = currencies.currency_code

),

judged as (

    select
        *,
        has_agreeing_periods and has_identity and has_tax and has_catalogue and has_no_exception
            as is_ready,
        nullif(concat_ws(
            '; ',
            case
                when not has_agreeing_periods and last_status is null
                    then 'no finished period that both sides know'
                when not has_agreeing_periods and last_status = 'explained'
                    then
                        'a person has to accept why '
                        || {{ round_money('last_delta_amount', 'decimals') }} || ' differ'
                when not has_agreeing_periods
                    then
                        agreeing_period_count || ' of ' || required_period_count
                        || ' periods agree (last: ' || replace(last_status, '_', ' ') || ')'
            end,
            case when not has_identity then 'the customer has no certain Odoo partner' end,
            case when not has_tax then 'the taxes of the customer are not resolved' end,
            case
                when not has_catalogue
                    then catalogue_drift_count || ' price(s) of the plan differ between sources'
            end,
            case
                when not has_no_exception
                    then blocking_exception_count || ' blocking exception(s) are open'
            end
        ), '') as missing
    from facts

),

final as (

    select
        service,
        subscription_id,
        external_subscription_id,
        external_customer_id,
        customer_name,
        plan_code,
        is_ready,
        has_agreeing_periods,
        agreeing_period_count,
        required_period_count,
        has_identity,
        identity_certainty,
        has_tax,
        tax_problem,
        has_catalogue,
        catalogue_drift_count,
        has_no_exception,
        blocking_exception_count,
        missing,
        period_start,
        period_end,
        last_status,
        last_delta_amount,
        last_unexplained_amount,
        currency,
        is_gate_open,
        gate_from_period_start
    from judged

)

select * from final
