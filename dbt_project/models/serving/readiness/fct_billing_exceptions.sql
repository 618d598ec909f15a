{{ config(materialized='view') }}

with exceptions as (

    select * from {{ ref('fct_exceptions') }}

),

acknowledgements as (

    select * from {{ ref('stg_ops__exception_acknowledgements') }}

),

customers as (

    select * from {{ ref('dim_customers') }}

),

final as (

    select
        exceptions.exception_key,
        exceptions.facts_hash,
        exceptions.kind,
        exceptions.severity,
        exceptions.is_blocking,
        exceptions.closes_gate,
        not coalesce(acknowledgements.is_in_force, false) as is_open,
        exceptions.service,
        exceptions.subject,
        exceptions.subscription_id,
        exceptions.external_customer_id,
        customers.customer_name,
        exceptions.period_start,
        exceptions.currency,
        exceptions.stake_amount,
        exceptions.description,
        exceptions.since_at,
        greatest(extract(day from {{ as_of() }} - exceptions.since_at)::integer, 0) as age_days,
        exceptions.owner,
        exceptions.what_to_do,
        acknowledgements.acknowledged_by,
        acknowledgements.acknowledged_at,
        acknowledgements.acknowledged_until,
        acknowledgements.note as acknowledgement_note
    from exceptions
    left join acknowledgements
        on
            exceptions.exception_key = acknowledgements.exception_key
            and exceptions.facts_hash = acknowledgements.facts_hash
    left join customers
        on
            exceptions.service = customers.service
            and exceptions.external_customer_id = customers.external_customer_id

)

select * from final
