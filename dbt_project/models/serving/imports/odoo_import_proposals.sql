{{ config(materialized='view') }}

with records as (

    select * from {{ ref('int_odoo_import_records') }}

),

import_rows as (

    select * from {{ ref('stg_ops__import_rows') }}

),

-- What the importer found when it looked last stands beside what is wanted now.
final as (

    select
        records.import_key,
        records.kind,
        records.title,
        records.wanted,
        records.known_odoo_id,
        records.currency,
        records.is_extra_deployment,
        records.skip_reason,
        records.problem,
        import_rows.odoo_id,
        import_rows.origin,
        import_rows.action,
        import_rows.changes,
        import_rows.kept,
        import_rows.reason,
        import_rows.looked_at,
        import_rows.written_at
    from records
    left join import_rows on records.import_key = import_rows.import_key

)

select
    import_key,
    kind,
    title,
    wanted,
    known_odoo_id,
    currency,
    is_extra_deployment,
    skip_reason,
    problem,
    odoo_id,
    origin,
    action,
    changes,
    kept,
    reason,
    looked_at,
    written_at
from final
