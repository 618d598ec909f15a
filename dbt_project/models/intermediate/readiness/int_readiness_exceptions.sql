{{ config(materialized='view') }}

-- What is open against each running subscription: its own problems, and those of its customer.
with subscriptions as (

    select *
    from {{ ref('int_subscriptions') }}
    where coalesce(held_until, 'infinity') > {{ as_of() }}

),

exceptions as (

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

-- One equality a way of concerning: with "or" every exception would meet every subscription.
concerned as (

    select
        subscriptions.subscription_id,
        exceptions.exception_key,
        exceptions.kind,
        exceptions.is_blocking
    from subscriptions
    inner join exceptions
        on
            subscriptions.service = exceptions.service
            and subscriptions.subscription_id = exceptions.subscription_id
    union
    select
        subscriptions.subscription_id,
        exceptions.exception_key,
        exceptions.kind,
        exceptions.is_blocking
    from subscriptions
    inner join exceptions
        on
            subscriptions.service = exceptions.service
            and subscriptions.external_customer_id = exceptions.external_customer_id
    where exceptions.subscription_id is null
    union
    select
        subscriptions.subscription_id,
        exceptions.exception_key,
        exceptions.kind,
        exceptions.is_blocking
    from plans
    inner join exceptions
        on
            plans.service = exceptions.service
            and exceptions.kind = 'catalogue_drift'
            and starts_with(exceptions.subject, plans.plan_code || ' ')
    inner join subscriptions
        on plans.service = subscriptions.service and plans.plan_code = subscriptions.plan_code

),

final as (

    select
        subscription_id,
        count(*) filter (where kind = 'catalogue_drift')::integer as catalogue_drift_count,
        count(*) filter (where is_blocking)::integer as blocking_exception_count
    from concerned
    group by subscription_id

)

select * from final
