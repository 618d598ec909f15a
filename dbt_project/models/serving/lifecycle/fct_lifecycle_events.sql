{{ config(materialized='view') }}

with emitted_events as (

    select * from {{ ref('stg_ops__lifecycle_events') }}

),

invoice_events as (

    select * from {{ ref('int_lifecycle_invoice_events') }}

),

terminations as (

    select * from {{ ref('int_lifecycle_terminations') }}

),

candidates as (

    select
        event_type,
        service,
        subscription_id,
        external_subscription_id,
        deployment_id,
        external_customer_id,
        subject,
        cause,
        occurred_at,
        reason,
        document_key,
        odoo_move_id,
        invoice_reference,
        due_on,
        currency,
        total_amount,
        residual_amount,
        settled_by,
        null::timestamptz as ended_at,
        previous_event_id,
        null::text as held_reason
    from invoice_events
    union all
    select
        event_type,
        service,
        subscription_id,
        external_subscription_id,
        deployment_id,
        external_customer_id,
        subject,
        cause,
        occurred_at,
        reason,
        null as document_key,
        null as odoo_move_id,
        null as invoice_reference,
        null as due_on,
        null as currency,
        null as total_amount,
        null as residual_amount,
        null as settled_by,
        ended_at,
        previous_event_id,
        held_reason
    from terminations

),

-- The same record can cause the same event again: a payment set back to draft, then confirmed
-- once more. The number of times it was emitted keeps the two apart.
earlier_emissions as (

    select
        event_type,
        subject,
        cause,
        count(*) as emission_count
    from emitted_events
    group by event_type, subject, cause

),

pending as (

    select
        {{ hash_key([
            'candidates.event_type', 'candidates.subject', 'candidates.cause',
            'earlier_emissions.emission_count',
        ]) }} as event_id,
        candidates.*
    from candidates
    left join earlier_emissions
        on
            candidates.event_type = earlier_emissions.event_type
            and candidates.subject = earlier_emissions.subject
            and candidates.cause = earlier_emissions.cause
    -- An ending is told once.
    where
        candidates.event_type <> 'subscription.terminated'
        or earlier_emissions.emission_count is null

)

select
    event_id,
    event_type,
    service,
    subscription_id,
    external_subscription_id,
    deployment_id,
    external_customer_id,
    subject,
    cause,
    occurred_at,
    reason,
    document_key,
    odoo_move_id,
    invoice_reference,
    due_on,
    currency,
    total_amount,
    residual_amount,
    settled_by,
    ended_at,
    null::text as previous_event_id,
    null::text as held_reason,
    emitted_at
from emitted_events
union all
select
    event_id,
    event_type,
    service,
    subscription_id,
    external_subscription_id,
    deployment_id,
    external_customer_id,
    subject,
    cause,
    occurred_at,
    reason,
    document_key,
    odoo_move_id,
    invoice_reference,
    due_on,
    currency,
    total_amount,
    residual_amount,
    settled_by,
    ended_at,
    previous_event_id,
    held_reason,
    null as emitted_at
from pending
