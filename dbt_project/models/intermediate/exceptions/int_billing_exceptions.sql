{{ config(post_hook='analyze {{ this }}') }}

with identity_problems as (

    select * from {{ ref('int_exceptions_identity') }}

),

subscriptions_problems as (

    select * from {{ ref('int_exceptions_subscriptions') }}

),

reconciliation_problems as (

    select * from {{ ref('int_exceptions_reconciliation') }}

),

issuers_problems as (

    select * from {{ ref('int_exceptions_issuers') }}

),

publications_problems as (

    select * from {{ ref('int_exceptions_publications') }}

),

billed_problems as (

    select * from {{ ref('int_exceptions_billed') }}

),

policies_problems as (

    select * from {{ ref('int_exceptions_policies') }}

),

drift_problems as (

    select * from {{ ref('int_exceptions_drift') }}

),

invoices_problems as (

    select * from {{ ref('int_exceptions_invoices') }}

),

sources_problems as (

    select * from {{ ref('int_exceptions_sources') }}

),

kinds as (

    select * from {{ ref('exception_kinds') }}

),

unioned as (

    select * from identity_problems
    union all
    select * from subscriptions_problems
    union all
    select * from reconciliation_problems
    union all
    select * from issuers_problems
    union all
    select * from publications_problems
    union all
    select * from billed_problems
    union all
    select * from policies_problems
    union all
    select * from drift_problems
    union all
    select * from invoices_problems
    union all
    select * from sources_problems

),

final as (

    select
        {{ hash_key(['unioned.kind', 'unioned.service', 'unioned.subject']) }} as exception_key,
        {{ hash_key(['unioned.kind', 'unioned.subject', 'unioned.facts']) }} as facts_hash,
        unioned.kind,
        kinds.severity,
        kinds.is_blocking,
        unioned.service,
        unioned.subject,
        unioned.subscription_id,
        unioned.external_customer_id,
        unioned.period_start,
        unioned.currency,
        unioned.stake_amount,
        unioned.description,
        unioned.since_at,
        kinds.owner,
        kinds.what_to_do
    from unioned
    inner join kinds on unioned.kind = kinds.kind

)

select * from final
