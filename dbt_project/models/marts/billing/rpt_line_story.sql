{{ config(materialized='view') }}

with lines as (

    select * from {{ ref('int_story_lines') }}

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

currencies as (

    select * from {{ ref('int_currencies') }}

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
    left join currencies on lines.currency = currencies.currency_code
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
                'records', count(*) filter (where usage.is_counted),
                'first_at', min(usage.event_at) filter (where usage.is_counted),
                'last_at', max(usage.event_at) filter (where usage.is_counted),
                'sum', trim_scale(sum(usage.quantity) filter (where usage.is_counted))::text
            ) as counted,
            jsonb_agg(usage.record order by usage.event_at, usage.usage_key)
                filter (where not usage.is_counted) as left_out
        from line_usage as usage
        where usage.line_key = lines.line_key
    ) as records on lines.kind = 'usage'
    left join lateral (
        select jsonb_agg(line_tiers.tier order by line_tiers.tier_number) as tiers
        from line_tiers
        where line_tiers.line_key = lines.line_key
    ) as filled on lines.kind = 'usage'
    left join lateral (
        select jsonb_agg(component || jsonb_build_object(
            'amount', {{ round_money(
                "lines.amount * (component ->> 'rate')::numeric * 0.01", decimals_of('currencies')
            ) }}::text
        )) as taxes
        from jsonb_array_elements(lines.tax_components) as component
    ) as taxes on true

)

select * from final
