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

-- An acknowledgement holds for the facts that it was given for, and until the day it names.
standing as (

    select distinct on (exception_key, facts_hash)
        exception_key,
        facts_hash,
        acknowledged_by,
        acknowledged_at,
        acknowledged_until,
        note
    from acknowledgements
    order by exception_key asc, facts_hash asc, acknowledgement_id desc

),

final as (

    select
        exceptions.exception_key,
        exceptions.facts_hash,
        exceptions.kind,
        exceptions.severity,
        exceptions.is_blocking,
        standing.exception_key is null
        or coalesce(standing.acknowledged_until <= {{ as_of() }}, false) as is_open,
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
        standing.acknowledged_by,
        standing.acknowledged_at,
        standing.acknowledged_until,
        standing.note as acknowledgement_note
    from exceptions
    left join standing
        on
            exceptions.exception_key = standing.exception_key
            and exceptions.facts_hash = standing.facts_hash
    left join customers
        on
            exceptions.service = customers.service
            and exceptions.external_customer_id = customers.external_customer_id

)

select * from final
