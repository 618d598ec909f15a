with source as (

    select * from {{ source('snapshots', 'nexacloud_plans') }}

),

final as (

    select
        id as plan_id,
        code as plan_code,
        name as plan_name,
        price as plan_price,
        upper(currency) as currency,
        billing_interval,
        included_cpu_seconds,
        overage_price_per_cpu_second,
        is_active,
        created_at,
        updated_at,
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
