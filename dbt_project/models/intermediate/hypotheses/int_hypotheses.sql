-- Every single supposition that a stored fact of the key allows. No free parameter: a plan that the
-- invoice names, a price that was in force once, the other policies, the app's own quantity.
with facts as (

    select * from {{ ref('int_hypothesis_facts') }}

),

causes as (

    select * from {{ ref('causes') }}

),

segments as (

    select *
    from {{ ref('int_hypothesis_segments') }}
    where plan_variant = 'held'

),

prices as (

    select * from {{ ref('int_hypothesis_prices') }}

),

said_usage as (

    select * from {{ ref('int_hypothesis_said_usage') }}

),

price_variants as (

    select distinct
        segments.subscription_id,
        segments.period_start,
        segments.period_end,
        others.price_variant as variant
    from segments
    inner join prices as own
        on
            segments.subscription_id = own.subscription_id
            and segments.period_type = own.period_type
            and segments.plan_code = own.plan_code
            and segments.segment_start = own.segment_start
            and own.price_variant = 'own'
    inner join prices as others
        on
            own.subscription_id = others.subscription_id
            and own.period_type = others.period_type
            and own.plan_code = others.plan_code
            and own.segment_start = others.segment_start
            and own.charge = others.charge
            and own.price_key <> others.price_key

),

proration_variants as (

    select distinct
        subscription_id,
        period_start,
        period_end,
        segmentation as variant
    from segments
    where segmentation <> 'own'

),

supposed as (

    select
        subscription_id, period_start, period_end, 'plan_mismatch' as cause, 'named' as variant,
        1 as variant_order
    from facts
    where has_named_plan
    union all
    select
        subscription_id, period_start, period_end, 'price_version', variant,
        array_position(array['older', 'newer', 'app'], variant)
    from price_variants
    union all
    select subscription_id, period_start, period_end, 'boundary', 'said', 1
    from facts
    where has_other_span
    union all
    select
        facts.subscription_id, facts.period_start, facts.period_end, 'proration',
        proration_variants.variant,
        array_position(array['day', 'second', 'none'], proration_variants.variant)
    from facts
    inner join proration_variants
        on
            facts.subscription_id = proration_variants.subscription_id
            and facts.period_start = proration_variants.period_start
            and facts.period_end = proration_variants.period_end
    where facts.is_partial
    union all
    select
        facts.subscription_id, facts.period_start, facts.period_end, 'quota',
        quota.variant, quota.variant_order
    from facts
    cross join (values ('zero', 1), ('unprorated', 2)) as quota (variant, variant_order)
    where quota.variant = 'zero' or facts.is_partial
    union all
    select subscription_id, period_start, period_end, 'missing_usage', 'none', 1
    from facts
    where not has_usage_item
    union all
    select subscription_id, period_start, period_end, 'missing_usage', 'late', 2
    from facts
    where has_late_usage
    union all
    select distinct subscription_id, period_start, period_end, 'quantity', 'said', 1
    from said_usage

),

final as (

    select
        supposed.subscription_id,
        supposed.period_start,
        supposed.period_end,
        supposed.cause,
        supposed.variant,
        causes.cause_order * 10 + supposed.variant_order as hypothesis_order,
        case when supposed.cause = 'plan_mismatch' then supposed.variant end as plan_variant,
        case when supposed.cause = 'price_version' then supposed.variant end as price_variant,
        case when supposed.cause = 'boundary' then supposed.variant end as span_variant,
        case when supposed.cause = 'proration' then supposed.variant end as segmentation,
        case when supposed.cause = 'quota' then supposed.variant end as quota_variant,
        case when supposed.cause in ('missing_usage', 'quantity') then supposed.variant end
            as usage_variant
    from supposed
    inner join causes on supposed.cause = causes.cause

)

select * from final
