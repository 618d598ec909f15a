{{ config(post_hook='analyze {{ this }}') }}

with gates as (

    select *
    from {{ ref('stg_ops__cutover_gates') }}
    where is_open

),

published_lines as (

    select * from {{ ref('int_published_lines') }}

),

publications as (

    select * from {{ ref('stg_ops__publications') }}

),

publication_findings as (

    select * from {{ ref('stg_ops__publication_findings') }}

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

currencies as (

    select * from {{ ref('int_currencies') }}

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
    where billed_amount <> 0
    group by service, subscription_id, document_key, service_period_start, service_period_end

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

-- A person proved that Odoo did not hold it, and its lines were published again or may be.
back_again as (

    select
        'released_document_is_back' as kind,
        published_lines.service,
        published_lines.document_key || ' ' || published_lines.subscription_id as subject,
        published_lines.subscription_id,
        published_lines.document_key || ' ' || sum(published_lines.billed_amount) as facts,
        'Document ' || published_lines.document_key
        || coalesce(' (' || min(published_lines.odoo_name) || ')', '')
        || ' was released as gone, and Odoo holds it again, with '
        || round(sum(published_lines.billed_amount), 2) || ' ' || min(published_lines.currency)
        || ' of subscription ' || published_lines.external_subscription_id as description,
        min(publications.released_at) as since_at
    from published_lines
    inner join publications on published_lines.document_key = publications.document_key
    where published_lines.is_released_and_back
    group by
        published_lines.service, published_lines.document_key, published_lines.subscription_id,
        published_lines.external_subscription_id

),

not_as_sent as (

    select
        case
            when finding = 'quarantined' then 'publication_quarantined' else 'publication_alarm'
        end as kind,
        service,
        document_key as subject,
        null::text as subscription_id,
        finding || ' ' || coalesce(odoo_total_amount::text, '') as facts,
        'Document ' || document_key || coalesce(' (' || odoo_name || ')', '') || ' of '
        || {{ round_money('expected_total_amount', decimals_of('currencies')) }} || ' ' || publication_findings.currency || ': ' || replace(finding, '_', ' ')
            as description,
        found_at as since_at
    from publication_findings
    left join currencies on publication_findings.currency = currencies.currency_code
    where is_alarm and finding <> 'released_document_is_back'

),

unioned as (

    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        facts,
        description,
        since_at
    from issued_twice
    union all
    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        facts,
        description,
        since_at
    from billed_natively
    union all
    select
        kind,
        service,
        subject,
        subscription_id,
        null::text as external_customer_id,
        facts,
        description,
        since_at
    from not_as_sent
    union all
    select
        kind,
        service,
        subject,
        subscription_id,
        null::text as external_customer_id,
        facts,
        description,
        since_at
    from back_again

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
