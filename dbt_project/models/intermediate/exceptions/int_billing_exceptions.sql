{{ config(post_hook='analyze {{ this }}') }}

with identity_problems as (

    select * from {{ ref('int_exceptions_identity') }}

),

reconciliation_problems as (

    select * from {{ ref('int_exceptions_reconciliation') }}

),

publishing_problems as (

    select * from {{ ref('int_exceptions_publishing') }}

),

integrity_problems as (

    select * from {{ ref('int_exceptions_integrity') }}

),

source_problems as (

    select * from {{ ref('int_exceptions_sources') }}

),

kinds as (

    select * from {{ ref('exception_kinds') }}

),

unioned as (

    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        facts,
        description,
        since_at
    from identity_problems
    union all
    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        period_start,
        currency,
        stake_amount,
        facts,
        description,
        since_at
    from reconciliation_problems
    union all
    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        facts,
        description,
        since_at
    from publishing_problems
    union all
    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        period_start,
        currency,
        stake_amount,
        facts,
        description,
        since_at
    from integrity_problems
    union all
    select
        kind,
        service,
        subject,
        subscription_id,
        null::text as external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        facts,
        description,
        since_at
    from source_problems

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
