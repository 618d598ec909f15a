{{ config(materialized='view') }}

with approvals as (

    select * from {{ ref('stg_ops__line_approvals') }}

),

billed_lines as (

    select * from {{ ref('int_billed_lines') }}

),

said as (

    select
        line_key,
        jsonb_agg(
            jsonb_build_object(
                'decision', decision,
                'by', decided_by,
                'at', decided_at,
                'note', note,
                'policy_version', policy_version,
                'content_hash', content_hash
            )
            order by decided_at, approval_id
        ) as approvals
    from approvals
    group by line_key

),

published as (

    select
        line_key,
        jsonb_build_object(
            'document', document_key,
            'line_number', line_number,
            'state', publication_state,
            'odoo_name', odoo_name,
            'odoo_line_id', odoo_move_line_id,
            'billing_period_start', billing_period_start,
            'billing_period_end', billing_period_end
        ) as publication
    from billed_lines

),

final as (

    select
        coalesce(said.line_key, published.line_key) as line_key,
        said.approvals,
        published.publication
    from said
    full outer join published on said.line_key = published.line_key

)

select * from final
