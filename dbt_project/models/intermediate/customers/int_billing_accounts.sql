with users as (

    select * from {{ ref('stg_nexacloud__users') }}

),

account_links as (

    select *
    from {{ ref('stg_snapshots__odoo_fusion_billing_account_link') }}
    where is_current

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

subscription_versions as (

    select * from {{ ref('int_subscription_versions') }}

),

nexacloud_accounts as (

    select
        'nexacloud' as service,
        user_id as external_customer_id,
        full_name,
        company_name,
        coalesce(nullif(trim(company_name), ''), full_name) as customer_name,
        nullif(lower(trim(email)), '') as email,
        country,
        province,
        is_active,
        created_at
    from users

),

other_account_ids as (

    select
        billing_services.service,
        account_links.external_customer_id
    from account_links
    inner join billing_services
        on account_links.billing_service_id = billing_services.billing_service_id
    union
    select
        service,
        external_customer_id
    from subscription_versions

),

-- A service whose database is not read here is known by its links and orders alone.
linked_accounts as (

    select
        service,
        external_customer_id,
        null::text as full_name,
        null::text as company_name,
        external_customer_id as customer_name,
        null::text as email,
        null::text as country,
        null::text as province,
        true as is_active,
        null::timestamptz as created_at
    from other_account_ids
    where service <> 'nexacloud' and external_customer_id is not null

),

final as (

    select * from nexacloud_accounts
    union all
    select * from linked_accounts

)

select * from final
