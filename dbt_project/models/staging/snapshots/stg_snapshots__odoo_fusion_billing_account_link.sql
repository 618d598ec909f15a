with source as (

    select * from {{ source('snapshots', 'odoo_fusion_billing_account_link') }}

),

final as (

    select
        id as account_link_id,
        service_id as billing_service_id,
        external_account_id as external_customer_id,
        partner_id,
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
