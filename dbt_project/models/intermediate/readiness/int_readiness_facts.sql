{{ config(materialized='view') }}

with settled as (

    select * from {{ ref('int_readiness_latest') }}

),

freshly_accepted as (

    select * from {{ ref('int_freshly_accepted') }}

),

fresh as (

    select * from {{ ref('int_readiness_fresh') }}

),

subscriptions as (

    select *
    from {{ ref('int_subscriptions') }}
    where coalesce(held_until, 'infinity') > {{ as_of() }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

exceptions as (

    select * from {{ ref('int_readiness_exceptions') }}

),

gates as (

    select * from {{ ref('int_cutover_gates') }}

),

fresh_latest as (

    {{ latest_compared('fresh') }}

),

-- As of the last build, but for the subscriptions of which somebody accepted a cause since.
latest as (

    select settled.*
    from settled
    where
        not exists (
            select 1
            from freshly_accepted
            where freshly_accepted.subscription_id = settled.subscription_id
        )
    union all
    select fresh_latest.*
    from fresh_latest

),

final as (

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
        coalesce(exceptions.catalogue_drift_count, 0) as catalogue_drift_count,
        coalesce(exceptions.blocking_exception_count, 0) as blocking_exception_count,
        coalesce(latest.agreeing_period_count, 0) >= {{ var('readiness_periods') }}
            as has_agreeing_periods,
        customers.partner_id is not null as has_identity,
        coalesce(customers.is_taxable_resolved, false) as has_tax,
        coalesce(exceptions.catalogue_drift_count, 0) = 0 as has_catalogue,
        coalesce(exceptions.blocking_exception_count, 0) = 0 as has_no_exception,
        coalesce(gates.is_open, false) as is_gate_open,
        gates.from_period_start as gate_from_period_start
    from subscriptions
    left join latest on subscriptions.subscription_id = latest.subscription_id
    left join customers
        on
            subscriptions.service = customers.service
            and subscriptions.external_customer_id = customers.external_customer_id
    left join exceptions on subscriptions.subscription_id = exceptions.subscription_id
    left join gates on subscriptions.subscription_id = gates.subscription_id

)

select * from final
