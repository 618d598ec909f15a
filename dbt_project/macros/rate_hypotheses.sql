{#- Rates open keys again, one row a set of suppositions. In: a relation with rest_number,
    set_key and the six variants (null: as it is). Out: those columns and rated_amount, what the key would have cost. The arithmetic is that of every other line. -#}
{% macro rate_hypotheses(sets) -%}
(
    with hypothesis_inputs as (

        select
            sets.rest_number,
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
            currencies.decimals
        from {{ sets }} as sets
        inner join {{ ref('int_hypothesis_segments') }} as segments
            on
                sets.rest_number = segments.rest_number
                and coalesce(sets.plan_variant, 'held') = segments.plan_variant
                and coalesce(sets.segmentation, 'own') = segments.segmentation
        inner join {{ ref('int_hypothesis_prices') }} as prices
            on
                segments.segment_number = prices.segment_number
                and coalesce(sets.price_variant, 'own') = prices.price_variant
        left join {{ ref('int_hypothesis_usage') }} as usage
            on
                segments.segment_number = usage.segment_number
                and coalesce(sets.span_variant, 'own') = usage.span_variant
                and case when sets.usage_variant = 'late' then 'late' else 'own' end
                = usage.usage_variant
                and prices.metric = usage.metric
        left join {{ ref('int_hypothesis_said_usage') }} as said_usage
            on
                segments.segment_number = said_usage.segment_number
                and prices.metric = said_usage.metric
        inner join {{ ref('int_currencies') }} as currencies
            on prices.currency = currencies.currency_code
        where segments.numerator > 0

    ),

    once as (

        select
            rests.rest_number,
            sum(lines.amount) as amount
        from {{ ref('int_reconciliation_rests') }} as rests
        inner join {{ ref('int_rated_lines') }} as lines
            on
                rests.subscription_id = lines.subscription_id
                and rests.period_start = lines.service_period_start
                and rests.period_end = lines.service_period_end
        where lines.kind = 'one_off'
        group by rests.rest_number

    ),

    totals as (

        select
            rated.rest_number,
            rated.set_key,
            sum(rated.amount + coalesce(rated.minimum_shortfall_amount, 0)) as rated_amount
        from {{ rate_charges('hypothesis_inputs') }} as rated
        group by rated.rest_number, rated.set_key

    )

    select
        sets.*,
        coalesce(totals.rated_amount, 0) + coalesce(once.amount, 0) as rated_amount
    from {{ sets }} as sets
    left join totals
        on sets.rest_number = totals.rest_number and sets.set_key = totals.set_key
    left join once on sets.rest_number = once.rest_number
)
{%- endmacro %}
