{{ config(materialized='view') }}

-- Who decided what, when and why: every table of decisions in one shape.
with line_approvals as (

    select * from {{ ref('stg_ops__line_approvals') }}

),

credit_requests as (

    select * from {{ ref('stg_ops__credit_requests') }}

),

publication_lines as (

    select * from {{ ref('stg_ops__publication_lines') }}

),

publications as (

    select * from {{ ref('stg_ops__publications') }}

),

cause_acceptances as (

    select * from {{ ref('stg_ops__cause_acceptances') }}

),

gates as (

    select * from {{ ref('stg_ops__cutover_gate_log') }}

),

acknowledgements as (

    select * from {{ ref('stg_ops__exception_acknowledgement_log') }}

),

exceptions as (

    select * from {{ ref('fct_exceptions') }}

),

releases as (

    select * from {{ ref('stg_ops__termination_releases') }}

),

credited as (

    select distinct on (line_key)
        line_key,
        service,
        subscription_id
    from publication_lines
    order by line_key, released_at desc nulls first

),

unioned as (

    select
        'approval:' || approval_id as decision_key,
        case decision
            when 'approve' then 'approved'
            when 'reject' then 'rejected'
            when 'revoke' then 'revoked'
        end as decision,
        'line' as subject_type,
        line_key as subject,
        content ->> 'service' as service,
        content ->> 'subscription_id' as subscription_id,
        content ->> 'description' as description,
        decided_by,
        policy_version is not null as is_by_policy,
        decided_at,
        note as reason,
        amount,
        currency
    from line_approvals
    union all
    select
        'credit:' || credit_requests.credit_id as decision_key,
        'asked_for_credit' as decision,
        'line' as subject_type,
        credit_requests.credited_line_key as subject,
        credited.service,
        credited.subscription_id,
        null::text as description,
        credit_requests.requested_by as decided_by,
        false as is_by_policy,
        credit_requests.requested_at as decided_at,
        credit_requests.note as reason,
        credit_requests.amount,
        credit_requests.currency
    from credit_requests
    left join credited on credit_requests.credited_line_key = credited.line_key
    union all
    select
        'acceptance:' || acceptance_id as decision_key,
        'accepted' as decision,
        'cause' as subject_type,
        service || ':' || external_subscription_id || ' ' || {{ iso_seconds('period_start') }} || ' ' || cause
            as subject,
        service,
        service || ':' || external_subscription_id as subscription_id,
        cause as description,
        accepted_by as decided_by,
        false as is_by_policy,
        accepted_at as decided_at,
        note as reason,
        amount,
        currency
    from cause_acceptances
    union all
    select
        'gate:' || gate_id as decision_key,
        case decision when 'open' then 'opened' else 'closed' end as decision,
        'gate' as subject_type,
        service || ':' || external_subscription_id as subject,
        service,
        service || ':' || external_subscription_id as subscription_id,
        'Odoo issues from ' || {{ iso_seconds('from_period_start') }} || ' on' as description,
        decided_by,
        false as is_by_policy,
        decided_at,
        note as reason,
        null::numeric as amount,
        null::text as currency
    from gates
    union all
    select
        'acknowledgement:' || acknowledgements.acknowledgement_id as decision_key,
        'acknowledged' as decision,
        'exception' as subject_type,
        acknowledgements.exception_key as subject,
        exceptions.service,
        exceptions.subscription_id,
        exceptions.description,
        acknowledgements.acknowledged_by as decided_by,
        false as is_by_policy,
        acknowledgements.acknowledged_at as decided_at,
        acknowledgements.note as reason,
        exceptions.stake_amount as amount,
        exceptions.currency
    from acknowledgements
    left join exceptions on acknowledgements.exception_key = exceptions.exception_key
    union all
    select
        'termination:' || release_id as decision_key,
        'released' as decision,
        'termination' as subject_type,
        service || ':' || external_subscription_id as subject,
        service,
        service || ':' || external_subscription_id as subscription_id,
        'Its app is told that it ended' as description,
        released_by as decided_by,
        false as is_by_policy,
        released_at as decided_at,
        note as reason,
        null::numeric as amount,
        null::text as currency
    from releases
    union all
    select
        'release:' || document_key as decision_key,
        'released' as decision,
        'document' as subject_type,
        document_key as subject,
        service,
        null::text as subscription_id,
        odoo_name as description,
        released_by as decided_by,
        false as is_by_policy,
        released_at as decided_at,
        note as reason,
        expected_untaxed_amount as amount,
        currency
    from publications
    where released_at is not null

),

final as (

    select * from unioned

)

select * from final
