{#- What a hypothesis may change, each in a column of its own that says how (null: as it is). -#}
{% macro hypothesis_variants() -%}
    {{ return([
        'plan_variant', 'price_variant', 'span_variant', 'segmentation', 'quota_variant', 'usage_variant',
    ]) }}
{%- endmacro %}

{#- Rates open differences again, one row a set of suppositions. In: a relation with difference_number,
    set_key and the variants above. Out: those columns and rated_amount, what the key would have cost. The arithmetic is that of every other line. -#}
{% macro rate_hypotheses(sets) -%}
(
    with hypothesis_inputs as (

        select
            sets.difference_number,
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
                when sets.usage_variant = 'as_invoiced' or sets.quota_variant = 'zero' then 0
                when sets.quota_variant = 'unprorated' then {{ exact_divide(
                    'prices.included_quantity * segments.denominator', 'segments.numerator'
                ) }}
                else prices.included_quantity
            end as included_quantity,
            case sets.usage_variant
                when 'none' then 0
                else coalesce(usage.used_quantity, 0)
            end as used_quantity,
            currencies.decimals
        from {{ sets }} as sets
        inner join {{ ref('int_hypothesis_segments') }} as segments
            on
                sets.difference_number = segments.difference_number
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
                and coalesce(sets.usage_variant, 'own') = usage.usage_variant
                and prices.metric = usage.metric
        inner join {{ ref('int_currencies') }} as currencies
            on prices.currency = currencies.currency_code
        where segments.numerator > 0

    ),

    once as (

        select
            differences.difference_number,
            sum(lines.amount) as amount
        from {{ ref('int_open_differences') }} as differences
        inner join {{ ref('int_rated_lines') }} as lines
            on
                differences.subscription_id = lines.subscription_id
                and differences.period_start = lines.service_period_start
                and differences.period_end = lines.service_period_end
        where lines.kind = 'one_off'
        group by differences.difference_number

    ),

    totals as (

        select
            rated.difference_number,
            rated.set_key,
            sum(rated.amount + coalesce(rated.minimum_shortfall_amount, 0)) as rated_amount
        from {{ rate_charges('hypothesis_inputs') }} as rated
        group by rated.difference_number, rated.set_key

    )

    select
        sets.*,
        coalesce(totals.rated_amount, 0) + coalesce(once.amount, 0) as rated_amount
    from {{ sets }} as sets
    left join totals
        on sets.difference_number = totals.difference_number and sets.set_key = totals.set_key
    left join once on sets.difference_number = once.difference_number
)
{%- endmacro %}
