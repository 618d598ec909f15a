with source as (

    select * from {{ source('snapshots', 'odoo_sale_subscription_plan') }}

),

final as (

    select
        id as subscription_plan_id,
        name as subscription_plan_name,
        active as is_active,
        billing_period_value,
        billing_period_unit,
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
