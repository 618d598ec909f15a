{{ config(post_hook='analyze {{ this }}') }}

with gates as (

    select *
    from {{ ref('int_cutover_gates') }}
    where is_open

),

published_lines as (

    select distinct
        service,
        subscription_id,
        document_key,
        service_period_start,
        service_period_end
    from {{ ref('int_published_lines') }}
    where billed_amount <> 0

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

-- Two that may issue for the same time, whatever the gate says today: what Odoo holds counts too.
odoo_issues as (

    select
        service,
        subscription_id,
        from_period_start as issued_from,
        'infinity'::timestamptz as issued_until,
        'Odoo issues from ' || to_char(from_period_start, 'YYYY-MM-DD') || ' on' as issues
    from gates
    union all
    select
        service,
        subscription_id,
        service_period_start as issued_from,
        service_period_end as issued_until,
        'Odoo holds document ' || document_key as issues
    from published_lines

),

issued_twice as (

    select
        'double_issuer' as kind,
        odoo_issues.service,
        odoo_issues.subscription_id || ' ' || app_invoices.invoice_id as subject,
        odoo_issues.subscription_id,
        null::text as external_customer_id,
        app_invoices.invoice_number || ' ' || app_invoices.invoice_status || ' '
        || string_agg(distinct odoo_issues.issues, ', ') as facts,
        string_agg(distinct odoo_issues.issues, ', ') || ', but the app has invoice '
        || app_invoices.invoice_number || ' (' || app_invoices.invoice_status
        || ') for the same time' as description,
        min(app_invoices.span_start) as since_at
    from odoo_issues
    inner join app_invoices
        on
            odoo_issues.subscription_id = app_invoices.subscription_id
            and odoo_issues.issued_from < app_invoices.span_end
            and odoo_issues.issued_until > app_invoices.span_start
            and app_invoices.invoice_status <> 'void'
    group by
        odoo_issues.service, odoo_issues.subscription_id, app_invoices.invoice_id,
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
