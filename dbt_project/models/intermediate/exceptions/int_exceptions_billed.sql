{{ config(post_hook='analyze {{ this }}') }}

-- What was billed and does not fit what is rated today, so that nothing may follow from it by itself.
with moved as (

    select *
    from {{ ref('int_service_time_overlaps') }}
    where is_held

),

adjustments as (

    select * from {{ ref('int_adjustments') }}

),

billed_lines as (

    select *
    from {{ ref('int_billed_lines') }}
    where kind <> 'credit'

),

billed_otherwise as (

    select
        'service_time_billed_otherwise' as kind,
        billed_lines.service,
        moved.subscription_id || ' ' || moved.charge || ' '
        || {{ iso_seconds('moved.billed_period_start') }} as subject,
        moved.subscription_id,
        min(billed_lines.content ->> 'external_customer_id') as external_customer_id,
        moved.billed_period_start as period_start,
        min(billed_lines.currency) as currency,
        'Billed from ' || {{ iso_seconds('moved.billed_period_start') }} || ' to '
        || {{ iso_seconds('min(moved.billed_period_end)') }} || ' ('
        || string_agg(distinct billed_lines.document_key, ', ') || '), and rated now from '
        || string_agg(
            distinct {{ iso_seconds('moved.rated_period_start') }} || ' to '
            || {{ iso_seconds('moved.rated_period_end') }}, ', and from '
        ) as description
    from moved
    inner join billed_lines
        on
            moved.subscription_id = billed_lines.subscription_id
            and moved.charge = billed_lines.charge
            and moved.billed_period_start = billed_lines.rated_period_start
    group by
        billed_lines.service, moved.subscription_id, moved.charge,
        moved.billed_period_start

),

between_partners as (

    select
        'adjustment_between_partners' as kind,
        adjustments.service,
        adjustments.line_key as subject,
        adjustments.subscription_id,
        adjustments.external_customer_id,
        adjustments.service_period_start as period_start,
        adjustments.currency,
        adjustments.description || ' would go to partner ' || adjustments.partner_id
        || ', and documents ' || string_agg(distinct billed_lines.document_key, ', ')
        || ' went to partners ' || string_agg(distinct billed_lines.partner_id::text, ', ')
            as description
    from adjustments
    inner join billed_lines
        on
            adjustments.subscription_id = billed_lines.subscription_id
            and adjustments.service_period_start = billed_lines.rated_period_start
            and adjustments.currency = billed_lines.currency
            and adjustments.charge = billed_lines.charge
    group by
        adjustments.service, adjustments.line_key, adjustments.subscription_id,
        adjustments.external_customer_id, adjustments.service_period_start,
        adjustments.currency, adjustments.description, adjustments.partner_id
    having count(distinct billed_lines.partner_id) > 1

),

unioned as (

    select * from billed_otherwise
    union all
    select * from between_partners

),

final as (

    select
        kind,
        service,
        subject,
        subscription_id,
        external_customer_id,
        period_start,
        currency,
        null::numeric as stake_amount,
        description as facts,
        description,
        period_start as since_at
    from unioned

)

select * from final
