{{ config(post_hook='analyze {{ this }}') }}

with invoice_findings as (

    select * from {{ ref('rpt_invoice_integrity') }}

),

one_offs as (

    select * from {{ ref('fct_one_off_invoices') }}
    where match_status <> 'matched' and invoice_status in ('open', 'paid', 'uncollectible')

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

final as (

    select * from wrong_invoices
    union all
    select * from unmatched_one_offs

)

select * from final
