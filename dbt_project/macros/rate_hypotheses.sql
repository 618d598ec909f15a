{#- Rates open keys again, one row a set of suppositions. In: a relation with subscription_id,
    period_start, period_end, set_key and the six variants (null: as it is). Out: those columns and
    rated_amount, what the key would have cost. The arithmetic is that of every other line. -#}
{% macro rate_hypotheses(sets) -%}
(
    with hypothesis_inputs as (

        select
            sets.subscription_id,
            sets.period_start,
            sets.period_end,
            sets.set_key,
            segments.is_trial,
            segments.numerator as fraction_numerator,
            segments.denominator as fraction_denominator,
            prices.charge_kind,
            prices.charge_model,
            prices.base_fee,
            prices.unit_price,
            prices.package_size,
            prices.rate_percent,
            prices.minimum_amount,
            prices.maximum_amount,
            prices.tiers,
            case
                when sets.usage_variant = 'said' or sets.quota_variant = 'zero' then 0
                when sets.quota_variant = 'unprorated' then {{ exact_divide(
                    'prices.included_quantity * segments.denominator', 'segments.numerator'
                ) }}
                else prices.included_quantity
            end as included_quantity,
            case sets.usage_variant
                when 'none' then 0
                when 'said' then coalesce(said_usage.said_quantity, 0)
                else coalesce(usage.used_quantity, 0)
            end as used_quantity,
            coalesce(currencies.decimal_places, 2)::int as decimals
        from {{ sets }} as sets
        inner join {{ ref('int_hypothesis_segments') }} as segments
            on
                sets.subscription_id = segments.subscription_id
                and sets.period_start = segments.period_start
                and sets.period_end = segments.period_end
                and coalesce(sets.plan_variant, 'held') = segments.plan_variant
                and coalesce(sets.segmentation, 'own') = segments.segmentation
        inner join {{ ref('int_hypothesis_prices') }} as prices
            on
                segments.subscription_id = prices.subscription_id
                and segments.period_type = prices.period_type
                and segments.plan_code = prices.plan_code
                and segments.segment_start = prices.segment_start
                and coalesce(sets.price_variant, 'own') = prices.price_variant
        left join {{ ref('int_hypothesis_usage') }} as usage
            on
                segments.subscription_id = usage.subscription_id
                and segments.period_start = usage.period_start
                and segments.period_end = usage.period_end
                and segments.segmentation = usage.segmentation
                and segments.plan_variant = usage.plan_variant
                and segments.segment_start = usage.segment_start
                and coalesce(sets.span_variant, 'own') = usage.span_variant
                and case when sets.usage_variant = 'late' then 'late' else 'own' end
                = usage.usage_variant
                and prices.metric = usage.metric
        left join {{ ref('int_hypothesis_said_usage') }} as said_usage
            on
                segments.subscription_id = said_usage.subscription_id
                and segments.period_start = said_usage.period_start
                and segments.period_end = said_usage.period_end
                and segments.segmentation = said_usage.segmentation
                and segments.plan_variant = said_usage.plan_variant
                and segments.segment_start = said_usage.segment_start
                and prices.metric = said_usage.metric
        left join {{ ref('stg_odoo__res_currency') }} as currencies
            on prices.currency = currencies.currency_code
        where segments.numerator > 0

    ),

    once as (

        select
            subscription_id,
            service_period_start as period_start,
            service_period_end as period_end,
            sum(amount) as amount
        from {{ ref('int_rated_lines') }}
        where kind = 'one_off'
        group by subscription_id, service_period_start, service_period_end

    ),

    totals as (

        select
            rated.subscription_id,
            rated.period_start,
            rated.period_end,
            rated.set_key,
            sum(rated.amount + coalesce(rated.minimum_shortfall_amount, 0)) as rated_amount
        from {{ rate_charges('hypothesis_inputs') }} as rated
        group by rated.subscription_id, rated.period_start, rated.period_end, rated.set_key

    )

    select
        sets.*,
        coalesce(totals.rated_amount, 0) + coalesce(once.amount, 0) as rated_amount
    from {{ sets }} as sets
    left join totals
        on
            sets.subscription_id = totals.subscription_id
            and sets.period_start = totals.period_start
            and sets.period_end = totals.period_end
            and sets.set_key = totals.set_key
    left join once
        on
            sets.subscription_id = once.subscription_id
            and sets.period_start = once.period_start
            and sets.period_end = once.period_end
)
{%- endmacro %}
