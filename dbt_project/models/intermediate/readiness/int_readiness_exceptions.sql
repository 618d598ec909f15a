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

final as (

    select
        subscriptions.subscription_id,
        count(*) filter (where exceptions.kind = 'catalogue_drift')::integer
            as catalogue_drift_count,
        count(*) filter (where exceptions.is_blocking)::integer as blocking_exception_count
    from subscriptions
    inner join exceptions
        on
            subscriptions.service = exceptions.service
            and (
                subscriptions.subscription_id = exceptions.subscription_id
                or (
                    exceptions.subscription_id is null
                    and subscriptions.external_customer_id = exceptions.external_customer_id
                )
                or (
                    exceptions.kind = 'catalogue_drift'
                    and starts_with(exceptions.subject, subscriptions.plan_code || ' ')
                )
            )
    group by subscriptions.subscription_id

)

select * from final
