{{ config(materialized='view') }}

with documents as (

    select * from {{ ref('int_lifecycle_documents') }}

),

publication_lines as (

    select * from {{ ref('stg_ops__publication_lines') }}

),

gates as (

    select * from {{ ref('stg_ops__cutover_gates') }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

deployments as (

    select * from {{ ref('stg_nexacloud__deployments') }}

),

last_told as (

    select *
    from {{ ref('stg_ops__lifecycle_events') }}
    where is_last_told

),

-- One document bills a customer, a customer may hold several subscriptions.
billed_subscriptions as (

    select distinct
        document_key,
        service,
        subscription_id,
        external_subscription_id
    from publication_lines
    where released_at is null

),

fanned_out as (

    select
        documents.document_key,
        documents.odoo_move_id,
        billed_subscriptions.service,
        billed_subscriptions.subscription_id,
        billed_subscriptions.external_subscription_id,
        subscriptions.external_customer_id,
        deployments.deployment_id,
        deployments.created_at as deployment_created_at,
        deployments.terminated_at as deployment_terminated_at,
        billed_subscriptions.subscription_id || '/' || coalesce(deployments.deployment_id, '')
        || '/account.move,' || documents.odoo_move_id as subject
    from documents
    inner join billed_subscriptions
        on documents.document_key = billed_subscriptions.document_key
    inner join gates on billed_subscriptions.subscription_id = gates.subscription_id
    left join subscriptions
        on billed_subscriptions.subscription_id = subscriptions.subscription_id
    left join deployments
        on
            billed_subscriptions.service = 'nexacloud'
            and billed_subscriptions.external_subscription_id
            = deployments.external_subscription_id
    where gates.is_open

),

final as (

    select
        fanned_out.*,
        last_told.event_id as previous_event_id,
        last_told.event_type as previous_event_type,
        last_told.cause as previous_cause,
        last_told.occurred_at as previous_occurred_at,
        coalesce(
            last_told.event_type in ('invoice.payment_failed', 'invoice.payment_reversed'), false
        ) as is_told_bad,
        coalesce(last_told.event_type = 'invoice.payment_succeeded', false) as is_told_good
    from fanned_out
    left join last_told on fanned_out.subject = last_told.subject

)

select * from final
