{{ config(materialized='view') }}

with lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

facts as (

    select * from {{ ref('int_line_publishing_facts') }}

),

-- A line that was built anew without its obstacles (a build of a part) is judged by none of them.
final as (

    select
        {{ invoice_line_columns('lines') }},
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
                        then 'it was built anew and not judged yet: a whole build does'
                end,
                facts.obstacle,
                facts.approval_reason
            ), '')
        end as blocked_reason
    from lines
    inner join facts on lines.line_key = facts.line_key

)

select * from final
