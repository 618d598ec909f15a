{{ config(materialized='view') }}

with invoice_lines as (

    select * from {{ ref('fct_invoice_lines') }}

),

rated_lines as (

    select * from {{ ref('int_rated_lines') }}

),

balances as (

    select * from {{ ref('int_charge_balances') }}

),

arithmetic as (

    select * from {{ ref('int_line_arithmetic') }}

),

line_usage as (

    select * from {{ ref('int_line_usage') }}

),

line_tiers as (

    select * from {{ ref('int_line_tiers') }}

),

decisions as (

    select * from {{ ref('int_line_decisions') }}

),

-- What costs nothing is no line of an invoice, but it has a story too.
lines as (

    select
        line_key, service, subscription_id, external_subscription_id, customer_name, partner_id,
        currency, kind, charge, plan_code, description, exact_amount, amount, fraction, rule,
        tax_components, service_period_start, service_period_end,
        billing_period_start, billing_period_end, corrects_period_start, is_billable,
        content_hash
    from invoice_lines
    union all
    select
        line_key, service, subscription_id, external_subscription_id, null, null,
        currency, kind, charge, plan_code, null, exact_amount, amount,
        fraction_numerator || '/' || fraction_denominator, rule,
        null, service_period_start, service_period_end,
        service_period_start, service_period_end, null, false,
        null
    from rated_lines
    where amount = 0

),

-- Laterals on the line: asking for one line reads the records of one line.
final as (

    select
        lines.line_key,
        lines.service,
        lines.subscription_id,
        lines.external_subscription_id,
        lines.customer_name,
        lines.partner_id,
        lines.kind,
        lines.charge,
        lines.plan_code,
        lines.description,
        lines.amount,
        lines.exact_amount,
        lines.currency,
        lines.fraction,
        lines.rule,
        lines.service_period_start,
        lines.service_period_end,
        lines.billing_period_start,
        lines.billing_period_end,
        lines.corrects_period_start,
        lines.is_billable,
        arithmetic.period,
        arithmetic.segment,
        arithmetic.price,
        records.counted as usage_counted,
        records.left_out as usage_left_out,
        arithmetic.quota,
        filled.tiers,
        arithmetic.amount as rounding,
        case
            when lines.kind = 'adjustment'
                then jsonb_build_object(
                    'rated_now', balances.rated_amount::text,
                    'billed', balances.billed_amount::text
                )
        end as correction,
        taxes.taxes,
        lines.content_hash,
        decisions.approvals,
        decisions.publication
    from lines
    left join arithmetic on lines.line_key = arithmetic.line_key
    left join decisions on lines.line_key = decisions.line_key
    left join balances
        on
            lines.subscription_id = balances.subscription_id
            and lines.corrects_period_start = balances.service_period_start
            and lines.currency = balances.currency
            and lines.charge = balances.charge
    left join lateral (
        select
            jsonb_build_object(
                'records', count(*) filter (where is_counted),
                'first_at', min(event_at) filter (where is_counted),
                'last_at', max(event_at) filter (where is_counted),
                'sum', trim_scale(sum(quantity) filter (where is_counted))::text
            ) as counted,
            jsonb_agg(
                jsonb_build_object(
                    'usage', usage_key, 'at', event_at, 'quantity', trim_scale(quantity)::text,
                    'reason', left_out_reason, 'counted_instead', duplicate_of
                )
                order by event_at, usage_key
            ) filter (where not is_counted) as left_out
        from line_usage
        where line_usage.line_key = lines.line_key
    ) as records on lines.kind = 'usage'
    left join lateral (
        select
            jsonb_agg(
                jsonb_build_object(
                    'tier', tier_number, 'from', tier_from::text, 'to', tier_to::text,
                    'units', trim_scale(units_in_tier)::text, 'unit_price', unit_price::text,
                    'flat_fee', flat_fee::text,
                    'amount', trim_scale(units_in_tier * unit_price + flat_fee)::text
                )
                order by tier_number
            ) as tiers
        from line_tiers
        where line_tiers.line_key = lines.line_key
    ) as filled on lines.kind = 'usage'
    left join lateral (
        select jsonb_agg(component || jsonb_build_object(
            'amount', round(lines.amount * (component ->> 'rate')::numeric * 0.01, 2)::text
        )) as taxes
        from jsonb_array_elements(lines.tax_components) as component
    ) as taxes on true

)

select * from final
