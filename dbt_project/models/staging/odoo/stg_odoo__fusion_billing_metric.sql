with source as (

    select * from {{ source('raw_odoo', 'fusion_billing_metric') }}

),

final as (

    select
        id as billing_metric_id,
        code as metric,
        name as metric_name,
        aggregation,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
