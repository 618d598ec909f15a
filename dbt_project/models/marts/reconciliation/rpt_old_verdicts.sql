with verdicts as (

    select * from {{ ref('stg_odoo__fusion_billing_reconciliation') }}

),

billing_services as (

    select * from {{ ref('stg_odoo__fusion_billing_service') }}

),

reconciliation as (

    select * from {{ ref('fct_reconciliation') }}

),

services as (

    select * from {{ ref('int_services') }}

),

old_verdicts as (

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

),

named as (

    select
        reconciliation.*,
        to_char(reconciliation.period_start at time zone services.timezone, 'YYYY-MM')
            as period_label
    from reconciliation
    inner join services on reconciliation.service = services.service

),

-- The old tool knew a period by its month and compared one-offs with a key that is NULL: they join
-- nothing here, and stand in fct_one_off_invoices.
final as (

    select
        old_verdicts.billing_reconciliation_id,
        old_verdicts.service,
        old_verdicts.external_subscription_id,
        old_verdicts.period_label,
        old_verdicts.odoo_amount as old_expected_amount,
        old_verdicts.app_amount as old_app_amount,
        old_verdicts.delta_amount as old_delta_amount,
        old_verdicts.verdict as old_verdict,
        old_verdicts.external_subscription_id is null as is_one_off,
        named.expected_amount,
        named.actual_amount,
        named.delta_amount,
        named.status,
        named.causes,
        named.currency
    from old_verdicts
    left join named
        on
            old_verdicts.service = named.service
            and old_verdicts.external_subscription_id = named.external_subscription_id
            and old_verdicts.period_label = named.period_label

)

select * from final
