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

publications as (

    select * from {{ ref('stg_ops__publications') }}

),

published_lines as (

    select *
    from {{ ref('int_published_lines') }}
    where is_released_and_back

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
    group by
        published_lines.service, published_lines.document_key, published_lines.subscription_id,
        published_lines.external_subscription_id

),

altered as (

    select
        case
            when finding = 'quarantined' then 'publication_quarantined' else 'publication_alarm'
        end as kind,
        service,
        document_key as subject,
        null::text as subscription_id,
        finding || ' ' || coalesce(odoo_total_amount::text, '') as facts,
        'Document ' || document_key || coalesce(' (' || odoo_name || ')', '') || ' of '
        || {{ round_money('expected_total_amount', 'decimals') }} || ' ' || currency || ': ' || replace(finding, '_', ' ')
            as description,
        found_at as since_at
    from findings
    where is_alarm and finding <> 'released_document_is_back'

),

unioned as (

    select
        kind,
        service,
        subject,
        subscription_id,
        facts,
        description,
        since_at
    from altered
    union all
    select
        kind,
        service,
        subject,
        subscription_id,
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
        null::text as external_customer_id,
        null::timestamptz as period_start,
        null::text as currency,
        null::numeric as stake_amount,
        facts,
        description,
        since_at
    from unioned

)

select * from final
