{{ config(post_hook='analyze {{ this }}') }}

-- Every problem that a build finds, whatever found it. Acknowledgements are joined where they count.
with billing_exceptions as (

    select * from {{ ref('int_exceptions') }}

),

reconciliation as (

    select *
    from {{ ref('fct_reconciliation') }}
    where status in ('unexplained', 'not_comparable', 'missing_expected', 'missing_actual')

),

catalogue as (

    select * from {{ ref('rpt_catalogue_drift') }}
    where is_drift

),

usage_drift as (

    select * from {{ ref('rpt_usage_drift') }}
    where is_drift

),

invoice_findings as (

    select * from {{ ref('rpt_invoice_integrity') }}

),

one_offs as (

    select * from {{ ref('fct_one_off_invoices') }}
    where match_status <> 'matched' and invoice_status in ('open', 'paid', 'uncollectible')

),

usage_exceptions as (

    select *
    from {{ ref('fct_usage_exceptions') }}
    where reason not in ('duplicate', 'withdrawn', 'unknown_metric', 'unknown_aggregation')

),

rejected_rows as (

    select *
    from {{ ref('stg_ops__rejected_rows') }}
    where resolved_at is null

),

currencies as (

    select * from {{ ref('int_currencies') }}

),

kinds as (

    select * from {{ ref('exception_kinds') }}

),

reconciliation_exceptions as (

    select
        case status
            when 'unexplained' then 'reconciliation_unexplained'
            when 'not_comparable' then 'reconciliation_not_comparable'
            when 'missing_expected' then 'invoiced_without_reason'
            when 'missing_actual' then 'not_invoiced'
        end as kind,
        service,
        subscription_id || ' ' || period_start || ' ' || period_end as subject,
        subscription_id,
        external_customer_id,
        period_start,
        reconciliation.currency,
        abs(unexplained_amount) as stake_amount,
        status || ' ' || expected_amount || ' ' || actual_amount || ' ' || billed_amount as facts,
        case status
            when 'missing_actual'
                then
                    'Nobody invoiced ' || {{ round_money('expected_amount', decimals_of('currencies')) }} || ' ' || reconciliation.currency
            when 'missing_expected'
                then
                    'The app invoiced ' || {{ round_money('actual_amount', decimals_of('currencies')) }} || ' ' || reconciliation.currency || ' ('
                    || array_to_string(invoice_numbers, ', ') || ') where nothing is expected'
            when 'not_comparable'
                then
                    'The app invoiced in another currency than ' || reconciliation.currency
            else
                'Expected ' || {{ round_money('expected_amount', decimals_of('currencies')) }} || ', ' || compared_side || ' '
                || {{ round_money(
                    "case compared_side when 'billed' then billed_amount else actual_amount end",
                    decimals_of('currencies')
                ) }}
                || ': ' || {{ round_money('unexplained_amount', decimals_of('currencies')) }} || ' ' || reconciliation.currency || ' is unexplained'
        end as description,
        period_end as since_at
    from reconciliation
    left join currencies on reconciliation.currency = currencies.currency_code

),

drifting_prices as (

    select
        'catalogue_drift' as kind,
        service,
        plan_code || ' ' || charge as subject,
        null::text as subscription_id,
        null::text as external_customer_id,
        null::timestamptz as period_start,
        currency,
        stake_amount,
        -- A list keeps the place of what is missing: a price that moved to another source is news.
        array[
            price_book_price, odoo_price, odoo_lowest_price, app_price,
            price_book_included_quantity, odoo_included_quantity, app_included_quantity
        ]::text || ' ' || array_to_string(differences, ', ') as facts,
        'Plan ' || plan_code || ', ' || charge || ': '
        || concat_ws(
            ', ', 'price book ' || trim_scale(price_book_price), 'Odoo ' || trim_scale(odoo_price),
            'app ' || trim_scale(app_price)
        ) || ' (' || replace(array_to_string(differences, ', '), '_', ' ') || ' differ)'
            as description,
        null::timestamptz as since_at
    from catalogue

),

drifting_usage as (

    select
        'usage_drift' as kind,
        service,
        subscription_id || ' ' || metric || ' ' || period_start as subject,
        subscription_id,
        null::text as external_customer_id,
        period_start,
        null::text as currency,
        null::numeric as stake_amount,
        app_quantity || ' ' || pushed_quantity as facts,
        trim_scale(app_quantity) || ' ' || metric || ' were measured, '
        || trim_scale(pushed_quantity) || ' were pushed to Odoo: ' || explanation as description,
        period_end as since_at
    from usage_drift

),

wrong_invoices as (

    select
        'invoice_' || finding as kind,
        service,
        invoice_id || ' ' || finding as subject,
        service || ':' || external_subscription_id as subscription_id,
        external_customer_id,
        null::timestamptz as period_start,
        currency,
        abs(difference_amount) as stake_amount,
        description as facts,
        'Invoice ' || invoice_number || ': ' || description as description,
        issued_at as since_at
    from invoice_findings

),

unmatched_one_offs as (

    select
        'one_off_unmatched' as kind,
        service,
        invoice_id as subject,
        null::text as subscription_id,
        external_customer_id,
        null::timestamptz as period_start,
        currency,
        amount as stake_amount,
        match_status || ' ' || amount as facts,
        'Invoice ' || invoice_number || ' without a subscription has '
        || case match_status
            when 'ambiguous' then 'several manual invoices in Odoo that fit'
            else 'no manual invoice in Odoo'
        end as description,
        issued_at as since_at
    from one_offs

),

-- Rows of the sources that reach no line. Repeated and withdrawn records are daily work and nobody's
-- problem; the others are told in one row a subscription, metric and reason.
lost_usage as (

    select
        -- What nobody knows how to add up would be missing on the invoice.
        case
            when reason in ('unknown_metric', 'unknown_aggregation') then 'usage_metric_unknown'
            else 'usage_left_out'
        end as kind,
        coalesce(service, usage_source) as service,
        concat_ws(' ', subscription_id, metric, reason) as subject,
        subscription_id,
        count(*) || ' ' || coalesce(sum(quantity), 0) as facts,
        count(*) || ' usage record(s) of ' || coalesce(subscription_id, 'nobody') || ', '
        || trim_scale(coalesce(sum(quantity), 0)) || ' ' || coalesce(metric, '') || ': '
        || replace(reason, '_', ' ') as description,
        min(event_at) as since_at
    from usage_exceptions
    group by service, usage_source, subscription_id, metric, reason

),

rejected as (

    select
        'source_row_rejected' as kind,
        source as service,
        table_name || ' ' || reason as subject,
        null::text as subscription_id,
        count(*)::text as facts,
        count(*) || ' row(s) of ' || source || '.' || table_name || ' were not loaded: ' || reason
            as description,
        min(first_rejected_at) as since_at
    from rejected_rows
    group by source, table_name, reason

),

left_out as (

    select * from lost_usage
    union all
    select * from rejected

),

left_out_rows as (

    select
        kind,
        service,
        subject,
        subscription_id,
        null::text as external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        facts,
        description,
        since_at
    from left_out

),

unioned as (

    select * from reconciliation_exceptions
    union all
    select * from drifting_prices
    union all
    select * from drifting_usage
    union all
    select * from wrong_invoices
    union all
    select * from unmatched_one_offs
    union all
    select * from left_out_rows

),

keyed as (

    select * from billing_exceptions
    union all
    select
        {{ exception_keys('unioned') }},
        unioned.*
    from unioned

),

final as (

    select
        keyed.exception_key,
        keyed.facts_hash,
        keyed.kind,
        kinds.severity,
        kinds.is_blocking,
        kinds.closes_gate,
        keyed.service,
        keyed.subject,
        keyed.subscription_id,
        keyed.external_customer_id,
        keyed.period_start,
        keyed.currency,
        keyed.stake_amount,
        keyed.description,
        keyed.since_at,
        kinds.owner,
        kinds.what_to_do
    from keyed
    inner join kinds on keyed.kind = kinds.kind

)

select * from final
