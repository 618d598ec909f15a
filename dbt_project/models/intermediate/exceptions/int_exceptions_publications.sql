{{ config(post_hook='analyze {{ this }}') }}

with currencies as (

    select * from {{ ref('int_currencies') }}

),

findings as (

    select
        publication_findings.*,
        {{ decimals_of('currencies') }} as decimals
    from {{ ref('stg_ops__publication_findings') }} as publication_findings
    left join currencies on publication_findings.currency = currencies.currency_code

),

altered as (

    select
        case
            when finding = 'quarantined' then 'publication_quarantined' else 'publication_alarm'
        end as kind,
        service,
        document_key as subject,
        null::text as subscription_id,
        null::text as external_customer_id,
        finding || ' ' || coalesce(odoo_total_amount::text, '') as facts,
        'Document ' || document_key || coalesce(' (' || odoo_name || ')', '') || ' of '
        || {{ round_money('expected_total_amount', 'decimals') }} || ' ' || currency || ': ' || replace(finding, '_', ' ')
            as description,
        found_at as since_at
    from findings
    where is_alarm

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
    from altered

)

select * from final
