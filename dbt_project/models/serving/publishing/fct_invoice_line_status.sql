{{ config(materialized='view') }}

with lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

obstacles as (

    select * from {{ ref('fct_line_obstacles') }}

),

gates as (

    select * from {{ ref('stg_ops__cutover_gates') }}

),

approvals as (

    select * from {{ ref('stg_ops__line_approval_status') }}

),

line_exceptions as (

    select * from {{ ref('fct_line_exceptions') }}

),

-- Live: an acknowledgement lets its lines go at once.
acknowledgements as (

    select *
    from {{ ref('stg_ops__exception_acknowledgements') }}
    where is_in_force

),

held_by_exception as (

    select
        line_exceptions.line_key,
        string_agg(distinct line_exceptions.kind, ', ' order by line_exceptions.kind) as kinds
    from line_exceptions
    left join acknowledgements
        on
            line_exceptions.exception_key = acknowledgements.exception_key
            and line_exceptions.facts_hash = acknowledgements.facts_hash
    where acknowledgements.exception_key is null
    group by line_exceptions.line_key

),

published as (

    select
        line_key,
        document_key
    from {{ ref('stg_ops__publication_lines') }}
    where released_at is null

),

native_orders as (

    select *
    from {{ ref('int_native_billing') }}
    where external_subscription_id is not null

),

native_plans as (

    select *
    from {{ ref('int_native_billing') }}
    where plan_code is not null

),

approved_once as (

    select distinct line_key
    from approvals
    where latest_decision = 'approve'

),

facts as (

    select
        obstacles.line_key,
        obstacles.content_hash,
        case
            when approvals.approval_state = 'waiting' then 'partly_approved'
            when approvals.approval_state is not null then approvals.approval_state
            when approved_once.line_key is not null then 'changed'
            else 'open'
        end as approval_state,
        approvals.approved_by,
        coalesce(approvals.is_approved, false) as is_approved,
        case
            when approvals.is_approved then null
            when approvals.approval_state = 'rejected'
                then 'it was rejected by ' || approvals.latest_decided_by
            when approvals.approval_state = 'revoked'
                then 'its approval was revoked by ' || approvals.latest_decided_by
            when approvals.approval_state = 'waiting'
                then
                    'approved by ' || coalesce(approvals.approved_by, 'nobody')
                    || ', but an amount like this needs ' || approvals.required_approver_count
                    || ' people'
            when approved_once.line_key is not null
                then 'it changed after it was approved: approve it again'
            else 'nobody approved it yet'
        end as approval_reason,
        published.line_key is not null as is_published,
        published.document_key,
        -- No obstacle, said of keys that a join did not find and never of the sentence below: the
        -- planner makes joins of it, and leaves out what cannot be published before it writes.
        obstacles.reasons is null
        and coalesce(gates.is_open, false)
        and not coalesce(obstacles.service_period_start < gates.from_period_start, false)
        and native_orders.service is null
        and native_plans.service is null
        and held_by_exception.line_key is null as is_free,
        nullif(concat_ws(
            '; ',
            case
                when not coalesce(gates.is_open, false)
                    then 'the gate of its subscription is closed'
                when obstacles.service_period_start < gates.from_period_start
                    then
                        'Odoo issues only from '
                        || to_char(gates.from_period_start, 'YYYY-MM-DD') || ' on'
            end,
            obstacles.reasons,
            'Odoo would invoice it by itself: '
            || nullif(concat_ws(', ', native_orders.reason, native_plans.reason), ''),
            'an exception is open: ' || replace(held_by_exception.kinds, '_', ' ')
        ), '') as obstacle
    from obstacles
    left join gates on obstacles.subscription_id = gates.subscription_id
    left join approvals
        on
            obstacles.line_key = approvals.line_key
            and obstacles.content_hash = approvals.content_hash
    left join approved_once on obstacles.line_key = approved_once.line_key
    left join published on obstacles.line_key = published.line_key
    left join native_orders
        on
            obstacles.service = native_orders.service
            and obstacles.external_subscription_id = native_orders.external_subscription_id
    left join native_plans
        on
            obstacles.service = native_plans.service
            and obstacles.plan_code = native_plans.plan_code
    left join held_by_exception on obstacles.line_key = held_by_exception.line_key

),

-- A line that was rebuilt without its obstacles (a build of a part) is judged by none of them.
final as (

    select
        lines.*,
        facts.approval_state,
        facts.approved_by,
        facts.is_approved,
        facts.is_published,
        facts.document_key,
        -- Only its approval is missing: what a person is asked to decide about.
        not facts.is_published and facts.is_free and lines.content_hash = facts.content_hash
            as is_approvable,
        case
            when facts.is_published then 'already in document ' || facts.document_key
            else nullif(concat_ws(
                '; ',
                case
                    when lines.content_hash <> facts.content_hash
                        then 'it was rebuilt and not judged yet: a whole build does'
                end,
                facts.obstacle,
                facts.approval_reason
            ), '')
        end as blocked_reason
    from lines
    inner join facts on lines.line_key = facts.line_key

)

select * from final
