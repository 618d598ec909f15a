{{ config(materialized='view') }}

with publication_lines as (

    select *
    from {{ ref('stg_ops__publication_lines') }}
    where released_at is null

),

publications as (

    select * from {{ ref('stg_ops__publications') }}

),

-- A line that a document has claimed is never changed: what follows from it is an adjustment. A
-- document that a person released gives its lines back.
final as (

    select
        publication_lines.*,
        coalesce(publication_lines.corrects_period_start, publication_lines.service_period_start)
            as rated_period_start,
        publications.billing_period_start,
        publications.billing_period_end,
        publications.publication_state,
        publications.odoo_name
    from publication_lines
    inner join publications on publication_lines.document_key = publications.document_key

)

select * from final
