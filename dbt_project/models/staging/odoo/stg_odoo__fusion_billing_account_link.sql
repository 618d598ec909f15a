with source as (

    select * from {{ source('raw_odoo', 'fusion_billing_account_link') }}

),

final as (

    select
        id as account_link_id,
        service_id as billing_service_id,
        external_account_id as external_customer_id,
        partner_id,
        write_date as updated_at
    from source
    where _deleted_at is null

)

select * from final
