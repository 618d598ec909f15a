{{ config(post_hook='analyze {{ this }}') }}

with verdicts as (

    select * from {{ ref('stg_odoo__fusion_billing_reconciliation') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

final as (

    select
        verdicts.billing_reconciliation_id,
        billing_services.service,
        verdicts.external_subscription_id,
        verdicts.period_label,
        verdicts.odoo_amount,
        verdicts.app_amount,
        verdicts.delta_amount,
        verdicts.verdict
    from verdicts
    left join billing_services
        on verdicts.billing_service_id = billing_services.billing_service_id

)

select * from final
