with source as (

    select * from {{ source('snapshots', 'odoo_fusion_billing_metric') }}

),

final as (

    select
        id as billing_metric_id,
        code as metric,
        name as metric_name,
        aggregation,
        write_date as updated_at,
        _version as version_number,
        _seen_at as seen_at,
        _valid_from as valid_from,
        _valid_until as valid_until,
        _is_deleted as is_deleted,
        -- What the source says today; of a row that it deleted, nothing.
        _valid_until is null and not _is_deleted as is_current
    from source

)

select * from final
