{{ config(materialized='view') }}

with invoice_events as (

    select * from {{ ref('int_lifecycle_invoice_events') }}

),

terminations as (

    select * from {{ ref('int_lifecycle_terminations') }}

),

final as (

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

)

select * from final
