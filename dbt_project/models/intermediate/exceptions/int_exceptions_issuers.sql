{{ config(post_hook='analyze {{ this }}') }}

with gates as (

    select *
    from {{ ref('int_cutover_gates') }}
    where is_open

),

app_invoices as (

    select * from {{ ref('int_app_invoice_spans') }}

),

subscriptions as (

    select * from {{ ref('int_subscriptions') }}

),

native_billing as (

    select * from {{ ref('int_native_billing') }}

),

issued_twice as (

    select
        'double_issuer' as kind,
        gates.service,
        gates.subscription_id || ' ' || app_invoices.invoice_id as subject,
        gates.subscription_id,
        null::text as external_customer_id,
        app_invoices.invoice_number || ' ' || app_invoices.invoice_status || ' '
        || gates.from_period_start as facts,
        'Odoo issues from ' || to_char(gates.from_period_start, 'YYYY-MM-DD')
        || ' on, but the app has invoice ' || app_invoices.invoice_number || ' ('
        || app_invoices.invoice_status || ') for later time' as description,
        min(app_invoices.span_start) as since_at
    from gates
    inner join app_invoices
        on
            gates.subscription_id = app_invoices.subscription_id
            and gates.from_period_start < app_invoices.span_end
            and app_invoices.invoice_status <> 'void'
    group by
        gates.service, gates.subscription_id, gates.from_period_start, app_invoices.invoice_id,
        app_invoices.invoice_number, app_invoices.invoice_status

),

billed_natively as (

    select
        'native_billing' as kind,
        gates.service,
        gates.subscription_id as subject,
        gates.subscription_id,
        min(subscriptions.external_customer_id) as external_customer_id,
        string_agg(native_billing.reason, ', ' order by native_billing.reason) as facts,
        'Odoo would also invoice subscription ' || gates.external_subscription_id
        || ' by itself: ' || string_agg(native_billing.reason, ', ' order by native_billing.reason)
            as description,
        min(gates.decided_at) as since_at
    from gates
    inner join subscriptions on gates.subscription_id = subscriptions.subscription_id
    inner join native_billing
        on
            gates.service = native_billing.service
            and (
                gates.external_subscription_id = native_billing.external_subscription_id
                or subscriptions.plan_code = native_billing.plan_code
            )
    group by gates.service, gates.subscription_id, gates.external_subscription_id

),

unioned as (

    select * from issued_twice
    union all
    select * from billed_natively

),

final as (

    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        facts,
        description,
        since_at
    from unioned

)

select * from final
