{{ config(materialized='view') }}

with lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

facts as (

    select * from {{ ref('int_line_publishing_facts') }}

),

final as (

    select
        {{ invoice_line_columns('lines') }},
        facts.approval_state,
        facts.approved_by,
        facts.is_approved,
        facts.document_key is not null as is_published,
        facts.document_key,
        -- Only its approval is missing: what a person is asked to decide about.
        facts.document_key is null and facts.obstacle is null as is_approvable,
        case
            when facts.document_key is not null then 'already in document ' || facts.document_key
            else nullif(concat_ws('; ', facts.obstacle, facts.approval_reason), '')
        end as blocked_reason
    from lines
    inner join facts on lines.line_key = facts.line_key

)

select * from final
