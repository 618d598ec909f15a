{{ config(materialized='view') }}

with lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

gates as (

    select * from {{ ref('int_cutover_gates') }}

),

approvals as (

    select * from {{ ref('stg_ops__line_approval_status') }}

),

published as (

    select * from {{ ref('int_published_lines') }}

),

obstacles as (

    select * from {{ ref('int_line_obstacles') }}

),

approved_once as (

    select distinct line_key
    from approvals
    where latest_decision = 'approve'

),

final as (

    select
        lines.line_key,
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
        published.document_key,
        nullif(concat_ws(
            '; ',
            case
                when not coalesce(gates.is_open, false)
                    then 'the gate of its subscription is closed'
                when lines.service_period_start < gates.from_period_start
                    then
                        'Odoo issues only from '
                        || to_char(gates.from_period_start, 'YYYY-MM-DD') || ' on'
            end,
            obstacles.reasons
        ), '') as obstacle
    from lines
    left join gates on lines.subscription_id = gates.subscription_id
    left join approvals
        on lines.line_key = approvals.line_key and lines.content_hash = approvals.content_hash
    left join approved_once on lines.line_key = approved_once.line_key
    left join published on lines.line_key = published.line_key
    left join obstacles on lines.line_key = obstacles.line_key

)

select * from final
